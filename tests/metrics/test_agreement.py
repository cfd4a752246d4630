"""Agreement: known values, scikit-learn, and what must hold for any pair of readers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from engine.metrics.agreement import accuracy, cohen_kappa, mean_kl

RNG = np.random.default_rng(7)
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


def test_accuracy_counts_equal_answers() -> None:
    assert accuracy([0, 1, 2, 2], [0, 1, 1, 2]) == 0.75
    assert accuracy([0, 1], [1, 0]) == 0.0


def test_kappa_equals_scikit_learn_on_noisy_readers() -> None:
    a = RNG.integers(0, 5, 400)
    b = np.where(RNG.random(400) < 0.6, a, RNG.integers(0, 5, 400))
    ours = cohen_kappa(a, b, 5)
    assert 0.4 < ours < 0.8
    assert ours == pytest.approx(cohen_kappa_score(a, b))


def test_kappa_of_the_textbook_example() -> None:
    # 50 grant proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(a, b, 2) == pytest.approx(0.4)


def test_kappa_of_identical_readers_is_one_even_with_one_label() -> None:
    a = RNG.integers(0, 4, 50)
    assert cohen_kappa(a, a, 4) == pytest.approx(1.0)
    assert cohen_kappa([2, 2, 2], [2, 2, 2], 4) == 1.0


def test_kappa_of_independent_readers_is_near_zero_while_accuracy_is_not() -> None:
    a, b = (RNG.random(4000) < 0.1).astype(int), (RNG.random(4000) < 0.1).astype(int)
    assert accuracy(a, b) > 0.75
    assert abs(cohen_kappa(a, b, 2)) < 0.06


@given(pairs)
def test_kappa_is_symmetric_and_at_most_one(both: list[tuple[int, int]]) -> None:
    a, b = zip(*both, strict=True)
    kappa = cohen_kappa(a, b, 4)
    assert -1.0 - 1e-9 <= kappa <= 1.0 + 1e-9
    assert kappa == pytest.approx(cohen_kappa(b, a, 4))


def test_kl_has_the_value_of_the_formula_and_a_direction() -> None:
    p, q = [[0.5, 0.5]], [[0.9, 0.1]]
    forward = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    backward = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert mean_kl(p, q) == pytest.approx(forward)
    assert mean_kl(q, p) == pytest.approx(backward)
    assert forward != pytest.approx(backward)
    assert mean_kl(p + q, q + q) == pytest.approx(forward / 2)


def test_kl_of_equal_distributions_is_zero_in_half_precision_too() -> None:
    p = RNG.dirichlet(np.ones(6), 30).astype(np.float16)
    assert mean_kl(p, p) == 0.0


def test_kl_stays_finite_where_the_student_rules_out_the_right_label() -> None:
    assert mean_kl([[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-12))
    assert mean_kl([[1.0, 0.0]], [[1.0, 0.0]]) == 0.0


@pytest.mark.parametrize(("a", "b"), [([], []), ([0, 1], [0]), ([0.5], [1.0]), ([-1], [0])])
def test_arrays_that_do_not_belong_together_are_refused(a: list, b: list) -> None:
    with pytest.raises(ValueError, match="label|documents"):
        accuracy(a, b)


def test_a_label_outside_the_task_is_refused() -> None:
    with pytest.raises(ValueError, match="0..2"):
        cohen_kappa([0, 3], [0, 1], 3)


@pytest.mark.parametrize("bad", [[[0.5, 0.2]], [[1.5, -0.5]], [[np.nan, 1.0]], [0.5, 0.5]])
def test_rows_that_are_no_distributions_are_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="sum to 1|negative|shape"):
        mean_kl(bad, [[0.5, 0.5]])


def test_different_label_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="same documents and labels"):
        mean_kl([[0.5, 0.5]], [[0.2, 0.3, 0.5]])
