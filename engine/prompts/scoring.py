"""How good a way to ask is, without a label: three signs from 0 to 1, taken together with equal weight.

- *agreement* with what the other ways say of the same documents (the wisdom of a crowd of prompts; compare
  Liao et al., “Zero-Label Prompt Selection”, 2022);
- *spread*: not collapsed into few categories, measured against what all say together;
- *likeness*: documents of like content get like answers. Ways to ask may share a habit and agree in it; what
  documents are about is told by a sentence encoder that was never asked the question.

For the first two, all that a way leans to is taken off: two ways that like the same category would seem to
agree. Confidence and stability under other orders are reported and do not count: a way can be sure, steady
and wrong (on two tasks they pointed away from the better ways as often as towards them).

Pure: distributions in, numbers out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import FloatArray

ROUNDS = 3   # of weighing each voice by how it agrees with the others; settles after two
NEAR = 0.1   # temperature of likeness: cosines closer than this count alike


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One candidate's signs, each 0..1; `each` (documents,): what a document adds to the total.

    `likeness` is None where no vectors were given. `confidence` and `stability` do not count.
    """

    agreement: float
    spread: float
    likeness: float | None
    confidence: float
    stability: float
    each: FloatArray

    @property
    def total(self) -> float:
        """Mean of the signs that count."""
        signs = [self.agreement, self.spread, *([] if self.likeness is None else [self.likeness])]
        return sum(signs) / len(signs)

    def as_good_as(self, other: Score, errors: float) -> bool:
        """Whether it scores within so many standard errors of another, document by document."""
        apart = self.each - other.each
        return other.total - self.total <= errors * float(apart.std() / np.sqrt(len(apart)))


def score_candidates(answers: Sequence[FloatArray], flat: Sequence[FloatArray],
                     vectors: FloatArray | None = None) -> list[Score]:
    """A score for each candidate, from the same documents asked in the same number of orders.

    Args:
        answers: one (documents, orders, labels) array of distributions for each candidate, as they are used.
        flat: the same with all that the pool leans to taken off.
        vectors: (documents, width) unit vectors of the documents, or None.

    Raises:
        ValueError: the candidates were not asked alike.
    """
    if len({a.shape for a in (*answers, *flat)}) != 1:
        raise ValueError("the candidates were asked different documents or orders")
    means = np.stack([a.mean(axis=1) for a in flat])  # (candidates, documents, labels)
    n_candidates, n_documents, n_labels = means.shape
    weights = np.ones(n_candidates)
    agreement = np.ones((n_candidates, n_documents))
    for _ in range(ROUNDS if n_candidates > 1 else 0):
        agreement = np.stack([_agreement(means, weights, c) for c in range(n_candidates)])
        weights = np.maximum(agreement.mean(axis=1) - 1 / n_labels, 0.01)
    together = np.tensordot(weights / weights.sum(), means, axes=1).mean(axis=0)
    scores = []
    for c, given in enumerate(answers):
        apart = 0.5 * float(np.abs(means[c].mean(axis=0) - together).sum())
        mean = given.mean(axis=1)
        same = float((given.argmax(axis=2) == mean.argmax(axis=1)[:, None]).mean())
        sure = float((mean.max(axis=1).mean() - 1 / n_labels) / (1 - 1 / n_labels))
        alike = None if vectors is None else _likeness(mean, vectors)
        each = agreement[c] / 2 if alike is None else (agreement[c] + alike) / 3
        scores.append(Score(float(agreement[c].mean()), 1 - apart,
                            None if alike is None else float(alike.mean()), sure, same, each))
    return scores


def _agreement(means: FloatArray, weights: FloatArray, c: int) -> FloatArray:
    """Probability that all the others together give to each first choice of candidate `c`, (documents,)."""
    others = np.delete(np.arange(len(means)), c)
    share = weights[others] / weights[others].sum()
    crowd = np.tensordot(share, means[others], axes=1)
    return crowd[np.arange(len(crowd)), means[c].argmax(axis=1)]


def _likeness(mean: FloatArray, vectors: FloatArray) -> FloatArray:
    """What documents nearby say of each first choice, beyond what all documents say of it, (documents,)."""
    if len(vectors) < 2:
        return np.zeros(len(vectors))
    near = vectors @ vectors.T / NEAR
    np.fill_diagonal(near, -np.inf)  # never its own witness
    near = np.exp(near - near.max(axis=1, keepdims=True))
    said = (near / near.sum(axis=1, keepdims=True)) @ mean
    rows, choice = np.arange(len(mean)), mean.argmax(axis=1)
    return said[rows, choice] - mean.mean(axis=0)[choice]
