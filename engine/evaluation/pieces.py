"""Answers to the pieces of a long document, merged into one answer to the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.records import FloatArray


def first_of_each(wholes: Sequence[str]) -> NDArray[np.int64]:
    """Index of the first piece of each whole, in order of appearance, shape (wholes,)."""
    firsts: dict[str, int] = {}
    for i, name in enumerate(wholes):
        firsts.setdefault(name, i)
    return np.fromiter(firsts.values(), np.int64, len(firsts))


def merged(probs: FloatArray, wholes: Sequence[str], several: bool = False) -> FloatArray:
    """Mean of the pieces' label distributions (the linear opinion pool; Stone 1961), shape (wholes, labels).

    Args:
        probs: (pieces, labels), rows sum to 1; so do the rows of the result.
        wholes: the name of the document that each piece belongs to; a whole document names itself.
        several: each label is yes or no by itself: what applies to a piece applies to the whole (largest).
    """
    places: dict[str, int] = {}
    of = np.fromiter((places.setdefault(name, len(places)) for name in wholes), np.int64, len(wholes))
    if several:
        most = np.zeros((len(places), probs.shape[1]))
        np.maximum.at(most, of, probs)
        return most
    sums = np.zeros((len(places), probs.shape[1]))
    np.add.at(sums, of, probs)
    return sums / np.bincount(of, minlength=len(places))[:, None]
