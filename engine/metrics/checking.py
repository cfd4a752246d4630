"""Refuses arrays that a score cannot be computed from. Does not: repair, drop or guess anything.

`ValueError` on purpose: arrays of the wrong shape are a bug of ours, never a user's doing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.integer]
Floats = NDArray[np.float64]

SUM_TOLERANCE = 0.01  # half precision: 40 labels rounded to fp16 still sum to 1 within this


def label_indices(values: ArrayLike, n_labels: int | None = None) -> Indices:
    """One label index per document, shape (documents,), each in [0, n_labels); at least one.

    Raises ValueError for other shapes, for fractions, and for an index outside the labels (a
    document without a label must be left out by the caller, who can then say how many there were).
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"expected one label per document, at least one, got shape {array.shape}")
    if array.dtype.kind not in "iub":
        raise ValueError(f"labels must be whole numbers, got {array.dtype}")
    array = array.astype(np.int64, copy=False)
    if array.min() < 0 or (n_labels is not None and array.max() >= n_labels):
        raise ValueError(f"labels must lie in 0..{(n_labels or 0) - 1}, "
                         f"got {array.min()}..{array.max()}")
    return array


def label_pair(a: ArrayLike, b: ArrayLike, n_labels: int | None = None) -> tuple[Indices, Indices]:
    """Two label arrays for the same documents, checked as `label_indices` does."""
    first, second = label_indices(a, n_labels), label_indices(b, n_labels)
    if first.shape != second.shape:
        raise ValueError(f"the same documents are needed: {first.shape} against {second.shape}")
    return first, second


def distributions(probs: ArrayLike) -> Floats:
    """Label distributions, shape (documents, labels), as float64 rows that sum to 1 exactly enough.

    Rows are renormalised, since halves and singles stray in the last digits. Raises ValueError when
    a row is negative, not finite, or off by more than `SUM_TOLERANCE`.
    """
    array = np.asarray(probs, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"expected (documents, labels), got shape {array.shape}")
    if not np.isfinite(array).all() or array.min() < 0:
        raise ValueError("probabilities must be finite and not negative")
    totals = array.sum(axis=1, keepdims=True)
    if np.abs(totals - 1).max() > SUM_TOLERANCE:
        raise ValueError(f"rows must sum to 1, they sum to {totals.min()}..{totals.max()}")
    return array / totals
