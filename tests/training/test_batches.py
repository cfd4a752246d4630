"""Every document once a pass, the same for the same seed, like lengths together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.batches import batches, schedule


@given(st.lists(st.integers(1, 400), min_size=1, max_size=300), st.integers(1, 16), st.integers(0, 99))
def test_each_position_once_and_only_the_last_of_a_bucket_short(lengths: list[int], size: int,
                                                                seed: int) -> None:
    cut = batches(lengths, size, seed=seed, epoch=0)
    assert sorted(i for batch in cut for i in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in cut)
    assert len(cut) == -(-len(lengths) // size)


def test_the_same_seed_gives_the_same_batches_and_each_pass_others() -> None:
    lengths = list(range(100))
    one = batches(lengths, 8, seed=1, epoch=0)
    assert one == batches(lengths, 8, seed=1, epoch=0)
    assert one != batches(lengths, 8, seed=1, epoch=1) and one != batches(lengths, 8, seed=2, epoch=0)


@pytest.mark.parametrize("n", [40, 256, 2000])
def test_other_documents_meet_in_each_pass(n: int) -> None:
    lengths = list(range(n))  # sorted as a whole the same would always meet
    passes = [{frozenset(batch) for batch in batches(lengths, 8, seed=0, epoch=k)} for k in range(2)]
    assert len(passes[0] & passes[1]) < 0.2 * len(passes[0])


def test_little_is_padded() -> None:
    lengths = np.random.default_rng(0).integers(5, 200, 960).tolist()
    padded = sum(max(lengths[i] for i in b) * len(b) for b in batches(lengths, 8, seed=0, epoch=0))
    assert padded < 1.2 * sum(lengths)  # unsorted: about 1.75


@pytest.mark.parametrize(("passes", "steps"), [(1.0, 13), (2.0, 26), (0.5, 6), (2.5, 32), (0.01, 1)])
def test_a_schedule_is_as_long_as_its_passes(passes: float, steps: int) -> None:
    made = schedule([5] * 100, 8, passes, seed=0)
    assert len(made) == steps
    whole = made[:13]
    assert passes < 1 or sorted(i for b in whole for i in b) == list(range(100))
