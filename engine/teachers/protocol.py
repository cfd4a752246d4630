"""What a large model can give, as a table without torch, and the verbs that ask it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from engine.records import Answer, FloatArray, ListedTokens, Prompt, Written

TeacherKind = Literal["local", "recorded"]
RECORDED = "recorded:"  # how the name of a recording begins
Gift = Literal["labels", "hidden", "text", "tokens"]

GIVES: dict[TeacherKind, frozenset[Gift]] = {
    "local": frozenset({"labels", "hidden", "text", "tokens"}),
    "recorded": frozenset({"labels", "hidden"}),
}
"""What each kind of teacher can give. `DistillPlan.check` compares it with what the losses need."""

LISTED = 32
"""Likeliest tokens kept at each place of a written answer: the others get next to nothing."""

DEPTHS: tuple[float, ...] = (0.25, 0.5, 1.0)
"""Relative depths whose pooled hidden states are kept."""


class Teacher(Protocol):
    """A large model that can be asked.

    `weights` names its weights and how it reads a prompt; `digest` the number format, too: its answers are
    kept under that.
    """

    name: str
    weights: str
    digest: str

    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        """Log-probabilities over the letters of each prompt, and hidden states when depths are asked."""
        ...

    def tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        """How many tokens it reads for each of these prompts; what it reads once for all is not counted."""
        ...

    def covers(self, prompts: Sequence[Prompt]) -> list[bool]:
        """Which of these prompts can be answered at all: a recording knows only what it was asked."""
        ...

    def write(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Written]:
        """What it writes after each prompt, greedily. Raises `TeacherError` where it cannot."""
        ...

    def list_tokens(self, prompts: Sequence[Prompt], texts: Sequence[str], temperatures: tuple[float, ...],
                    depths: tuple[float, ...]) -> list[tuple[ListedTokens, FloatArray | None]]:
        """Its likeliest tokens at each place of given answers (its end of turn included).

        Exact at these temperatures; with (depths, width) mean states over the places. Raises `TeacherError`
        where it cannot.
        """
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


def teacher_kind(name: str) -> TeacherKind:
    """`recorded:<name>` is a recording; everything else is a model on this machine."""
    return "recorded" if name.startswith(RECORDED) else "local"
