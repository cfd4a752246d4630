"""What losses over lists are held against: lists made from a whole vocabulary, and all of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.losses.tokens import Listed


def list_tokens(logits: Tensor, k: int, temperatures: Sequence[float]) -> Listed:
    """The `k` likeliest tokens of scores (tokens, vocabulary), exact at these temperatures, in 32 bits."""
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    listed, ids = log_probs.topk(min(k, logits.shape[-1]), dim=-1)
    return Listed(ids, listed, {t: (log_probs / t).logsumexp(-1) for t in temperatures})


def whole_distance(student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0) -> Tensor:
    """`sorted_distance` over all tokens of both, (tokens,): the shorter is filled up with zeros."""
    wide = max(student_logits.shape[-1], teacher_logits.shape[-1])
    p, q = (torch.softmax(scores.float() / temperature, dim=-1).sort(dim=-1, descending=True).values
            for scores in (teacher_logits, student_logits))
    p, q = (torch.nn.functional.pad(probs, (0, wide - probs.shape[-1])) for probs in (p, q))
    return (p - q).abs().sum(-1)
