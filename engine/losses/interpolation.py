"""A target that moves from the student to the teacher as fast as the student follows.

Temporally adaptive interpolated distillation (TAID): Shing, Misaki, Bao, Yokoi, Akiba, ICLR 2025. A small
student is first asked for something near what it says already; how near is settled by how its mistakes fall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_TINY = 1e-9
START, END = 0.4, 1.0  # of the way from student to teacher
STEP = 5e-4            # largest move a step beyond the straight line, before mistakes are looked at
MEMORY = 0.99          # of the fall of mistakes


def between(student_logits: Tensor, teacher_probs: Tensor, way: float) -> Tensor:
    """The distribution that lies `way` (0..1) from student to teacher, in scores; no gradient.

    Shape (items, labels). 0 is what the student says, 1 what the teacher says.
    """
    scores = (1 - way) * student_logits.detach().float() + way * teacher_probs.float().clamp_min(_TINY).log()
    return torch.softmax(scores, dim=-1)


@dataclass(slots=True)
class Way:
    """How far the target has moved. All of it belongs into a save point; the same on every rank."""

    at: float = START
    momentum: float = 0.0
    last: float = math.inf

    def update(self, loss: float, done: float) -> None:
        """After a step: `loss` of the output term over the whole batch, `done` share of all steps, 0..1.

        It never falls behind a straight line from START to END, and never goes back.
        """
        if math.isfinite(self.last):
            # A rise counts as a fall to nothing at most: after a mistake near 0 it would be boundless.
            fall = max(-1.0, (self.last - loss) / (self.last + _TINY))
            self.momentum = MEMORY * self.momentum + (1 - MEMORY) * fall
            ahead = self.at + STEP / (1 + math.exp(-self.momentum)) * (1 - self.at)
            self.at = min(END, max(START + (END - START) * done, ahead))
        self.last = loss

    def state(self) -> dict[str, float]:
        """Plain values for a save point; `Way(**state)` is the same again."""
        return {"at": self.at, "momentum": self.momentum, "last": self.last}
