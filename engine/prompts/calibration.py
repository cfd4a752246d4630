"""A liking for a category, told from a true skew of the documents, and taken off.

That a model answers “other” too often shows in two places: in its mean answer over the pool of documents
(Zhou et al., “Batch Calibration”, ICLR 2024), and in its answer to a message that says nothing (Zhao et
al., “Calibrate Before Use”, ICML 2021). The first alone takes a pool that *is* nine tenths floods for a
liking; the second alone overshoots. Here a category is shifted only as far as both agree, and never by more
than a cap: a skewed pool moves nothing unless the empty message leans the same way.
"""

from __future__ import annotations

import numpy as np

from engine.records import FloatArray

EMPTY_MESSAGES = ("N/A", "…", "[message]", "no text")
"""Messages that say nothing, asked as documents are."""
CAP = 1.0  # nats: no category is made less or more likely by more than this (a factor of 2.7)


def class_pull(pool: FloatArray, empty: FloatArray, cap: float = CAP) -> FloatArray:
    """Liking for each category, in nats, shape (labels,); zero where the two signs do not agree.

    Args:
        pool: (documents, labels) distributions over a random sample of the documents, rows sum to 1.
        empty: (messages, labels) distributions over messages that say nothing, rows sum to 1.
        cap: the largest shift either way; 0 corrects nothing.
    """
    tiny = 1e-6
    of_pool = np.log(pool.mean(axis=0) + tiny)
    of_empty = np.log(empty + tiny).mean(axis=0)
    of_pool, of_empty = of_pool - of_pool.mean(), of_empty - of_empty.mean()
    agreed = np.sign(of_pool) == np.sign(of_empty)
    least = np.sign(of_pool) * np.minimum(np.abs(of_pool), np.abs(of_empty))
    return np.clip(np.where(agreed, least, 0.0), -cap, cap)


def without_class_pull(distributions: FloatArray, pull: FloatArray) -> FloatArray:
    """Distributions with the liking taken off and normalised, shape as given (..., labels); NaN stays."""
    with np.errstate(divide="ignore"):
        shifted = np.log(distributions) - pull
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    probs = np.exp(shifted)
    return probs / probs.sum(axis=-1, keepdims=True)
