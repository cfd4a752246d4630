"""The beginning that prompts share, computed once: instructions in front of every message, or the message
in front of every question. Does not: change what is read, beyond the rounding of another batch shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

WORTH = 8  # tokens: below that, a pass of its own costs more than it saves
STEP = 8  # beginnings are cut to a multiple of so many, so that one serves batches which share a word more


def common_beginning(rows: Sequence[Sequence[int]]) -> int:
    """How many token ids all rows begin with; at least one is left to each row.

    >>> common_beginning([[1, 2, 3], [1, 2, 4, 5]])
    2
    """
    first, last = min(rows), max(rows)  # what the smallest and the largest share, all share
    shortest = min(map(len, rows)) - 1
    same = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return min(next(same, shortest), shortest)


def shared_beginning(rows: Sequence[Sequence[int]]) -> int:
    """How many of these token ids are read once for all rows: 0 where nothing worth it is shared.

    >>> shared_beginning([[*range(20), 1], [*range(20), 2]])
    16
    """
    shared = common_beginning(rows) // STEP * STEP if len(rows) > 1 else 0
    return shared if shared >= WORTH else 0


class SharedPrefix:
    """Keys and values of the beginning that a model read last."""

    def __init__(self, model: Any, device: torch.device) -> None:  # noqa: ANN401 - a causal LM's body
        self._model, self._device = model, device
        self._ids: list[int] = []
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def of(self, rows: Sequence[list[int]]) -> tuple[int, DynamicCache | None]:
        """Length of the beginning to leave out of `rows`, and its cache, one row wide for each of them.

        (0, None) where nothing worth it is shared.
        """
        shared = shared_beginning(rows)
        if not shared:
            return 0, None
        # By this batch alone, whatever was read before it: what is asked after a pause is answered alike.
        if self._ids != rows[0][:shared]:
            self._read(rows[0][:shared])
        cache = DynamicCache()
        for i, (keys, values) in enumerate(self._layers):
            cache.update(keys.expand(len(rows), -1, -1, -1), values.expand(len(rows), -1, -1, -1), i)
        return len(self._ids), cache

    def _read(self, ids: list[int]) -> None:
        cache = DynamicCache()
        self._model(input_ids=torch.tensor([ids], device=self._device), cache=cache,
                    use_cache=True)
        self._ids = ids
        self._layers = [(layer.keys, layer.values) for layer in cache.layers]
