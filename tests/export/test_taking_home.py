"""What is taken home answers as it did when it was scored, or is not called ready."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from engine.errors import RunError
from engine.evaluation.labelled import answered
from engine.export.taking_home import of_wholes, reload_check
from engine.plan import StudentPlan
from engine.students.base import Student
from tests.students.tiny import CPU, MODEL, TASK, documents, write_model


def test_a_small_model_that_answers_otherwise_is_not_called_ready(tmp_path: Path) -> None:
    plan = StudentPlan(model=MODEL, rank=4, alpha=8)
    student = Student.fresh(write_model(tmp_path), plan, TASK, CPU, seed=0)
    texts, _ = documents(12)
    said, _ = answered(student, texts)
    table = pd.DataFrame({"text": texts, "student": said, "teacher": "flood", "part": "kept_aside"})
    assert "12 of 12 answers are the same" in reload_check(student, table)
    table.loc[:4, "student"] = "something else"
    assert "7 of 12 answers are the same" in reload_check(student, table)
    table.loc[:6, "student"] = "something else"
    with pytest.raises(RunError, match="only 5 of 12 answers are the same"):
        reload_check(student, table)


def row(id_: str, whole: str, student: list[float], teacher: list[float], baseline: str) -> dict[str, object]:
    names = ("flood", "fire", "other; mixed")
    return {"id": id_, "whole": whole, "text": f"text of {id_}", "part": "learn", "baseline": baseline,
            "student_probs": json.dumps(dict(zip(names, student, strict=True))),
            "teacher_probs": json.dumps(dict(zip(names, teacher, strict=True))), "teacher_stability": 1.0,
            "student": "?", "teacher": "?", "student_confidence": 0.0, "teacher_confidence": 0.0,
            "sureness": "?"}


PIECES = pd.DataFrame([
    row("a#1", "a", [0.5, 0.1, 0.4], [0.6, 0.3, 0.1], "fire"),
    row("b", "b", [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], "other; mixed"),
    row("a#2", "a", [0.1, 0.1, 0.8], [0.2, 0.7, 0.1], "fire")])


def test_a_long_document_has_the_one_answer_that_was_scored() -> None:
    made = of_wholes(PIECES, several=False)
    assert made["id"].tolist() == ["a", "b"] and made["text"][0] == "text of a#1 text of a#2"
    assert made["student"].tolist() == ["other; mixed", "fire"]
    assert made["teacher"].tolist() == ["fire", "fire"]
    assert made["student_confidence"].tolist() == pytest.approx([0.6, 0.8])
    assert made["baseline"].tolist() == ["fire", "other; mixed"] and "?" not in made["sureness"].tolist()
    several = of_wholes(PIECES, several=True)  # what applies to a piece applies to the whole
    assert several["student"].tolist() == ["flood; other; mixed", "fire"]
    assert several["teacher"].tolist() == ["flood; fire", "fire"]
    alone = PIECES.iloc[[1]]
    assert of_wholes(alone, several=False) is alone
