"""AdamW on full-precision copies: the plain one on fp32, and one that remembers small steps on bf16."""

from __future__ import annotations

import math

import pytest
import torch

from engine.errors import RunError
from engine.training.optimiser import CLIP, Optimiser


def parameters(dtype: torch.dtype = torch.float32) -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(4, 3).to(dtype)), torch.nn.Parameter(torch.randn(5).to(dtype))]


def give_gradients(wanted: list[torch.nn.Parameter], step: int, scale: float = 0.1) -> None:
    generator = torch.Generator().manual_seed(step)
    for p in wanted:
        p.grad = scale * torch.randn(p.shape, generator=generator).to(p.dtype)


def test_on_fp32_it_is_plain_adamw_to_the_bit() -> None:
    ours, plain = parameters(), parameters()
    optimiser = Optimiser(ours, 0.01, 20)
    adam = torch.optim.AdamW(plain, lr=0.01, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    for step in range(20):
        give_gradients(ours, step)
        give_gradients(plain, step)
        norm = torch.nn.utils.clip_grad_norm_(plain, CLIP)
        adam.param_groups[0]["lr"] = optimiser.rate_at(step)
        adam.step()
        assert optimiser.step() == float(norm)
    for a, b in zip(ours, plain, strict=True):
        assert torch.equal(a, b) and a.grad is None


def test_steps_too_small_for_bf16_are_remembered() -> None:
    weight = torch.nn.Parameter(torch.full((8,), 4.0, dtype=torch.bfloat16))  # neighbours: 0.03 apart
    optimiser = Optimiser([weight], 1e-3, 1000)
    for _ in range(100):
        weight.grad = torch.ones_like(weight)
        optimiser.step()
    assert float(weight.detach()[0]) < 4.0 and float(optimiser.masters[0][0]) < 3.97
    assert weight.dtype == torch.bfloat16 and optimiser.masters[0].dtype == torch.float32


def test_large_gradients_are_clipped_and_told() -> None:
    wanted = parameters()
    give_gradients(wanted, 0, scale=100.0)
    size = torch.cat([p.grad.flatten() for p in wanted]).norm()
    assert Optimiser(wanted, 0.01, 5).step() == pytest.approx(float(size), rel=1e-5)


def test_gradients_that_are_not_finite_stop_the_run_and_touch_nothing() -> None:
    wanted = parameters()
    before = [p.detach().clone() for p in wanted]
    optimiser = Optimiser(wanted, 0.01, 5)
    give_gradients(wanted, 0)
    wanted[0].grad[0, 0] = float("nan")
    with pytest.raises(RunError, match="stopped making sense"):
        optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(before, wanted, strict=True))


@pytest.mark.parametrize("floor", [0.1, 0.6, 1.0])
def test_the_rate_warms_up_and_cools_to_its_floor(floor: float) -> None:
    optimiser = Optimiser(parameters(), 1.0, 100, floor)
    rates = [optimiser.rate_at(s) for s in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1.0) == max(rates)
    assert all(a <= b for a, b in zip(rates[:9], rates[1:10], strict=True))
    assert all(a >= b for a, b in zip(rates[10:-1], rates[11:], strict=True))
    assert floor <= rates[-1] < floor + 0.01 and optimiser.rate_at(10_000) == pytest.approx(floor)
    assert math.isfinite(Optimiser(parameters(), 1.0, 1).rate_at(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_resumed_one_goes_on_to_the_bit(dtype: torch.dtype) -> None:
    straight, broken = parameters(dtype), parameters(dtype)
    one, two = Optimiser(straight, 0.01, 10), Optimiser(broken, 0.01, 10)
    for step in range(10):
        if step == 4:
            kept = {name: t.clone() for name, t in two.tensors().items()}
            broken = parameters(dtype)
            two = Optimiser(broken, 0.01, 10)
            two.load(kept, 4)
        for wanted, optimiser in ((straight, one), (broken, two)):
            give_gradients(wanted, step)
            optimiser.step()
    for a, b in zip(one.masters, two.masters, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(straight, broken, strict=True):
        assert torch.equal(a, b)


def test_a_save_point_goes_on_where_the_weights_are() -> None:
    """On another device than the processor; `meta` stands for a graphics card, which tests do not have."""
    there = [torch.nn.Parameter(p.detach().to("meta")) for p in parameters()]
    here = Optimiser(parameters(), 0.01, 10)
    give_gradients(here.parameters, 0)
    here.step()
    with pytest.MonkeyPatch.context() as patch:
        adam = torch.optim.AdamW
        patch.setattr(torch.optim, "AdamW", lambda *a, fused, **k: adam(*a, **k))  # meta knows no fused one
        moved = Optimiser(there, 0.01, 10)
    moved.load(here.tensors(), 1)
    kept = [value for state in moved._adam.state.values() for value in state.values()]
    assert len(kept) == 3 * len(there) and {value.device.type for value in kept} == {"meta"}


def test_a_snapshot_does_not_move_and_can_be_put_back() -> None:
    wanted = parameters()
    optimiser = Optimiser(wanted, 0.1, 5)
    kept = optimiser.snapshot()
    give_gradients(wanted, 0)
    optimiser.step()
    assert not torch.equal(kept[0], wanted[0])
    optimiser.restore(kept)
    assert torch.equal(kept[0], wanted[0]) and torch.equal(kept[1], optimiser.masters[1])
