"""What a model does to its scores after the vocabulary matrix, for who multiplies with rows of it alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def as_scored(config: Any, scores: Tensor) -> Tensor:  # noqa: ANN401 - a model's configuration
    """Products with the vocabulary matrix, (…, tokens) fp32, as the model's own head would give them.

    Granite divides them (`logits_scaling`), Cohere and Falcon-H1 multiply them (`logit_scale`,
    `lm_head_multiplier`), Gemma 2 holds them within a range (`final_logit_softcapping`); most models do
    nothing. The order of the likeliest stays, how sure the model is does not.
    """
    scores = scores / (getattr(config, "logits_scaling", None) or 1.0)
    for name in ("logit_scale", "lm_head_multiplier"):
        scores = scores * (getattr(config, name, None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return torch.tanh(scores / cap) * cap if cap else scores
