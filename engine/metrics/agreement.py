"""How alike two readers answer, say the small and the large model. Does not: know who is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.metrics.checking import distributions, label_pair
from engine.metrics.scores import confusion

SMALLEST_PROBABILITY = 1e-12


def accuracy(a: ArrayLike, b: ArrayLike) -> float:
    """Share of documents that both give the same label; 0..1.

    Shapes: `a`, `b` (documents,), label indices. Symmetric: agreement when both are models,
    accuracy when one is gold.
    """
    first, second = label_pair(a, b)
    return float((first == second).mean())


def cohen_kappa(a: ArrayLike, b: ArrayLike, n_labels: int) -> float:
    """Agreement beyond chance: 1 = always, 0 = what their label shares give anyway, < 0 = less.

    Shapes: `a`, `b` (documents,), label indices below `n_labels`. Two readers who both use one and
    the same label throughout agree always: that is 1 here, though the formula reads 0/0.
    Source: Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20 (1960).
    """
    table = confusion(a, b, n_labels)
    n = table.sum()
    observed = np.trace(table) / n
    expected = float(table.sum(axis=1) @ table.sum(axis=0)) / float(n) ** 2
    if expected >= 1.0:
        return 1.0
    return float((observed - expected) / (1.0 - expected))


def mean_kl(p: ArrayLike, q: ArrayLike) -> float:
    """Mean over documents of KL(p‖q) in nats; `p` teacher, `q` student; 0 = the same.

    Shapes: `p`, `q` (documents, labels), rows sum to 1. A label that the student gives no chance at
    all counts as probability `SMALLEST_PROBABILITY` (1e-12), so that one rounding to zero does not
    make the mean infinite. Source: Kullback and Leibler, Ann. Math. Stat. 22 (1951).
    """
    teacher, student = distributions(p), distributions(q)
    if teacher.shape != student.shape:
        raise ValueError(f"the same documents and labels are needed: {teacher.shape} against "
                         f"{student.shape}")
    log_ratio = (np.log(np.maximum(teacher, SMALLEST_PROBABILITY))
                 - np.log(np.maximum(student, SMALLEST_PROBABILITY)))
    return max(float((teacher * log_ratio).sum(axis=1).mean()), 0.0)
