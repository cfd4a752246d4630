"""Anchors keep up with the student: its states drift, and what a document is like must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.losses.representations import relational_cross_entropy, relations
from engine.models.weights import require
from engine.plan import DEFAULT_STUDENT, StudentPlan
from engine.students.base import Student
from engine.training.anchors import Anchors, carried
from engine.training.lessons import LabelLesson
from engine.training.loop import _Progress, _step
from engine.training.optimiser import Optimiser
from engine.training.ranks import ALONE
from engine.workspace import Workspace
from tests.students.tiny import CPU, TASK, Made, documents, phases


@pytest.mark.parametrize("n", [4, 7, 48])
@pytest.mark.parametrize("refresh", [1, 2, 3, 6, 12, 24, 25])
def test_every_anchor_is_read_anew_in_time(n: int, refresh: int) -> None:
    anchors = Anchors.among(range(n), torch.zeros(n, 1, 2), (1.0,))
    last = dict.fromkeys(range(n), 0)
    for step in range(1, 200):
        for one in anchors.due(step, refresh):
            last[one] = step
        assert step - min(last.values()) <= refresh + 3


def test_no_more_are_read_than_must_be() -> None:
    anchors = Anchors.among(range(48), torch.zeros(48, 1, 2), (1.0,))
    assert sum(len(anchors.due(step, 24)) for step in range(240)) == 480


def test_where_all_drift_alike_those_carried_along_are_exact() -> None:
    torch.manual_seed(0)
    then, drift = torch.randn(9, 2, 5), torch.randn(1, 2, 5)
    torch.testing.assert_close(carried(then, (then + drift)[[1, 4]], [1, 4]), then + drift)


def test_those_read_anew_are_as_read_and_nothing_else_is_written() -> None:
    torch.manual_seed(0)
    then, fresh = torch.randn(5, 1, 3), torch.randn(2, 1, 3)
    before = then.clone()
    moved = carried(then, fresh, [0, 3])
    torch.testing.assert_close(moved[[0, 3]], fresh)
    torch.testing.assert_close(then, before)


def test_states_of_a_save_point_go_where_the_student_is() -> None:
    """`meta` stands for a graphics card, which tests do not have."""
    moved = carried(torch.zeros(4, 2, 3), torch.ones(2, 2, 3, device="meta"), [1, 3])
    assert moved.device.type == "meta" and moved.shape == (4, 2, 3)


def test_a_student_in_training_sees_what_it_would_by_anchors_read_at_every_step(
        made: Made, student_and_encoder: Path) -> None:
    """A real student drifts: anchors of some steps ago must not stand for those of now."""
    texts, truth = documents(32)
    folder = require(Workspace(student_and_encoder).models, DEFAULT_STUDENT)
    student = Student.fresh(folder, StudentPlan(), TASK, CPU, seed=0)
    teacher = torch.tensor(np.random.default_rng(0).normal(size=(32, 2, 5)), dtype=torch.float32)
    anchors = Anchors.among(range(16), teacher, (0.5, 1.0))
    lesson = LabelLesson([student.encode(t) for t in texts], torch.eye(3)[truth] * 0.8 + 0.2 / 3, anchors)
    optimiser, progress = Optimiser(student.adapter_parameters(), 1e-3, 14), _Progress([])
    for step in range(14):
        _step(student, made.plan(anchor_refresh=24), phases()[0], lesson, progress,
              [(step * 8 + k) % 32 for k in range(8)], torch.ones(8), ALONE)
        optimiser.step()
        progress.step += 1
        if step == 0:
            then = progress.anchor_states.clone()
    now = anchors.student_states(lambda rows: lesson.states(student, rows), lesson.lengths, 512, range(16))

    def away(states: torch.Tensor) -> float:
        """How far what documents look like by these anchors is from what they do by those of now, in nats."""
        with torch.no_grad():
            own = lesson.states(student, range(32))
        seen, true = (relations(own, each, anchors.own) for each in (states, now))
        return float(relational_cross_entropy(seen, true).mean())

    assert away(progress.anchor_states) < 0.7 * away(then)
