"""Which implementation of attention a student computes with, by what the measurement said."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

EAGER_UP_TO = 192  # tokens


def suit_attention(model: PreTrainedModel, width: int) -> None:
    """Set the implementation for a batch `width` tokens wide: torch's fused one, or products written out.

    On a CPU the fused one's backward pass is the slower up to some 200 tokens, its forward pass the faster at
    any length (`python -m tests.benchmarks.steps attention`).
    """
    short = width <= EAGER_UP_TO and torch.is_grad_enabled() and model.device.type == "cpu"
    suited = "eager" if short or not model._supports_sdpa else "sdpa"  # noqa: SLF001 - Gemma 2 knows no other
    if model.config._attn_implementation != suited:
        model.set_attn_implementation(suited)
