"""Gold scores against scikit-learn and by hand, above all where a label is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from engine.metrics.scores import (
    LabelScore,
    actionable_recall,
    confusion,
    macro_f1,
    per_label,
)

RNG = np.random.default_rng(11)
GOLD = RNG.choice(6, 300, p=[0.5, 0.2, 0.15, 0.1, 0.05, 0.0])  # label 5 never occurs in gold
PREDICTED = np.where(RNG.random(300) < 0.6, GOLD, RNG.integers(0, 6, 300))


def test_confusion_has_gold_in_rows() -> None:
    table = confusion([0, 0, 1], [1, 1, 0], 3)
    assert table.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(confusion(GOLD, PREDICTED, 6),
                                  confusion_matrix(GOLD, PREDICTED, labels=range(6)))


def test_per_label_equals_scikit_learn() -> None:
    expected = precision_recall_fscore_support(GOLD, PREDICTED, labels=range(6), zero_division=0)
    ours = per_label(GOLD, PREDICTED, 6)
    for column, name in enumerate(("precision", "recall", "f1", "support")):
        values = [getattr(score, name) for score in ours]
        assert values == pytest.approx(list(expected[column])), name
    assert sum(score.support for score in ours) == 300


def test_per_label_by_hand() -> None:
    scores = per_label([0, 0, 0, 1], [0, 0, 1, 1], 3)
    assert scores[0] == LabelScore(0, 1.0, pytest.approx(2 / 3), pytest.approx(0.8), 3)
    assert scores[1] == LabelScore(1, 0.5, 1.0, pytest.approx(2 / 3), 1)
    assert scores[2] == LabelScore(2, 0.0, 0.0, 0.0, 0)


def test_macro_f1_is_over_labels_present_in_gold() -> None:
    assert (PREDICTED == 5).any()  # so that the next lines can tell the definitions apart
    present = f1_score(GOLD, PREDICTED, labels=np.unique(GOLD), average="macro", zero_division=0)
    every = f1_score(GOLD, PREDICTED, labels=range(6), average="macro", zero_division=0)
    assert macro_f1(GOLD, PREDICTED, 6) == pytest.approx(present)
    assert present > every


def test_macro_f1_does_not_change_with_unused_labels_and_notices_one_lost_label() -> None:
    assert macro_f1(GOLD, PREDICTED, 40) == macro_f1(GOLD, PREDICTED, 6)
    assert macro_f1(GOLD, GOLD, 6) == 1.0
    never_four = np.where(GOLD == 4, 0, GOLD)
    assert macro_f1(GOLD, never_four, 6) < 0.82  # one of five labels is lost, 5 % of documents


def test_actionable_recall_is_micro_and_a_neighbouring_label_is_a_miss() -> None:
    gold, predicted = [0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 0, 2]
    assert actionable_recall(gold, predicted, {0, 1}) == 0.75
    assert actionable_recall(gold, predicted, {1}) == 1.0
    by_hand = precision_recall_fscore_support(GOLD, PREDICTED, labels=[1, 4], average="micro")[1]
    assert actionable_recall(GOLD, PREDICTED, {1, 4}) == pytest.approx(by_hand)


def test_actionable_recall_without_actionable_documents_is_no_number() -> None:
    assert math.isnan(actionable_recall([0, 1], [0, 1], {2}))
    assert math.isnan(actionable_recall([0, 1], [0, 1], set()))


def test_documents_without_a_label_must_be_left_out_by_the_caller() -> None:
    with pytest.raises(ValueError, match="-1"):
        macro_f1([0, -1], [0, 1], 2)
