"""A student's answers as people read them: its label, its labels or “none”, or what it wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.corpus.cleaning import clean
from engine.corpus.gathering import MOST_PIECES, in_pieces
from engine.corpus.repair import mend
from engine.evaluation.pieces import merged
from engine.metrics.deciding import decisions, named
from engine.progress import Counted
from engine.records import FloatArray
from engine.students.base import Student
from engine.students.predicting import predict, write_answers
from engine.tasks.answer_form import as_written
from engine.teachers.asking_open import read_answer


def answered_typed(student: Student, text: str) -> tuple[str, FloatArray]:
    """As `answered`, of one text as somebody typed it: cleaned and cut as the documents of training were."""
    parts, taught = in_pieces(text)[:MOST_PIECES], student.settings
    cleaned = [clean(mend(part) if taught.repair else part, taught.cleaning) for part in parts]
    pieces = [piece for piece in cleaned if any(map(str.isalpha, piece))] or cleaned[:1]
    said, probs = answered(student, pieces)
    if not student.labels:
        return "\n".join(one for one in said if one), probs[0]
    whole = merged(probs, ["it"] * len(pieces), student.several)
    return named(student.labels, decisions(whole, student.several)[0]), whole[0]


def answered(student: Student, texts: Sequence[str],
             on_progress: Counted | None = None) -> tuple[list[str], FloatArray]:
    """The answer to each text, and (texts, labels) probabilities; without labels for one that writes.

    What was written is in the one form it is compared in; empty where it cannot be read.
    """
    if student.labels:
        probs = predict(student, texts, on_progress)
        return [named(student.labels, row) for row in decisions(probs, student.several)], probs
    task = student.settings.task
    written = write_answers(student, texts, on_progress)
    made = [as_written(task, read_answer(task, one, text)) for one, text in zip(written, texts, strict=True)]
    return made, np.zeros((len(texts), 0))
