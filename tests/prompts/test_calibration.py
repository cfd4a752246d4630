"""Class correction: takes off a liking, leaves a skew, and never more than its cap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.prompts.calibration import CAP, POOL_CAP, class_pull, pull_beside, without_class_pull


def answers(truth: np.ndarray, liking: np.ndarray, seed: int = 0, sure: float = 1.6) -> np.ndarray:
    """Distributions of a model that sees the truth through noise and likes some categories."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(len(truth), len(liking))) + liking
    scores[np.arange(len(truth)), truth] += sure
    probs = np.exp(scores)
    return probs / probs.sum(axis=1, keepdims=True)


def nothing(liking: np.ndarray) -> np.ndarray:
    probs = np.exp(np.tile(liking, (4, 1)) * 1.5)
    return probs / probs.sum(axis=1, keepdims=True)


def accuracy(probs: np.ndarray, truth: np.ndarray) -> float:
    return float((probs.argmax(axis=1) == truth).mean())


LIKING = np.array([1.2, 0.0, -0.4, -0.8])


def test_a_liking_is_taken_off_a_balanced_pool() -> None:
    truth = np.arange(2_000) % 4
    raw = answers(truth, LIKING)
    pull = class_pull(raw, nothing(LIKING))
    mended = without_class_pull(raw, pull)
    assert accuracy(mended, truth) > accuracy(raw, truth) + 0.05
    assert mended.sum(axis=1) == pytest.approx(1)
    assert np.argmax(pull) == 0


def test_a_skewed_pool_of_a_fair_model_is_left_alone() -> None:
    truth = np.random.default_rng(1).choice(4, size=2_000, p=(0.9, 0.04, 0.03, 0.03))
    raw = answers(truth, np.zeros(4))
    fair = np.full((4, 4), 0.25)
    assert class_pull(raw, fair) == pytest.approx(0, abs=1e-5)
    batch = without_class_pull(raw, np.log(raw.mean(axis=0)))  # what the pool alone would do
    assert accuracy(batch, truth) < accuracy(raw, truth) - 0.15


def test_never_more_than_the_cap_and_nothing_at_zero() -> None:
    truth = np.zeros(500, dtype=int)
    raw = answers(truth, np.array([4.0, 0, 0, 0]))
    assert np.abs(class_pull(raw, nothing(np.array([4.0, 0, 0, 0])))).max() == pytest.approx(CAP)
    assert not class_pull(raw, nothing(LIKING), cap=0.0).any()


def test_a_way_to_ask_is_set_right_beside_another_however_skewed_the_documents_are() -> None:
    truth = np.random.default_rng(2).choice(4, size=2_000, p=(0.1, 0.1, 0.1, 0.7))
    before, raw = answers(truth, np.zeros(4), seed=1), answers(truth, LIKING, seed=2)
    pull = pull_beside(raw, before)
    assert pull == pytest.approx(LIKING - LIKING.mean(), abs=0.1)
    assert accuracy(without_class_pull(raw, pull), truth) > accuracy(raw, truth) + 0.1
    assert not pull_beside(before, before).any()


def test_beside_another_way_too_there_is_a_cap_and_no_single_answer_decides() -> None:
    before = np.full((60, 3), 1 / 3)
    assert np.abs(pull_beside(np.tile([1.0, 0, 0], (60, 1)), before)).max() == pytest.approx(POOL_CAP)
    one = np.vstack([before[:-1], [1.0, 0, 0]])
    assert np.abs(pull_beside(one, before)).max() < 0.2


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10_000))
def test_shifts_stay_within_what_either_sign_says(labels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool, empty = rng.dirichlet(np.ones(labels), 30), rng.dirichlet(np.ones(labels), 4)
    pull = class_pull(pool, empty, cap=9.0)
    of_pool = np.log(pool.mean(axis=0) + 1e-6)
    assert (np.abs(pull) <= np.abs(of_pool - of_pool.mean()) + 1e-9).all()
    moved = without_class_pull(pool, pull)
    assert moved.sum(axis=1) == pytest.approx(1)
    # Order within one category over documents is kept: only categories move against each other.
    assert without_class_pull(moved, -pull) == pytest.approx(pool, abs=1e-9)
