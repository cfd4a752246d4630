"""A liking for letters is told from a liking for labels, and taken off."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prompts.bias import average_orders, label_distributions, letter_bias
from engine.prompts.composing import option_orders


def answers(scores: np.ndarray, orders: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Log-probabilities by position of a model with these label scores and this pull of letters."""
    raw = np.stack([scores[:, order] + pull for order in orders], axis=1)
    return raw - np.log(np.exp(raw).sum(axis=2, keepdims=True))


@pytest.mark.parametrize("n_orders", [2, 3, 4])
@pytest.mark.parametrize("n_labels", [2, 3, 7, 10, 26])
def test_a_planted_pull_is_found(n_labels: int, n_orders: int) -> None:
    rng = np.random.default_rng(n_labels)
    orders = np.array(option_orders(n_labels, n_orders))
    pull = rng.normal(scale=0.6, size=n_labels)
    scores = rng.normal(size=(600, n_labels)) + rng.normal(scale=0.5, size=n_labels)  # skewed labels too
    found = letter_bias(answers(scores, orders, pull), orders)
    assert found.mean() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found, pull - pull.mean(), atol=0.25)
    assert np.corrcoef(found, pull)[0, 1] > 0.97


@pytest.mark.parametrize("n_labels", [2, 3, 7, 26])
def test_a_skew_of_labels_is_no_pull_of_letters(n_labels: int) -> None:
    rng = np.random.default_rng(0)
    orders = np.array(option_orders(n_labels, 2))
    scores = rng.normal(scale=0.3, size=(400, n_labels)) + 2.0 * (np.arange(n_labels) == 1)
    found = letter_bias(answers(scores, orders, np.zeros(n_labels)), orders)
    assert np.abs(found).max() < 0.12


def test_one_order_cannot_tell_and_says_zero() -> None:
    orders = np.array(option_orders(4, 1))
    given = answers(np.random.default_rng(0).normal(size=(9, 4)), orders, np.array([2.0, 0, 0, 0]))
    assert letter_bias(given, orders).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_documents_not_asked_in_an_order_are_left_out() -> None:
    orders = np.array(option_orders(3, 2))
    given = answers(np.random.default_rng(0).normal(size=(50, 3)), orders, np.array([1.0, 0, -1.0]))
    holes = np.concatenate([given, np.full((7, 2, 3), np.nan)])
    np.testing.assert_allclose(letter_bias(holes, orders), letter_bias(given, orders))


@pytest.mark.parametrize("n_labels", [2, 5, 26])
def test_distributions_go_back_to_labels(n_labels: int) -> None:
    rng = np.random.default_rng(1)
    orders = np.array(option_orders(n_labels, min(4, n_labels)))
    scores, pull = rng.normal(size=(20, n_labels)), rng.normal(size=n_labels)
    found = label_distributions(answers(scores, orders, pull), orders, pull)
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for o in range(len(orders)):  # with the pull known, every order says the same
        np.testing.assert_allclose(found[:, o], true, rtol=1e-9)
    probs, stability = average_orders(found)
    np.testing.assert_allclose(probs, true, rtol=1e-9)
    assert stability.tolist() == [1.0] * 20


def test_stability_counts_the_orders_that_agree_with_the_mean() -> None:
    nan = np.nan
    given = np.array([[[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]], [[0.2, 0.8], [nan, nan], [nan, nan]]])
    probs, stability = average_orders(given)
    np.testing.assert_allclose(probs, [[0.7, 0.3], [0.2, 0.8]])
    np.testing.assert_allclose(stability, [2 / 3, 1.0])
