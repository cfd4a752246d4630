"""Examples beside a question: from *learn* only, sure, never the document itself or its duplicates."""

from __future__ import annotations

import numpy as np

from engine.prompts.examples import choose_examples, shelf

PROBS = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.5, 0.5, 0.0], [0.95, 0.05, 0.0],
                  [0.4, 0.35, 0.25], [np.nan] * 3])
STABILITY = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 1.0, np.nan])
ANGLES = np.array([0.0, 0.5, 0.2, 0.1, 0.0, 0.05, 0.0])
VECTORS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
GROUPS = ["a", "b", "c", "d", "e", "f", "g"]


def test_only_sure_and_steady_documents_of_learn_are_shown() -> None:
    assert shelf(PROBS, STABILITY, [0, 1, 2, 3, 4, 6]).tolist() == [0, 1, 2]
    assert shelf(PROBS, STABILITY, [1, 3]).tolist() == [1]


def test_the_nearest_of_each_likely_category_the_likeliest_last() -> None:
    assert choose_examples([5], np.array([0, 1, 2]), PROBS, VECTORS, GROUPS, 3) == [[(2, 1), (0, 0)]]
    assert choose_examples([5], np.array([0, 1, 2]), PROBS, VECTORS, GROUPS, 1) == [[(0, 0)]]


def test_never_itself_nor_a_near_duplicate() -> None:
    rows = range(6)
    for row, shown in zip(rows, choose_examples(rows, np.array([0, 1, 2]), PROBS, VECTORS, GROUPS, 3),
                          strict=True):
        assert row not in [i for i, _ in shown]
    twins = ["a", "b", "c", "d", "e", "a", "g"]  # 5 is a duplicate of 0
    assert choose_examples([5], np.array([0, 1, 2]), PROBS, VECTORS, twins, 3) == [[(2, 1), (1, 0)]]


def test_an_empty_shelf_shows_nothing() -> None:
    assert choose_examples([5, 3], np.zeros(0, dtype=int), PROBS, VECTORS, GROUPS, 3) == [[], []]
