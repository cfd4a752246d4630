"""Losses on outputs: zero when learned, known by hand elsewhere, right slopes, no hidden scale."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from engine.losses.outputs import DIVERGENCES, output_loss, soften

forward_kl, reverse_kl, jensen_shannon, skew_kl = (partial(output_loss, name) for name in DIVERGENCES)
TEMPERATURES = (0.5, 1.0, 2.0, 7.0)
P = torch.tensor([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9]], dtype=torch.float64)
Q = torch.tensor([[0.2, 0.5, 0.3], [0.3, 0.3, 0.4]], dtype=torch.float64)


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_student_that_learned_it_all_has_no_loss_and_no_slope(name: str, temperature: float) -> None:
    logits = (P.log() + 3.0).float().requires_grad_()
    loss = output_loss(name, logits, P, temperature)
    assert loss.shape == (2,)
    torch.testing.assert_close(loss, torch.zeros(2), atol=2e-5, rtol=0)
    loss.sum().backward()
    assert logits.grad.abs().max() < 1e-4


def test_values_by_hand() -> None:
    p, q = P[0].tolist(), Q[0].tolist()
    mid = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    skew = [0.1 * a + 0.9 * b for a, b in zip(p, q, strict=True)]
    for loss, expected in ((forward_kl, kl(p, q)), (reverse_kl, kl(q, p)),
                           (jensen_shannon, (kl(p, mid) + kl(q, mid)) / 2), (skew_kl, kl(p, skew))):
        assert float(loss(Q.log(), P, 1.0)[0]) == pytest.approx(expected, abs=1e-5), loss


def test_a_temperature_softens_both_sides_and_is_scaled_back() -> None:
    soft = [[v ** 0.5 / sum(w ** 0.5 for w in row) for v in row] for row in (P[0].tolist(), Q[0].tolist())]
    assert float(forward_kl(Q.log(), P, 2.0)[0]) == pytest.approx(4 * kl(*soft), abs=1e-5)
    torch.testing.assert_close(soften(P, 2.0).exp()[0], torch.tensor(soft[0], dtype=torch.float64))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_every_loss_is_positive_where_they_differ_and_per_document(name: str) -> None:
    both = output_loss(name, Q.log(), P, 1.0)
    assert (both > 1e-3).all()
    alone = torch.stack([output_loss(name, Q[i:i + 1].log(), P[i:i + 1], 1.0)[0] for i in (0, 1)])
    torch.testing.assert_close(both, alone)


@pytest.mark.parametrize("temperature", (1.0, 3.0))
@pytest.mark.parametrize("name", DIVERGENCES)
def test_slopes_are_those_of_finite_differences(name: str, temperature: float) -> None:
    logits = torch.tensor([[0.3, -0.8, 0.5], [1.0, 0.0, -1.0]], requires_grad=True)
    output_loss(name, logits, P, temperature).sum().backward()
    step = 1e-2  # the losses compute in fp32
    for i in range(2):
        for j in range(3):
            up, down = logits.detach().clone(), logits.detach().clone()
            up[i, j] += step
            down[i, j] -= step
            slope = (output_loss(name, up, P, temperature).sum()
                     - output_loss(name, down, P, temperature).sum()) / (2 * step)
            assert float(logits.grad[i, j]) == pytest.approx(float(slope), abs=3e-3)


@pytest.mark.parametrize("temperature", (1.0, 2.0, 5.0))
def test_the_slope_of_forward_kl_is_the_difference_of_distributions(temperature: float) -> None:
    logits = torch.tensor([[0.3, -0.8, 0.5]], requires_grad=True)
    forward_kl(logits, P[:1], temperature).sum().backward()
    gap = (torch.softmax(logits.detach() / temperature, -1) - soften(P[:1], temperature).exp().float())
    torch.testing.assert_close(logits.grad, temperature * gap, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_slope_keeps_its_size_as_the_temperature_rises(name: str) -> None:
    sizes = []
    for temperature in (4.0, 8.0, 16.0):
        logits = torch.tensor([[0.3, -0.8, 0.5]], requires_grad=True)
        output_loss(name, logits, P[:1], temperature).sum().backward()
        sizes.append(float(logits.grad.norm()))
    assert max(sizes) / min(sizes) < 1.35  # unscaled it would fall sixteenfold


def test_jensen_shannon_is_bounded_and_symmetric() -> None:
    sure, other = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[-80.0, 80.0, -80.0]])
    assert float(jensen_shannon(other, sure)) <= math.log(2) + 1e-6
    assert float(jensen_shannon(other, sure)) == pytest.approx(math.log(2), abs=1e-4)
    torch.testing.assert_close(jensen_shannon(Q.log(), P), jensen_shannon(P.log(), Q))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_nothing_is_infinite_at_the_edges(name: str) -> None:
    teacher = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    logits = torch.tensor([[-200.0, 200.0, 0.0], [300.0, -300.0, 0.0]], requires_grad=True)
    loss = output_loss(name, logits, teacher, 1.0)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(logits.grad).all()


def test_skew_kl_is_bounded_where_forward_kl_is_not() -> None:
    teacher, logits = torch.tensor([[1.0, 0.0]]), torch.tensor([[-60.0, 60.0]])
    assert float(skew_kl(logits, teacher)) == pytest.approx(math.log(10), abs=1e-3)  # −log α
    assert float(forward_kl(logits, teacher)) > 100


def test_half_precision_scores_are_computed_in_full() -> None:
    loss = forward_kl(Q.log().to(torch.bfloat16), P, 1.0)
    assert loss.dtype == torch.float32
