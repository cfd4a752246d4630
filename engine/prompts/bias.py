"""Removing the large model's liking for letters, and averaging over option orders.

Models answer multiple-choice questions partly by position (Zheng et al., "Large Language Models Are
Not Robust Multiple Choice Selectors", ICLR 2024). With the options shown in several orders, a letter's
pull can be told from a label's: the mean log-probability at letter p of order o is modelled as
a[label shown there] + b[p], and b is taken off. Class bias is another matter and is not touched here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.records import FloatArray

FLOOR = float(np.log(1e-4))  # one near-certain answer must not decide what a letter is worth
_RIDGE = 1e-3                # letters that no pair of orders links stay uncorrected


def letter_bias(log_probs: FloatArray, orders: NDArray[np.integer]) -> FloatArray:
    """Pull of each letter, in nats, mean zero.

    Args:
        log_probs: (documents, orders, labels) log-probabilities by *position*; NaN rows are left out.
        orders: (orders, labels) index of the label shown at each position.

    Returns:
        (labels,) pull of each position; zeros when there is one order (it cannot be told).
    """
    n_orders, n_labels = orders.shape
    if n_orders < 2:
        return np.zeros(n_labels)
    means = np.nanmean(np.maximum(log_probs, FLOOR), axis=0)
    rows = np.zeros((n_orders * n_labels, 2 * n_labels))
    target = np.empty(n_orders * n_labels)
    for o in range(n_orders):
        for p in range(n_labels):
            r = o * n_labels + p
            rows[r, orders[o, p]] = 1.0
            rows[r, n_labels + p] = 1.0
            target[r] = means[o, p]
    target -= target.mean()
    normal = rows.T @ rows + _RIDGE * np.eye(2 * n_labels)
    pull = np.linalg.solve(normal, rows.T @ target)[n_labels:]
    return pull - pull.mean()


def label_distributions(log_probs: FloatArray, orders: NDArray[np.integer],
                        pull: FloatArray) -> FloatArray:
    """Distribution over labels for each document and order, letter pull removed.

    Args:
        log_probs: (documents, orders, labels) by position.
        orders: (orders, labels).
        pull: (labels,) from `letter_bias`.

    Returns:
        (documents, orders, labels) by *label*; each row sums to 1 (NaN where not asked).
    """
    corrected = log_probs - pull
    by_label = np.empty_like(corrected)
    for o, order in enumerate(orders):
        by_label[:, o, order] = corrected[:, o, :]
    by_label -= by_label.max(axis=2, keepdims=True)
    probs = np.exp(by_label)
    return probs / probs.sum(axis=2, keepdims=True)


def average_orders(distributions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean distribution and stability over the orders that were asked.

    Args:
        distributions: (documents, orders, labels); orders not asked are NaN.

    Returns:
        probs (documents, labels), rows sum to 1; stability (documents,): share of orders whose first
        choice is the first choice of the mean.
    """
    probs = np.nanmean(distributions, axis=1)
    probs = probs / probs.sum(axis=1, keepdims=True)
    choice = probs.argmax(axis=1)
    asked = ~np.isnan(distributions[:, :, 0])
    first = np.where(asked, np.nan_to_num(distributions, nan=-1.0).argmax(axis=2), -1)
    stability = (first == choice[:, None]).sum(axis=1) / asked.sum(axis=1)
    return probs, stability
