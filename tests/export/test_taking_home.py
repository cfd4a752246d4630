"""What is taken home answers as it did when it was scored, or is not called ready."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engine.errors import RunError
from engine.evaluation.labelled import answered
from engine.export.taking_home import reload_check
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
