"""The moving target: from student to teacher, never back, never behind, the same after a pause."""

from __future__ import annotations

import json

import pytest
import torch

from engine.losses.interpolation import END, START, Way, between
from engine.losses.outputs import output_loss

TEACHER = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.1, 0.9]])
LOGITS = torch.tensor([[0.1, 1.0, -1.0], [2.0, 0.0, 0.0]])


def test_its_ends_are_the_student_and_the_teacher() -> None:
    torch.testing.assert_close(between(LOGITS, TEACHER, 0.0), torch.softmax(LOGITS, -1))
    torch.testing.assert_close(between(LOGITS, TEACHER, 1.0), TEACHER, atol=1e-6, rtol=1e-5)


def test_halfway_is_the_geometric_mean() -> None:
    mean = (torch.softmax(LOGITS[:1], -1) * TEACHER[:1]).sqrt()
    torch.testing.assert_close(between(LOGITS[:1], TEACHER[:1], 0.5), mean / mean.sum(-1, keepdim=True))


def test_the_target_gives_no_slope_of_its_own() -> None:
    student = LOGITS.clone().requires_grad_()
    target = between(student, TEACHER, 0.5)
    assert not target.requires_grad
    output_loss("forward_kl", student, target).sum().backward()
    gap = torch.softmax(LOGITS, -1) - target
    torch.testing.assert_close(student.grad, gap, atol=1e-5, rtol=1e-4)


def test_the_nearer_target_costs_less() -> None:
    losses = [float(output_loss("forward_kl", LOGITS, between(LOGITS, TEACHER, way)).sum())
              for way in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert losses == sorted(losses)


def test_it_goes_forward_only_and_ends_at_the_teacher() -> None:
    way, seen = Way(), []
    for step in range(200):
        way.update(loss=2.0 / (1 + step) + 0.1 * (step % 3), done=(step + 1) / 200)
        seen.append(way.at)
    assert seen == sorted(seen) and seen[0] >= START and seen[-1] == END
    line = [START + (END - START) * (step + 1) / 200 for step in range(1, 200)]
    assert all(at >= straight - 1e-12 for at, straight in zip(seen[1:], line, strict=True))


@pytest.mark.parametrize("smallest", [0.0, 1e-9, 1e-5])
def test_a_mistake_near_nothing_does_not_stop_it_for_long(smallest: float) -> None:
    way, seen = Way(), []
    for step, loss in enumerate([0.2, smallest, 0.05, *(0.05 * 0.9**k for k in range(40))]):
        way.update(loss=loss, done=0.0)
        assert -1 <= way.momentum <= 1, step
        seen.append(way.at)
    assert seen == sorted(seen) and seen[-1] > seen[3] > START


def test_falling_mistakes_move_it_faster_than_rising_ones() -> None:
    falling, rising = Way(), Way()
    for step in range(300):
        falling.update(loss=5.0 * 0.9**step, done=0.0)
        rising.update(loss=5.0 * 1.05**step, done=0.0)
    assert falling.at > rising.at > START


def test_it_goes_on_where_it_was() -> None:
    whole, part = Way(), Way()
    for step in range(30):
        whole.update(3.0 / (step + 1), step / 60)
    for step in range(15):
        part.update(3.0 / (step + 1), step / 60)
    part = Way(**json.loads(json.dumps(part.state())))
    for step in range(15, 30):
        part.update(3.0 / (step + 1), step / 60)
    assert part == whole
    assert Way(**json.loads(json.dumps(Way().state()))) == Way()  # before the first step, too
