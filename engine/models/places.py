"""Which place of a model predicts which token of an answer: settled here, once, for teacher and student."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def answer_positions(prompt_lengths: Sequence[int], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Rows and positions whose scores predict the answer's tokens, (tokens,) each.

    The score at a position predicts the *next* token: an answer of tokens p … n-1 is predicted at p-1 … n-2.
    Padding (on the right) and the prompt's own tokens are never among them.

    Args:
        prompt_lengths: tokens of each row before its answer; at least one.
        lengths: tokens of each row, answer included.

    Raises:
        ValueError: an answer without a token before it.
    """
    if any(p < 1 for p in prompt_lengths):
        raise ValueError("nothing stands before the answer, so nothing predicts its first token")
    rows = [r for r, (p, n) in enumerate(zip(prompt_lengths, lengths, strict=True)) for _ in range(p, n)]
    places = [t - 1 for p, n in zip(prompt_lengths, lengths, strict=True) for t in range(p, n)]
    return torch.tensor(rows, dtype=torch.long), torch.tensor(places, dtype=torch.long)
