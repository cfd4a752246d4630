"""Intervals: do they hold the truth as often as they say, and are they quick enough to use?"""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_1samp

from engine.metrics.agreement import accuracy
from engine.metrics.calibration import expected_calibration_error
from engine.metrics.intervals import (
    Interval,
    bootstrap_interval,
    paired_difference,
    paired_standard_error,
    paired_t_interval,
)
from engine.metrics.scores import actionable_recall, macro_f1


def answers(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Gold and predictions of which about `right` are correct."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 8, n)
    return gold, np.where(rng.random(n) < right, gold, (gold + 1 + rng.integers(0, 7, n)) % 8)


def test_interval_agrees_with_scipys_percentile_bootstrap() -> None:
    gold, predicted = answers(400, 0.7, 1)
    right = (gold == predicted).astype(float)
    ours = bootstrap_interval(np.mean, [right], n_resamples=4000, seed=3)
    theirs = bootstrap((right,), np.mean, n_resamples=4000, method="percentile",
                       rng=np.random.default_rng(5)).confidence_interval
    assert ours.n == 400
    assert ours.low == pytest.approx(theirs.low, abs=0.006)
    assert ours.high == pytest.approx(theirs.high, abs=0.006)
    assert 0.07 < ours.high - ours.low < 0.11  # normal theory: 2 · 1.96 · √(.7 · .3 / 400) = .09


def test_interval_covers_the_truth_about_as_often_as_promised() -> None:
    hits = 0
    for seed in range(150):
        interval = bootstrap_interval(accuracy, answers(120, 0.7, seed), n_resamples=200, seed=seed)
        hits += interval.low <= 0.7 <= interval.high
    assert 131 <= hits < 150  # 95 % of 150 is 142; never missing would be too wide


def test_interval_holds_its_value_for_every_statistic() -> None:
    for seed in range(5):
        gold, predicted = answers(40, 0.5, seed)
        interval = bootstrap_interval(lambda g, p: macro_f1(g, p, 8), (gold, predicted), seed=seed)
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert interval.low < interval.high
        assert interval.value == macro_f1(gold, predicted, 8)


def test_rows_of_several_arrays_stay_together() -> None:
    rng = np.random.default_rng(2)
    probs = rng.dirichlet(np.ones(4), 60)
    same = bootstrap_interval(accuracy, (probs.argmax(axis=1), probs.argmax(axis=1)))
    assert (same.low, same.value, same.high) == (1.0, 1.0, 1.0)  # shuffled apart it would not be
    ece = bootstrap_interval(expected_calibration_error, (probs, probs.argmax(axis=1)))
    assert ece.low < ece.value < ece.high


def test_same_seed_same_interval_other_seed_another() -> None:
    data = answers(100, 0.6, 4)
    first = bootstrap_interval(accuracy, data, seed=1)
    assert first == bootstrap_interval(accuracy, data, seed=1)
    assert first != bootstrap_interval(accuracy, data, seed=2)


def test_wider_for_a_higher_level_and_for_fewer_documents() -> None:
    def width(interval: Interval) -> float:
        return interval.high - interval.low

    many, few = answers(1000, 0.6, 4), answers(100, 0.6, 4)
    usual = bootstrap_interval(accuracy, few)
    assert width(bootstrap_interval(accuracy, few, level=0.99)) > width(usual)
    assert width(bootstrap_interval(accuracy, many)) < width(usual) / 2


def test_copies_do_not_narrow_the_interval_when_groups_are_named() -> None:
    gold, predicted = answers(60, 0.7, 9)
    copied_gold, copied = np.repeat(gold, 10), np.repeat(predicted, 10)
    names = np.repeat([f"g{i}" for i in range(60)], 10)
    shuffle = np.random.default_rng(0).permutation(600)
    honest = bootstrap_interval(accuracy, (gold, predicted), n_resamples=3000)
    grouped = bootstrap_interval(accuracy, (copied_gold[shuffle], copied[shuffle]),
                                 groups=names[shuffle], n_resamples=3000)
    fooled = bootstrap_interval(accuracy, (copied_gold, copied), n_resamples=3000)
    assert (grouped.n, grouped.groups, honest.groups) == (600, 60, None)
    assert grouped.low == pytest.approx(honest.low, abs=0.02)
    assert grouped.high == pytest.approx(honest.high, abs=0.02)
    assert fooled.high - fooled.low < 0.5 * (grouped.high - grouped.low)


def test_groups_of_uneven_size_are_drawn_whole() -> None:
    names = np.array([3, 1, 1, 2, 2, 2, 1])
    sizes = {1: 3, 2: 3, 3: 1}

    def only_whole(rows: np.ndarray) -> float:
        for group, size in sizes.items():
            members = rows[names[rows] == group]
            assert len(members) % size == 0
            _, times = np.unique(members, return_counts=True)
            assert len(set(times)) <= 1  # each member as often as the others
        return float(len(rows))

    interval = bootstrap_interval(only_whole, [np.arange(7)], groups=names, n_resamples=200)
    assert interval.low < 7 < interval.high  # resamples differ in length, as groups do


def test_one_document_or_one_group_has_no_interval() -> None:
    for interval in (bootstrap_interval(accuracy, ([1], [1])),
                     bootstrap_interval(accuracy, ([1, 2], [1, 2]), groups=["a", "a"])):
        assert interval.value == 1.0
        assert math.isnan(interval.low) and math.isnan(interval.high)
        assert json.loads(json.dumps(interval.as_json(), allow_nan=False))["low"] is None


def test_resamples_without_a_value_are_left_out() -> None:
    gold, predicted = np.zeros(40, int), np.zeros(40, int)
    gold[:2], predicted[:1] = 1, 1  # about one resample in eight holds no actionable document
    interval = bootstrap_interval(lambda g, p: actionable_recall(g, p, {1}), (gold, predicted))
    assert (interval.low, interval.value, interval.high) == (0.0, 0.5, 1.0)
    none = bootstrap_interval(lambda g, p: actionable_recall(g, p, {3}), (gold, predicted))
    assert math.isnan(none.value) and math.isnan(none.low)


def test_thousand_resamples_of_macro_f1_take_under_half_a_second() -> None:
    gold, predicted = answers(500, 0.7, 0)
    groups = np.arange(500) // 2
    for chosen in (None, groups):
        started = time.thread_time()  # this thread's own work: other programs do not count
        bootstrap_interval(lambda g, p: macro_f1(g, p, 8), (gold, predicted), groups=chosen)
        assert time.thread_time() - started < 0.5


def test_paired_difference_is_narrower_than_the_two_alone_and_has_a_sign() -> None:
    gold, a = answers(300, 0.8, 6)
    b = a.copy()
    b[:20] = (gold[:20] + 1) % 8  # the same answers but for a few that are wrong
    difference = paired_difference(accuracy, a, b, gold)
    assert difference.value == pytest.approx(accuracy(gold, a) - accuracy(gold, b))
    assert 0 < difference.low < difference.value < difference.high
    alone = bootstrap_interval(accuracy, (gold, a))
    assert difference.high - difference.low < alone.high - alone.low
    flipped = paired_difference(accuracy, b, a, gold)
    assert flipped.value == -difference.value and flipped.high < 0
    same = paired_difference(accuracy, a, a, gold)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_t_interval_equals_scipy() -> None:
    values = [0.03, 0.01, 0.05, -0.01, 0.04]
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    ours = paired_t_interval(values)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    assert ours.value == pytest.approx(0.024) and ours.n == 5
    assert paired_t_interval([1.0, 1.0]).low == 1.0


@pytest.mark.parametrize("bad", [[], [0.1], [0.1, float("nan")], [[0.1, 0.2]]])
def test_t_interval_needs_two_finite_differences(bad: list) -> None:
    with pytest.raises(ValueError, match="two or more"):
        paired_t_interval(bad)


def test_paired_standard_error_has_mcnemars_value() -> None:
    # 100 documents: 8 only a right, 3 only b, 60 both, 29 neither
    a = np.array([1] * 8 + [0] * 3 + [1] * 60 + [0] * 29, dtype=bool)
    b = np.array([0] * 8 + [1] * 3 + [1] * 60 + [0] * 29, dtype=bool)
    many_a, many_b = np.tile(a, 1000), np.tile(b, 1000)  # where two documents more are nothing
    assert paired_standard_error(many_a, many_b) == pytest.approx(
        (many_a.astype(int) - many_b.astype(int)).std() / math.sqrt(100_000), rel=1e-3)
    assert paired_standard_error(a, b) == pytest.approx(math.sqrt(12 - 25 / 102) / 102)
    assert paired_standard_error(b, a) == paired_standard_error(a, b)


def test_losing_one_document_is_within_the_error_losing_three_is_not() -> None:
    before = np.ones(60, dtype=bool)
    for lost, beyond in ((0, False), (1, False), (3, True)):
        after = before.copy()
        after[:lost] = False
        assert (lost / 60 > paired_standard_error(before, after)) is beyond


def test_arrays_of_different_documents_are_refused() -> None:
    with pytest.raises(ValueError, match="same documents"):
        bootstrap_interval(accuracy, ([0, 1], [0]))
    with pytest.raises(ValueError, match="one group per document"):
        bootstrap_interval(accuracy, ([0, 1], [0, 1]), groups=[1])
    with pytest.raises(ValueError, match="same documents"):
        paired_standard_error([True], [True, False])
