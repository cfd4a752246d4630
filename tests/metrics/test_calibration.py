"""Calibration: worked examples, limits, and words at their borders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.metrics.calibration import (
    ALIKE_FROM,
    LEANING_FROM,
    STEADY_FROM,
    SURE_FROM,
    expected_calibration_error,
    reliability,
    sureness,
)


def test_a_sure_and_right_model_has_no_error_and_a_sure_and_wrong_one_all() -> None:
    probs = np.eye(4)[[0, 1, 2, 3, 0]]
    assert expected_calibration_error(probs, [0, 1, 2, 3, 0]) == 0.0
    assert expected_calibration_error(probs, [1, 2, 3, 0, 1]) == 1.0


def test_right_as_often_as_sure_is_perfect_though_often_wrong() -> None:
    probs = np.tile([0.75, 0.25], (8, 1))
    truth = [0, 0, 0, 0, 0, 0, 1, 1]
    assert expected_calibration_error(probs, truth) == pytest.approx(0.0)


def test_a_worked_example() -> None:
    probs = [[0.95, 0.05], [0.85, 0.15], [0.35, 0.65], [0.38, 0.62]]
    truth = [0, 1, 1, 0]
    # bins (.9, 1]: |1 - .95|, (.8, .9]: |0 - .85|, (.6, .7]: |.5 - .635|
    expected = (0.05 + 0.85 + 2 * 0.135) / 4
    assert expected_calibration_error(probs, truth) == pytest.approx(expected)
    coarse = abs((0.95 + 0.85 + 0.65 + 0.62) / 4 - 0.5)
    assert expected_calibration_error(probs, truth, bins=1) == pytest.approx(coarse)


def test_overconfidence_is_measured() -> None:
    rng = np.random.default_rng(5)
    said = np.full(4000, 0.9)
    truth = (rng.random(4000) > 0.6).astype(int)  # says 90 %, is right in 60 %
    probs = np.stack([said, 1 - said], axis=1)
    assert expected_calibration_error(probs, truth) == pytest.approx(0.3, abs=0.03)


def test_bins_hold_every_document_once_and_close_at_the_top() -> None:
    rng = np.random.default_rng(8)
    probs = rng.dirichlet(np.full(3, 0.5), 200)
    truth = rng.integers(0, 3, 200)
    bins = reliability(probs, truth, 10)
    assert [round(b.low, 1) for b in bins] == [i / 10 for i in range(10)]
    assert sum(b.n for b in bins) == 200
    for b in bins:
        if b.n:
            assert b.low < b.confidence <= b.high and 0 <= b.accuracy <= 1
        else:
            assert math.isnan(b.confidence) and math.isnan(b.accuracy)
    assert not bins[0].n and bins[-1].n  # of three labels the first has a third at least
    half = reliability([[0.5, 0.5]], [0], 10)
    assert [b.n for b in half].index(1) == 4  # .5 belongs to (.4, .5]
    assert reliability([[1.0, 0.0]], [0], 10)[-1].n == 1


def test_calibration_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="2 right labels for 1"):
        reliability([[0.5, 0.5]], [0, 1])
    with pytest.raises(ValueError, match="bin"):
        reliability([[0.5, 0.5]], [0], 0)
    with pytest.raises(ValueError, match="0..1"):
        expected_calibration_error([[0.5, 0.5]], [2])


@pytest.mark.parametrize(("confidence", "stability", "words"), [
    (SURE_FROM, 1.0, "sure"),
    (SURE_FROM, ALIKE_FROM, "sure"),
    (SURE_FROM - 1e-6, 1.0, "leaning"),
    (0.99, ALIKE_FROM - 1e-6, "leaning"),
    (LEANING_FROM, 1.0, "leaning"),
    (LEANING_FROM - 1e-6, 1.0, "unsure"),
    (0.99, 2 / 3, "leaning"),  # two of three orders
    (0.3, STEADY_FROM, "unsure"),
    (0.99, STEADY_FROM - 1e-6, "changes its mind when options are reordered"),
    (0.99, 1 / 2, "changes its mind when options are reordered"),  # one of two orders
    (0.1, 1 / 3, "changes its mind when options are reordered"),
])
def test_words_for_sureness(confidence: float, stability: float, words: str) -> None:
    assert sureness(confidence, stability) == words


def test_a_model_asked_once_is_steady() -> None:
    assert sureness(0.9) == "sure"
