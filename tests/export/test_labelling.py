"""What is told beside a table of answers, by the kind of the question; small models answer, untaught ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engine.corpus.table import ReadOptions
from engine.errors import InputError
from engine.export.labelling import answer_rows, label_files, read_as_taught, told_of
from engine.plan import STUDENT_PROMPTS, StudentPlan
from engine.students.base import Student
from engine.tasks.definition import Field, Label, Task
from engine.workspace import Workspace
from tests.students.taught import LINE, SEVERAL
from tests.students.tiny import CPU, MODEL, TASK, calm, documents, write_model

__all__ = ["calm"]
FACTS = Task(id="facts", kind="extract", question="What happened where?", fields=(
    Field(name="place", definition="where"), Field(name="people", definition="how many", type="number")))
PARTED = Task(id="parted", kind="multi_label", question="Which apply?", labels=(
    Label(name="roads", definition="no way through"), Label(name="roads; bridges", definition="none at all")))


def student(models: Path, task: Task) -> Student:
    plan = StudentPlan(model=MODEL, rank=4, alpha=8, prompt=STUDENT_PROMPTS[task.kind])
    made = Student.fresh(write_model(models), plan, task, CPU, seed=0)
    if not made.labels:
        made.settings = made.settings.model_copy(update={"most_tokens": 8})  # as schooling leaves it
    return made


def brought(folder: Path, n: int = 12) -> list[Path]:
    texts, _ = documents(n)
    folder.mkdir()
    pd.DataFrame({"id": [f"d{i}" for i in range(n + 1)], "text": [*texts, ""]}).to_csv(
        folder / "calls.csv", index=False)
    long = " ".join(["Water rises in the river and rain falls."] * 120)
    (folder / "long.txt").write_text(long)
    (folder / "broken.xlsx").write_bytes(b"PK\x03\x04 cut short")
    return [folder / "calls.csv", folder / "long.txt", folder / "broken.xlsx"]


@pytest.mark.parametrize("task", [TASK, SEVERAL, PARTED, FACTS, LINE], ids=lambda task: task.id)
def test_it_is_told_what_was_found_by_the_kind_of_the_question(tmp_path: Path, task: Task) -> None:
    small = student(tmp_path / "models", task)
    read = read_as_taught(small, brought(tmp_path / "in"), ReadOptions())
    seen: list[int] = []
    rows = answer_rows(small, read.corpus.documents, lambda done, _total: seen.append(done))
    told = told_of(small, read, rows)
    assert seen[-1] == len(read.corpus) > 13 and told["kind"] == task.kind
    assert told["documents"] == 13 and told["rows_read"] == 14 and told["dropped"] == {"empty": 1}
    assert [one["name"] for one in told["refused"]] == ["broken.xlsx"]
    assert told["columns"] == [["calls.csv", "text"]] and len(told["first"]) == 5
    found = dict(told["found"])
    if not small.labels:
        assert set(found) == {field.name for field in task.fields}
        assert all(0 <= n <= 13 for n in found.values()) and told["unsure"] == 0
        assert told["first"][0]["confidence"] is None
        return
    assert len(rows) == 13 and [n for _, n in told["found"]] == sorted(found.values(), reverse=True)
    for name, n in found.items():
        if name != "none":
            assert n == sum(row[f"p({name})"] >= 0.5 for row in rows) or task.kind == "single_label"
    if task.kind == "single_label":
        assert sum(found.values()) == 13 and set(found) == set(task.names)
        assert told["unsure"] == sum(row["confidence"] < 0.5 for row in rows)
    else:
        assert found["none"] == sum(row["answer"] == "none" for row in rows) and told["unsure"] == 0


def test_a_table_is_never_written_over_one_of_the_files(tmp_path: Path) -> None:
    files = brought(tmp_path / "in")
    with pytest.raises(InputError, match="over the documents"):
        label_files(Workspace(tmp_path), tmp_path / "none", files, tmp_path / "in" / "." / "calls.csv",
                    ReadOptions())
    for target in (files[0], tmp_path / "in" / "new.csv", tmp_path / "in" / "deeper" / "new.csv"):
        with pytest.raises(InputError, match="among the documents"):
            label_files(Workspace(tmp_path), tmp_path / "none", [tmp_path / "in"], target.with_suffix(".csv"),
                        ReadOptions())
