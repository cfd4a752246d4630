"""What a student is taught, by kind of answer: labels in one look, or text word by word.

The loop knows no more of it than this: rows have a length, and give losses of some names, each summed over
so many units (documents, or words), by which the loop divides once for the whole optimiser step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.losses.interpolation import between
from engine.losses.needs import LossName, OutputLossName
from engine.losses.outputs import output_loss
from engine.losses.tokens import Listed, in_chunks, text_in_chunks
from engine.models.places import answer_positions
from engine.phase_plan import PhasePlan
from engine.students.base import Student
from engine.training.anchors import Anchors
from engine.training.hints import Hints, Projection

Losses = dict[LossName, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What the losses of one step depend on besides rows and weights.

    `way` (0..1): how far the target has moved from student to teacher, None where it does not move;
    `anchor_states`: the student's states of the anchors, None where representations are not taught by them;
    `projection`: from the student's states to the teacher's, where one is learned.
    """

    phase: PhasePlan
    divergence: OutputLossName
    way: float | None = None
    anchor_states: Tensor | None = None
    projection: Projection | None = None


class Lesson(Protocol):
    """What a phase learns from, row by row beside *learn*; of inner states by anchors, by hints, or not."""

    anchors: Anchors | None
    hints: Hints | None

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        ...

    def units(self, rows: Sequence[int]) -> Mapping[LossName, Sequence[int]]:
        """Over how many units each row's losses are summed."""
        ...

    def losses(self, student: Student, rows: Sequence[int], moment: Moment) -> Losses:
        """Losses of these rows, (items,) each, in nats, summed over their units."""
        ...

    def states(self, student: Student, rows: Sequence[int]) -> Tensor:
        """The student's states of these rows at the teacher's depths, (items, depths, width)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LabelLesson:
    """Label distributions (learn, labels), learned from each prompt's last token.

    `several`: each column is the probability of yes by itself, and the loss is the mean over labels.
    """

    ids: Sequence[Sequence[int]]
    teacher_probs: Tensor
    anchors: Anchors | None = None
    several: bool = False
    hints: Hints | None = None

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each prompt."""
        return [len(row) for row in self.ids]

    def units(self, rows: Sequence[int]) -> Mapping[LossName, Sequence[int]]:
        """One document each."""
        ones = [1] * len(rows)
        return {"outputs": ones, "representations": ones}

    def losses(self, student: Student, rows: Sequence[int], moment: Moment) -> Losses:
        """See `Lesson.losses`."""
        depths = _depths_taught(self, moment)
        logits, states = student.forward([self.ids[i] for i in rows], depths)
        target = self.teacher_probs[list(rows)].to(logits.device)
        if self.several:  # yes against no: two outcomes a label
            logits = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
            target = torch.stack([target, 1 - target], dim=-1)
        if moment.way is not None:
            target = between(logits, target, moment.way)
        outputs = output_loss(moment.divergence, logits, target, moment.phase.temperature)
        made: Losses = {"outputs": outputs.mean(dim=-1) if self.several else outputs}
        if depths:
            made["representations"] = _representations(self, states, rows, moment)
        return made

    def states(self, student: Student, rows: Sequence[int]) -> Tensor:
        """See `Lesson.states`."""
        return student.forward([self.ids[i] for i in rows], _depths(self))[1]


@dataclass(frozen=True, slots=True, eq=False)
class TextLesson:
    """Answers in writing: prompt and answer as token ids, and the teacher's likeliest tokens where known.

    `teacher[i]` lists the tokens of row i's answer, in its order; None teaches by the words alone. Where the
    models write with different tokens, place by place as far as both answers go (as ULD does).
    """

    prompts: Sequence[Sequence[int]]
    answers: Sequence[Sequence[int]]
    teacher: Sequence[Listed] | None = None
    anchors: Anchors | None = None
    hints: Hints | None = None

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each prompt with its answer."""
        return [len(p) + len(a) for p, a in zip(self.prompts, self.answers, strict=True)]

    def units(self, rows: Sequence[int]) -> Mapping[LossName, Sequence[int]]:
        """Tokens of the answer, or those that both models have; for representations one document each."""
        return {"outputs": [self._common(i) for i in rows], "text": [len(self.answers[i]) for i in rows],
                "representations": [1] * len(rows)}

    def _common(self, row: int) -> int:
        own = len(self.answers[row])
        return own if self.teacher is None else min(own, len(self.teacher[row].ids))

    def losses(self, student: Student, rows: Sequence[int], moment: Moment) -> Losses:
        """See `Lesson.losses`."""
        depths = _depths_taught(self, moment)
        read, states = student.read([[*self.prompts[i], *self.answers[i]] for i in rows],
                                    [len(self.prompts[i]) for i in rows], depths)
        owner, _ = answer_positions([len(self.prompts[i]) for i in rows],
                                    [len(self.prompts[i]) + len(self.answers[i]) for i in rows])
        made: Losses = {}
        if moment.phase.text > 0:
            words = torch.tensor([t for i in rows for t in self.answers[i]], device=read.device)
            per_word = text_in_chunks(read, student.head, words, scored=student.scored)
            made["text"] = _per_row(per_word, owner, len(rows))
        if moment.phase.outputs > 0 and self.teacher is not None:
            common = [self._common(i) for i in rows]
            first = torch.cat([torch.arange(len(self.answers[i])) < n
                               for i, n in zip(rows, common, strict=True)])
            listed = Listed.joined([self.teacher[i].first(n) for i, n in zip(rows, common, strict=True)])
            per_token = in_chunks(moment.divergence, read[first.to(read.device)], student.head,
                                  listed.to(read.device), moment.phase.temperature, way=moment.way,
                                  scored=student.scored)
            made["outputs"] = _per_row(per_token, owner[first], len(rows))
        if depths:
            made["representations"] = _representations(self, states, rows, moment)
        return made

    def states(self, student: Student, rows: Sequence[int]) -> Tensor:
        """See `Lesson.states`."""
        return student.read([[*self.prompts[i], *self.answers[i]] for i in rows],
                            [len(self.prompts[i]) for i in rows], _depths(self))[1]


def _depths(lesson: Lesson) -> tuple[float, ...]:
    """Where the teacher's states were taken."""
    taught = lesson.anchors or lesson.hints
    return taught.depths if taught else ()


def _depths_taught(lesson: Lesson, moment: Moment) -> tuple[float, ...]:
    """The same where this step learns from them; nowhere else."""
    by_hints = lesson.hints is not None and moment.phase.representations > 0
    return _depths(lesson) if by_hints or moment.anchor_states is not None else ()


def _representations(lesson: Lesson, states: Tensor, rows: Sequence[int], moment: Moment) -> Tensor:
    """The loss on these rows' states, (items,)."""
    if lesson.hints is not None:
        return lesson.hints.loss(states, rows, moment.projection)
    return lesson.anchors.loss(states, rows, moment.anchor_states)


def _per_row(per_token: Tensor, owner: Tensor, rows: int) -> Tensor:
    """Sums over the tokens of each row, (rows,)."""
    sums = torch.zeros(rows, dtype=per_token.dtype, device=per_token.device)
    return sums.index_add(0, owner.to(per_token.device), per_token)
