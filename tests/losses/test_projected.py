"""States compared after a projection: right by hand, blind to what does not matter, with a true slope."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from engine.losses.projected import (
    centre_and_scale,
    project,
    projected_cosine,
    projected_mse,
    standardised,
)

LOSSES = [projected_cosine, projected_mse]
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@pytest.fixture
def given() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Five documents at two depths: six wide, nine wide, and maps between."""
    torch.manual_seed(0)
    return (torch.randn(5, 2, 6, dtype=torch.float64), torch.randn(5, 2, 9, dtype=torch.float64),
            torch.randn(2, 9, 6, dtype=torch.float64))


def test_each_depth_has_a_map_of_its_own(given: tuple) -> None:
    student, _, maps = given
    torch.testing.assert_close(project(student, maps)[3, 1], maps[1] @ student[3, 1])


def test_values_by_hand() -> None:
    student = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    maps = torch.tensor([[[3.0, 0.0], [4.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]])
    teacher = torch.tensor([[[0.0, 2.0, 0.0], [2.0, 0.0, 3.0]]])  # seen: (3, 4, 0) and (2, 0, 0)
    assert float(projected_mse(student, teacher, maps)) == pytest.approx(((9 + 4 + 0) / 3 + 9 / 3) / 2)
    assert float(projected_cosine(student, teacher, maps)) == pytest.approx(
        ((1 - 4 / 5) + (1 - 2 / 13 ** 0.5)) / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_is_zero_and_other_is_more(given: tuple, loss: Loss) -> None:
    student, teacher, maps = given
    assert loss(student, project(student, maps), maps).abs().max() < 1e-12
    assert (loss(student, teacher, maps) > 0.1).all() and loss(student, teacher, maps).shape == (5,)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_map_that_knows_nothing_costs_one(loss: Loss) -> None:
    torch.manual_seed(0)
    states = 40 + 3 * torch.randn(50, 2, 7)
    wanted = standardised(states, *centre_and_scale(states))
    assert float(loss(torch.randn(50, 2, 4), wanted, torch.zeros(2, 7, 4)).mean()) == pytest.approx(1)


def test_the_cosine_knows_no_length_and_the_error_does(given: tuple) -> None:
    student, teacher, maps = given
    torch.testing.assert_close(projected_cosine(3 * student, teacher, maps),
                               projected_cosine(student, teacher, maps))
    torch.testing.assert_close(projected_cosine(student, teacher, 0.2 * maps),
                               projected_cosine(student, teacher, maps))
    errors = [projected_mse(factor * student, teacher, maps) for factor in (1, 3)]
    assert not torch.allclose(*errors)


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_those_of_finite_differences(given: tuple, loss: Loss) -> None:
    student, teacher, maps = given
    assert torch.autograd.gradcheck(lambda s, m: loss(s, teacher, m),
                                    (student.requires_grad_(), maps.requires_grad_()))


@pytest.mark.parametrize("loss", LOSSES)
def test_states_that_are_zero_or_all_alike_do_not_break_it(loss: Loss) -> None:
    same = torch.full((4, 2, 5), 7.0)
    flat = standardised(same, *centre_and_scale(same))
    assert (flat == 0).all()
    student, maps = torch.zeros(4, 2, 3, requires_grad=True), torch.randn(2, 5, 3, requires_grad=True)
    for teacher in (flat, torch.randn(4, 2, 5)):
        value = loss(student, teacher, maps)
        value.sum().backward()
        assert torch.isfinite(value).all() and torch.isfinite(student.grad).all()
        assert torch.isfinite(maps.grad).all()


def test_standardised_states_have_no_common_direction_and_no_loud_dimension() -> None:
    """As last-token states are: one direction for all, and a dimension a thousand times the others."""
    torch.manual_seed(0)
    raw = torch.randn(30, 2, 8) + 20
    raw[..., 3] *= 1000
    made = standardised(raw, *centre_and_scale(raw))
    torch.testing.assert_close(made.mean(0), torch.zeros(2, 8), atol=1e-4, rtol=0)
    torch.testing.assert_close(made.square().mean(0), torch.ones(2, 8), atol=1e-4, rtol=0)
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(raw[:1], raw[1:], dim=-1).min() > 0.9 and cosine(made[:1], made[1:], dim=-1).mean() < 0.2
