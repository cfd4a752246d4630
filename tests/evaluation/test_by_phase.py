"""Answers by phase: each with the weights its phase ended with, and the student is left as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from engine.evaluation.by_phase import by_phase
from engine.evaluation.report import by_name
from engine.metrics.deciding import decisions
from engine.plan import StudentPlan
from engine.students.base import Student
from engine.students.predicting import predict
from engine.training.checkpoints import finish_phase, phase_folder
from tests.students.tiny import CPU, TASK, documents, write_model

TEXTS = documents(12)[0]
PHASES = [{"name": name, "title": name.title(), "kept": name != "breadth"}
          for name in ("foundations", "breadth", "hard", "last")]
READ = {"name": "reading", "title": "Reading", "kept": True, "reads": True}


def test_each_phase_answers_with_its_own_weights(tmp_path: Path) -> None:
    base = write_model(tmp_path / "models")
    student = Student.fresh(base, StudentPlan(model=base.name, rank=4, alpha=8), TASK, CPU, seed=0)
    draw, said = torch.Generator().manual_seed(5), {}
    for index, phase in enumerate(PHASES):
        with torch.no_grad():
            for p in student.adapter_parameters():
                p.copy_(0.3 * torch.randn(p.shape, generator=draw))
        weights = [p.detach().float().clone() for p in student.adapter_parameters()]
        finish_phase(phase_folder(tmp_path, index, phase["name"]), weights, dict(phase))
        said[phase["name"]] = predict(student, TEXTS)
    table = pd.DataFrame({"text": TEXTS, "part": ["learn", "steer", *["kept_aside"] * 10], "group": range(12),
                          "whole": [*"abcdefghij", "k", "k"],  # the last two are pieces of one document
                          "student_probs": [json.dumps(dict(zip(TASK.names, row, strict=True)))
                                            for row in said["last"].tolist()]})
    teacher = np.eye(3)[np.arange(12) % 3]
    counted = []
    told, column = by_phase(student, tmp_path, PHASES, teacher, table, lambda done, total: counted.append(
        (done, total)))

    assert np.array_equal(predict(student, TEXTS), said["last"])  # left as it was
    assert counted[-1] == (20, 20) and ["kept_aside" in p for p in told] == [True, False, True, False]
    assert column[:2] == ["", ""]
    for row in range(2, 12):
        answers = json.loads(column[row])
        assert [title for title, *_ in answers] == ["Foundations", "Hard"]
        for (_, answer, sure), name in zip(answers, ("foundations", "hard"), strict=True):
            probs = said[name][row]
            assert answer == TASK.names[probs.argmax()] and abs(sure - probs.max()) < 1e-4
    right = {}
    for phase in (told[0], told[2], told[3]):
        probs = said[phase["name"]]
        same = [probs[i].argmax() == i % 3 for i in range(2, 10)]
        together = (probs[10] + probs[11]).argmax() == (teacher[10] + teacher[11]).argmax()
        right[phase["name"]] = np.array([*same, together], dtype=float)
        assert phase.get("kept_aside") == (
            None if phase["name"] == "last" else round(right[phase["name"]].mean(), 4))
    assert ["kept_aside_change" in p for p in told] == [False, False, True, True]
    for before, phase in (("foundations", told[2]), ("hard", told[3])):
        change, gap = phase["kept_aside_change"], right[phase["name"]] - right[before]
        assert change["value"] == gap.mean() and change["n"] == change["groups"] == 9
        # Paired: where both are right, or both wrong, nothing is drawn.
        assert (change["low"] == change["high"]) == (np.ptp(gap) == 0)
        assert change["low"] <= change["value"] <= change["high"]


def test_what_was_read_before_any_answer_is_worth_no_agreement(tmp_path: Path) -> None:
    base = write_model(tmp_path / "models")
    student = Student.fresh(base, StudentPlan(model=base.name, rank=4, alpha=8), TASK, CPU, seed=0)
    weights = [p.detach().float().clone() for p in student.adapter_parameters()]
    both = [READ, PHASES[0]]
    for index, phase in enumerate(both):
        finish_phase(phase_folder(tmp_path, index, phase["name"]), weights, dict(phase))
    table = pd.DataFrame({"text": TEXTS, "part": "kept_aside", "group": range(12), "whole": range(12),
                          "student_probs": ""})
    told, column = by_phase(student, tmp_path, both, np.eye(3)[np.arange(12) % 3], table, lambda *_: None)
    assert told == both and column == [""] * 12


def test_a_run_of_one_phase_has_nothing_to_look_back_at(tmp_path: Path) -> None:
    base = write_model(tmp_path / "models")
    student = Student.fresh(base, StudentPlan(model=base.name, rank=4, alpha=8), TASK, CPU, seed=0)
    table = pd.DataFrame({"text": TEXTS, "part": ["kept_aside"] * 12, "whole": TEXTS, "group": range(12)})
    for phases in (PHASES[:1], PHASES[:2]):  # the second was rolled back
        told, column = by_phase(student, tmp_path, phases, np.eye(3)[np.zeros(12, int)], table,
                                lambda *_: None)
        assert set(column) == {""} and not any("kept_aside" in key for phase in told for key in phase)


def test_what_is_read_back_from_the_table_is_decided_as_it_was() -> None:
    """A yes at .49996 is no: rounded to what is shown it would be one."""
    near = np.array([[0.49996, 0.2, 0.5], [1 / 3, 1 / 3 + 1e-9, 1 / 3 - 1e-9]])
    again = np.array([list(json.loads(by_name(TASK.names, row)).values()) for row in near])
    for several in (False, True):
        assert np.array_equal(decisions(again, several), decisions(near, several))
    assert np.array_equal(again, near)
