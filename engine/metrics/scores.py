"""How well predicted labels match gold ones, label by label. Does not: train or steer anything."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.metrics.checking import label_pair


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label's scores, each 0..1. `support` is its n: how many documents are it in gold.

    precision  of the documents called this, the share that are (0 if none was called this)
    recall     of the documents that are this, the share found (0 if there are none)
    f1         their harmonic mean
    """

    label: int
    precision: float
    recall: float
    f1: float
    support: int


def confusion(gold: ArrayLike, predicted: ArrayLike, n_labels: int) -> NDArray[np.int64]:
    """Counts, shape (n_labels, n_labels): row = gold, column = predicted; sums to the documents."""
    truth, guess = label_pair(gold, predicted, n_labels)
    flat = np.bincount(truth * n_labels + guess, minlength=n_labels * n_labels)
    return flat.reshape(n_labels, n_labels)


def per_label(gold: ArrayLike, predicted: ArrayLike, n_labels: int) -> list[LabelScore]:
    """Precision, recall, F1, support of every label in index order, those without support too."""
    table = confusion(gold, predicted, n_labels)
    hits, called, support = np.diagonal(table), table.sum(axis=0), table.sum(axis=1)
    precision, recall, f1 = _share(hits, called), _share(hits, support), _f1(table)
    return [LabelScore(i, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i in range(n_labels)]


def macro_f1(gold: ArrayLike, predicted: ArrayLike, n_labels: int) -> float:
    """Mean F1 over the labels that occur in gold; 0..1, every such label counts the same.

    Why only those: a label without a gold document has no recall, so its F1 would be 0 however good
    the model; a label list longer than the sample would then read as a fault of the model. Calling
    a document by an absent label still costs: it is a miss for the label it has. The same as
    scikit-learn's `f1_score(average="macro", labels=np.unique(gold), zero_division=0)`; its default
    also averages over labels that were only predicted.
    """
    table = confusion(gold, predicted, n_labels)
    return float(_f1(table)[table.sum(axis=1) > 0].mean())


def actionable_recall(gold: ArrayLike, predicted: ArrayLike, actionable: Set[int]) -> float:
    """Of the documents somebody must act on, the share given their own label (micro recall); 0..1.

    `actionable`: indices of such labels. One actionable label taken for another is a miss: a
    request for rescue filed under damage reaches the wrong desk. NaN if gold has no such document.
    """
    truth, guess = label_pair(gold, predicted)
    urgent = np.isin(truth, sorted(actionable))
    return float((guess[urgent] == truth[urgent]).mean()) if urgent.any() else float("nan")


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)  # part is 0 wherever whole is


def _f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    return _share(2 * np.diagonal(table), table.sum(axis=0) + table.sum(axis=1))
