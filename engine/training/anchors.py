"""Anchor documents: how alike every document is to them is what a student learns from inner states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.losses.representations import relational_cross_entropy, relations
from engine.students.predicting import length_batches

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

    @torch.no_grad()
    def student_states(self, states: States, lengths: Sequence[int], tokens: int,
                       some_of: Sequence[int]) -> Tensor:
        """The student's present states of some anchors, (anchors, depths, width) fp32, without gradient.

        lengths: (learn,) tokens of each document; tokens: how many to read at once.
        """
        positions = [self.positions[k] for k in some_of]
        found: list[Tensor | None] = [None] * len(positions)
        for rows in length_batches([lengths[i] for i in positions], tokens):
            some = states([positions[r] for r in rows])
            for r, state in zip(rows, some, strict=True):
                found[r] = state.float()
        return torch.stack(found)

    def loss(self, states: Tensor, rows: Sequence[int], anchor_states: Tensor) -> Tensor:
        """Relational cross-entropy of the student's `states` (items, depths, width) of `rows`, (items,)."""
        own, device = self.own[list(rows)].to(states.device), states.device
        seen = relations(states, anchor_states.to(device), own)
        wanted = relations(self.teacher[list(rows)].to(device),
                           self.teacher[list(self.positions)].to(device), own)
        return relational_cross_entropy(seen, wanted)
