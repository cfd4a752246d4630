"""What each loss needs from the large model: a torch-free table, checked before anything is spent."""

from __future__ import annotations

from typing import Literal

from engine.tasks.definition import WRITTEN, TaskKind
from engine.teachers.protocol import Gift

LossName = Literal["outputs", "text", "representations"]
DivergenceName = Literal["forward_kl", "reverse_kl", "jensen_shannon", "skew_kl"]
OutputLossName = Literal[DivergenceName, "sorted_distance"]
"""The last one for answers in writing only: it compares models that write with different tokens."""
RepresentationLossName = Literal["relational", "cosine", "mse", "cka"]
"""The first by likenesses to anchor documents, two after a learned projection, the last within a batch."""
PROJECTING: frozenset[RepresentationLossName] = frozenset({"cosine", "mse"})
"""Those that learn a projection from the student's states to the teacher's."""
FEWEST_TOGETHER = 4  # items whose likenesses mean anything by CKA: one has none, two are always alike

NEEDS: dict[LossName, frozenset[Gift]] = {
    "outputs": frozenset({"labels"}),
    "representations": frozenset({"hidden"}),
}
NEEDS_IN_WRITING: dict[LossName, frozenset[Gift]] = {
    "outputs": frozenset({"text", "tokens"}),
    "text": frozenset({"text"}),
    "representations": frozenset({"hidden", "text"}),
}


def needs(kind: TaskKind) -> dict[LossName, frozenset[Gift]]:
    """The losses there are for a kind of question, and what each needs."""
    return NEEDS_IN_WRITING if kind in WRITTEN else NEEDS
