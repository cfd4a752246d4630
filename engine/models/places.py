"""Rows of tokens side by side, and which place predicts which token: once, for teacher and student."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
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


def states_at(states: Sequence[Tensor], depths: Sequence[float]) -> list[Tensor]:
    """Of a model's states (embeddings, then each layer's) those at relative depths 0..1: one rule for all
    models, so that teacher and student are compared at the same depths."""
    return [states[round(depth * (len(states) - 1))] for depth in depths]


def as_half(states: Tensor) -> np.ndarray:
    """States as fp16 to keep. It holds at most 65,504; a few dimensions of last-token states come near."""
    return states.clamp(-6e4, 6e4).half().cpu().numpy()


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids side by side, filled up on the right, and which of them count: (rows, longest) both."""
    width = max(map(len, rows))
    tokens = torch.zeros((len(rows), width), dtype=torch.long)  # never read: the mask hides what fills up
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for r, row in enumerate(rows):
        tokens[r, :len(row)] = torch.tensor(row)
        mask[r, :len(row)] = 1
    return tokens.to(device), mask.to(device)
