"""Everybody's answers, a row a document: the table that a run leaves (`predictions.parquet`); and what every
report begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from engine.metrics.calibration import sureness
from engine.plan import DistillPlan
from engine.prompts.template import render_any, shorten
from engine.records import PARTS, Corpus, Part, Parts
from engine.students.base import Student

NOT_GIVEN = float("nan")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of one document, or of one piece of a long one, as people read it; empty where not.

    teacher, student, baseline  the answers; the last is of the bag of words, or of having no model
    teacher_confidence  how sure the large model was, 0..1
    asked               questions asked about it
    gold                its label in the upload, for scoring only
    teacher_stability   share of its answers that were this one
    student_confidence  how sure the small model is, 0..1; NaN where it writes
    teacher_probs, student_probs  JSON by category; `{}` where answers are written
    asked_again, why_asked  whether training asked more questions about it; and why
    """

    teacher: str
    student: str
    baseline: str
    teacher_confidence: float
    asked: int
    gold: str | None = None
    teacher_stability: float = 1.0
    student_confidence: float = NOT_GIVEN
    teacher_probs: str = "{}"
    student_probs: str = "{}"
    asked_again: bool = False
    why_asked: str = ""


def table_of(plan: DistillPlan, corpus: Corpus, parts: Parts, student: Student,
             answers: Callable[[int, Part], Answers]) -> pd.DataFrame:
    """One row a document: what it is, both models' prompts, and its `answers(index, part)`."""
    part = {i: p for p in PARTS for i in parts.named(p)}
    rows = []
    for i, document in enumerate(corpus.documents):
        said = answers(i, part[i])
        rows.append({
            "id": document.id, "text": document.text, "original": document.original, "whole": document.whole,
            "part": part[i], "group": document.group, **asdict(said),
            "teacher_confidence": round(said.teacher_confidence, 4),
            "teacher_stability": round(said.teacher_stability, 4),
            "student_confidence": round(said.student_confidence, 4),
            "sureness": sureness(said.teacher_confidence, said.teacher_stability),
            "teacher_prompt": render_any(plan.ask.template, plan.task,
                                         shorten(document.text, plan.ask.max_chars)),
            "student_prompt": student.prompt(document.text)})
    return pd.DataFrame(rows)


def heading(plan: DistillPlan, parts: Parts, learned_from: int, documents_per_s: float,
            gold_column: str = "") -> dict[str, Any]:
    """What every report begins with: the kind of question, the date, how many documents, how fast."""
    return {"kind": plan.task.kind, "gold_column": gold_column,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "sizes": {part: len(parts.named(part)) for part in PARTS}, "learned_from": learned_from,
            "cost": {"student": {"documents_per_s": round(documents_per_s, 2)}}}
