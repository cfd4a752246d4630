"""Anchor documents: how alike every document is to them is what a student learns from inner states.

All states of a student drift together while it learns, soon further than documents lie apart: anchors read
some steps ago would pull every document back to where all of them were. So a few are read anew every `EVERY`
steps, in turn, and the others are carried along by the mean change of those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.losses.representations import relational_cross_entropy, relations
from engine.students.predicting import length_batches

EVERY = 3  # optimiser steps
States = Callable[[list[int]], Tensor]
"""Positions within *learn* → the student's states of them, (items, depths, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Fixed anchor documents and the teacher's states.

    positions (anchors,) within *learn*; teacher (learn, depths, width) states of every document;
    own (learn,) the anchor that a document is, or -1; depths: where in the models the states are taken.
    """

    positions: Sequence[int]
    teacher: Tensor
    own: Tensor
    depths: tuple[float, ...]

    @classmethod
    def among(cls, chosen: Sequence[int], teacher: Tensor, depths: tuple[float, ...]) -> Anchors:
        """Anchors at these positions of the teacher's states (learn, depths, width)."""
        own = torch.full((len(teacher),), -1, dtype=torch.long)
        own[torch.as_tensor(list(chosen))] = torch.arange(len(chosen))
        return cls(tuple(int(i) for i in chosen), teacher, own, depths)

    def student_states(self, states: States, lengths: Sequence[int], tokens: int,
                       some_of: Sequence[int]) -> Tensor:
        """The student's present states of some anchors, (anchors, depths, width) fp32, without gradient.

        lengths: (learn,) tokens of each document; tokens: how many to read at once.
        """
        return present_states(states, lengths, tokens, [self.positions[k] for k in some_of])

    def due(self, step: int, refresh: int) -> list[int]:
        """Which anchors to read anew before this step: all of them, in turn, in some `refresh` steps."""
        every, n = min(EVERY, refresh), len(self.positions)
        if step % every:
            return []
        each = -(-n * every // refresh)
        first = step // every * each
        return sorted({(first + k) % n for k in range(min(each, n))})

    def loss(self, states: Tensor, rows: Sequence[int], anchor_states: Tensor) -> Tensor:
        """Relational cross-entropy of the student's `states` (items, depths, width) of `rows`, (items,)."""
        own, device = self.own[list(rows)].to(states.device), states.device
        seen = relations(states, anchor_states.to(device), own)
        wanted = relations(self.teacher[list(rows)].to(device),
                           self.teacher[list(self.positions)].to(device), own)
        return relational_cross_entropy(seen, wanted)


@torch.no_grad()
def present_states(states: States, lengths: Sequence[int], tokens: int, positions: Sequence[int]) -> Tensor:
    """The student's states of these positions, (positions, depths, width) fp32, read in batches of like
    length of so many `tokens`, without gradient."""
    found: list[Tensor | None] = [None] * len(positions)
    for rows in length_batches([lengths[i] for i in positions], tokens):
        some = states([positions[r] for r in rows])
        for r, state in zip(rows, some, strict=True):
            found[r] = state.float()
    return torch.stack(found)


def carried(states: Tensor, fresh: Tensor, those: Sequence[int]) -> Tensor:
    """All anchors' states (anchors, depths, width), of which `those` were read anew as `fresh`.

    The others are moved by the mean change of those: exact where all drift alike.
    """
    states = states.to(fresh.device)  # those of a save point come from the processor's memory
    moved = states + (fresh - states[list(those)]).mean(0)
    moved[list(those)] = fresh
    return moved
