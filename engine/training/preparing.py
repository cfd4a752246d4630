"""From documents and teacher signal to what the training loop eats: token ids, targets, anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from engine.embedding.clusters import medoids
from engine.losses.tokens import Listed
from engine.metrics.deciding import decisions
from engine.plan import DistillPlan
from engine.records import Corpus, FloatArray, ListedTokens, Signal, TeacherSignal, WrittenSignal
from engine.students.base import Student
from engine.training.anchors import Anchors
from engine.training.hints import Hints
from engine.training.lessons import LabelLesson, TextLesson

AnyLesson = TypeVar("AnyLesson", LabelLesson, TextLesson)


def label_lesson(student: Student, corpus: Corpus, learn: Sequence[int], signal: TeacherSignal, *,
                 hard: bool = False) -> LabelLesson:
    """What to learn about the documents `learn` (indices into the corpus) where labels are chosen.

    `hard`: decisions instead of probabilities.
    """
    said = signal.probs[list(learn)]
    probs = torch.tensor(decisions(said, signal.several) if hard else said, dtype=torch.float32)
    return LabelLesson([student.encode(corpus.documents[i].text) for i in learn], probs,
                       several=signal.several)


def text_lesson(student: Student, corpus: Corpus, learn: Sequence[int], signal: WrittenSignal, *,
                tokens: bool, shared: bool = True) -> TextLesson:
    """What to learn to write about the documents `learn`, all of which have a text.

    `tokens`: from the teacher's likeliest tokens too; `shared`: the student writes with the same ones.
    """
    answers = [student.encode_answer(signal.texts[i]) for i in learn]
    listed = None
    if tokens:
        kept = [signal.tokens[i] for i in learn]
        answers = [one.written.tolist() for one in kept] if shared else answers
        listed = [as_listed(one) for one in kept]
    return TextLesson([student.encode(corpus.documents[i].text) for i in learn], answers, listed)


def with_states(lesson: AnyLesson, plan: DistillPlan, learn: Sequence[int], signal: Signal,
                vectors: FloatArray | None) -> AnyLesson:
    """The lesson with the teacher's inner states of the same documents, taught as the plan says.

    By anchors, which are medoids of *learn* only among the sentence `vectors` (documents, width); by the loss
    of its hints; or not at all, where no phase wants them or the teacher showed none.
    """
    if signal.hidden is None:
        return lesson
    states = torch.tensor(signal.hidden[list(learn)].astype(np.float32))
    anchors, hints = None, None
    if plan.wants_anchors and vectors is not None:
        most = min(plan.anchors, max(2, len(learn) // 3))
        chosen = medoids(vectors[list(learn)], most, plan.seed)
        anchors = Anchors.among(np.asarray(chosen).tolist(), states, signal.depths)
    if plan.hint_loss is not None:
        hints = Hints.of(plan.hint_loss, states, signal.depths)
    return replace(lesson, anchors=anchors, hints=hints)


def reading_lesson(student: Student, corpus: Corpus, rows: Sequence[int]) -> TextLesson:
    """The words of the documents `rows`, each to be foretold from those before it: all but the first token.

    Task-adaptive pretraining (Gururangan et al., “Don't Stop Pretraining”, ACL 2020), through the adapter.
    """
    ids = [student.encode_document(corpus.documents[i].text) for i in rows]
    return TextLesson([row[:1] for row in ids], [row[1:] for row in ids])


def as_listed(kept: ListedTokens) -> Listed:
    """Kept tokens as tensors."""
    return Listed(torch.tensor(kept.ids.astype(np.int64)), torch.tensor(kept.log_probs.astype(np.float32)),
                  {t: torch.tensor(row) for t, row in zip(kept.temperatures, kept.normalisers, strict=True)})
