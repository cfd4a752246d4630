"""Is a model right as often as it is sure? And how sure, in words. Does not: recalibrate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from engine.metrics.checking import distributions, label_indices

Sureness = Literal["sure", "leaning", "unsure", "changes its mind when options are reordered"]

SURE_FROM = 0.8  # confidence: four in five or better
LEANING_FROM = 0.55  # confidence: more likely than not; of two labels one always has .5
ALIKE_FROM = 0.9  # share of option orders that must agree before "sure" may be said
STEADY_FROM = 0.6  # below: with two orders one disagrees, with three no two of them hold together


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Documents whose confidence lies in (low, high]: mean confidence, share right, and how many.

    `confidence` and `accuracy` are NaN in an empty bin.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


def reliability(probs: ArrayLike, truth: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability diagram's bins, lowest confidence first, equal widths, all `bins` of them.

    Shapes: `probs` (documents, labels), rows sum to 1; `truth` (documents,), the right label's
    index. Confidence is the largest probability. Source: as `expected_calibration_error`.
    """
    if bins < 1:
        raise ValueError(f"at least one bin is needed, got {bins}")
    rows = distributions(probs)
    right_label = label_indices(truth, rows.shape[1])
    if right_label.shape[0] != rows.shape[0]:
        raise ValueError(f"{right_label.shape[0]} right labels for {rows.shape[0]} documents")
    confidence = np.minimum(rows.max(axis=1), 1.0)
    right = rows.argmax(axis=1) == right_label
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    return [ReliabilityBin(i / bins, (i + 1) / bins,
                           float(sure[i] / n) if n else float("nan"),
                           float(hits[i] / n) if n else float("nan"), int(n))
            for i, n in enumerate(counts)]


def expected_calibration_error(probs: ArrayLike, correct_index: ArrayLike, bins: int = 10) -> float:
    """Mean gap between how sure and how often right, weighted by documents; 0 = honest, 1 = worst.

    Shapes: `probs` (documents, labels); `correct_index` (documents,), the right label's index. A
    small sample reads too high: a perfectly calibrated model does not score 0 on 80 documents.
    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017).
    """
    filled = [b for b in reliability(probs, correct_index, bins) if b.n]
    total = sum(b.n for b in filled)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in filled) / total


def sureness(confidence: float, stability: float = 1.0) -> Sureness:
    """How sure a model is of one document, in words that a person can act on.

    confidence  probability of its first choice, 0..1
    stability   share of option orders with that same first choice, 0..1 (1 for a model that is not
                asked in several orders)

    Stability is looked at first: an answer that follows the order of the options is not an answer,
    however sure it reads. The limits are the four constants above: plain conventions, not fitted.
    """
    if stability < STEADY_FROM:
        return "changes its mind when options are reordered"
    if confidence >= SURE_FROM and stability >= ALIKE_FROM:
        return "sure"
    return "leaning" if confidence >= LEANING_FROM else "unsure"
