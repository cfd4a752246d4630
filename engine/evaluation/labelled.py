"""A student's answers as people read them: its label, its labels or “none”, or what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.metrics.deciding import decisions
from engine.records import FloatArray
from engine.students.base import Student
from engine.students.predicting import predict, write_answers
from engine.tasks.answer_form import as_written
from engine.tasks.definition import Task
from engine.teachers.asking_more import read_answer

BETWEEN, NO_LABEL = "; ", "none"  # between several labels of a document; where it has none


def named(names: Sequence[str], given: Sequence[bool]) -> str:
    """Decisions of one document as people read them: its labels, or “none”."""
    return BETWEEN.join(name for name, yes in zip(names, given, strict=True) if yes) or NO_LABEL


def answered(student: Student, texts: Sequence[str],
             on_progress: Callable[[int, int], None] | None = None) -> tuple[list[str], FloatArray]:
    """The answer to each text, and (texts, labels) probabilities; without labels for one that writes.

    What was written is in the one form it is compared in; empty where it cannot be read.
    """
    if student.labels:
        probs = predict(student, texts, on_progress)
        return [named(student.labels, row) for row in decisions(probs, student.several)], probs
    task = Task(**student.settings["task"])
    written = write_answers(student, texts, on_progress)
    made = [as_written(task, read_answer(task, one, text)) for one, text in zip(written, texts, strict=True)]
    return made, np.zeros((len(texts), 0))
