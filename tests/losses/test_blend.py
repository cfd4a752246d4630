"""One reducer: the sum over micro-batches is the loss of the whole step, however it was cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.losses.blend import blend, reduce_items
from engine.losses.needs import NEEDS
from engine.phase_plan import PhasePlan
from engine.teachers.protocol import GIVES


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 10_000))
def test_the_cut_into_micro_batches_does_not_matter(cuts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    n = sum(cuts)
    items, weights = torch.rand(n, generator=generator), torch.rand(n, generator=generator) + 0.1
    total = float(weights.sum())
    parts = sum(float(reduce_items(i, w, total)) for i, w in zip(items.split(cuts), weights.split(cuts),
                                                               strict=True))
    assert parts == pytest.approx(float(reduce_items(items, weights, total)), rel=1e-5)
    assert parts == pytest.approx(float((items * weights).sum() / weights.sum()), rel=1e-5)


def test_equal_items_give_their_own_value() -> None:
    weights = torch.tensor([0.5, 2.0, 0.5])
    assert float(reduce_items(torch.full((3,), 1.7), weights, float(weights.sum()))) == pytest.approx(1.7)


def test_terms_are_weighted_and_those_of_no_strength_left_out() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    never = torch.tensor(float("nan"), requires_grad=True)
    mixed = blend({"outputs": x * 3, "representations": x * x, "unused": never * 1},
                  {"outputs": 1.0, "representations": 0.5, "unused": 0.0})
    mixed.backward()
    assert float(mixed.detach()) == 8.0 and float(x.grad) == 5.0 and never.grad is None


def test_the_table_of_needs_speaks_the_plan_s_and_the_teachers_words() -> None:
    assert set(NEEDS) <= set(PhasePlan.model_fields)
    gifts = {gift for given_ in GIVES.values() for gift in given_}
    assert {need for needs in NEEDS.values() for need in needs} <= gifts
