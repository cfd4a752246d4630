"""One label or several: decided, compared and counted the same way everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.agreement import mean_kl
from engine.metrics.deciding import (
    certainty,
    classes,
    decisions,
    differing,
    divergence,
    given_in,
    named,
    sameness,
)

ONE = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.2, 0.2, 0.6]])
MANY = np.array([[0.9, 0.6, 0.1], [0.5, 0.2, 0.1], [0.2, 0.3, 0.49], [0.8, 0.1, 0.9]])


def test_one_label_is_the_likeliest_and_several_are_all_more_likely_than_not() -> None:
    assert decisions(ONE, several=False).argmax(1).tolist() == [0, 1, 2]
    assert decisions(ONE, several=False).sum(1).tolist() == [1, 1, 1]
    assert decisions(MANY, several=True).tolist() == [
        [True, True, False], [True, False, False], [False, False, False], [True, False, True]]


@pytest.mark.parametrize("several", [False, True])
def test_same_means_every_decision_is_the_same(several: bool) -> None:
    probs = MANY if several else ONE
    assert sameness(probs, probs, several).tolist() == [1.0] * len(probs)
    other = probs.copy()
    other[0] = other[0][::-1]
    assert differing(probs, other, several).tolist() == [True] + [False] * (len(probs) - 1)
    sharper = np.where(decisions(probs, several), 0.99, 0.0)  # as sure as can be, the same decisions
    assert sameness(probs, sharper, several).all()


def test_of_several_labels_a_document_counts_for_its_rarest() -> None:
    assert classes(MANY, several=True).tolist() == [1, 0, 3, 2]  # none at all is one more class
    assert classes(ONE, several=False).tolist() == [0, 1, 2]


NAMES = ("Food", "Food; water", "Shelter", "water; Shelter", "A; B", "A", "B; C")


@given(st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES)))
def test_labels_in_words_are_read_back_though_one_name_holds_another(given: list[bool]) -> None:
    told = named(NAMES, given)
    assert named(NAMES, given_in(told, NAMES)) == told
    if sum(given) < 2:
        assert given_in(told, NAMES) == given


def test_of_two_ways_to_read_labels_the_longest_names_count_and_foreign_ones_are_none() -> None:
    assert given_in("Food; water", NAMES) == [False, True, *[False] * 5]
    assert given_in("Food; Food; water", NAMES) == [True, True, *[False] * 5]
    assert given_in("A; B; C", NAMES) == [*[False] * 5, True, True]  # the longest first leads nowhere
    assert not any(given_in(other, NAMES)[0] for other in ("none", "", "Fire", "Seafood", "Food; Fire"))
    assert given_in("none", (*NAMES, "none"))[-1]


def test_certainty_is_of_the_label_or_of_the_least_sure_yes_or_no() -> None:
    assert certainty(ONE, several=False).tolist() == [0.7, 0.5, 0.6]
    assert certainty(MANY, several=True)[0] == pytest.approx(0.6)
    in_doubt = np.array([[0.5] + [0.01] * 11])  # eleven sure noes do not make up for it
    assert certainty(in_doubt, several=True)[0] == 0.5
    assert certainty(MANY, several=True).min() >= 0.5


def test_divergence_is_zero_for_the_same_and_the_mean_over_yes_and_no() -> None:
    assert divergence(MANY, MANY, several=True) == pytest.approx(0, abs=1e-12)
    assert divergence(ONE, ONE[::-1], several=False) == mean_kl(ONE, ONE[::-1])
    other = np.full_like(MANY, 0.5)
    by_hand = np.mean([p * np.log(p / 0.5) + (1 - p) * np.log((1 - p) / 0.5) for p in MANY.ravel()])
    assert divergence(MANY, other, several=True) == pytest.approx(by_hand)
    assert np.isfinite(divergence(MANY, np.zeros_like(MANY), several=True))
