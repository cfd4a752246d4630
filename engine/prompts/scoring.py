"""How good a way to ask is, without a label: what all ways together say, and what each does by itself.

Four signs, each from 0 to 1, taken together with equal weight:

- *agreement* with what the others say of the same documents (the wisdom of a crowd of prompts; compare Liao
  et al., “Zero-Label Prompt Selection”, 2022);
- *confidence* after calibration, from chance to certainty;
- *stability*: the same answer when the options stand in another order;
- *spread*: not collapsed into few categories, measured against what all say together.

Pure: distributions in, numbers out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import FloatArray

ROUNDS = 3  # of weighing each voice by how it agrees with the others; settles after two


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One candidate's signs, each 0..1, and their mean; `each` (documents,): the first three by document."""

    agreement: float
    confidence: float
    stability: float
    spread: float
    each: FloatArray

    @property
    def total(self) -> float:
        """Mean of the four."""
        return (self.agreement + self.confidence + self.stability + self.spread) / 4

    def as_good_as(self, other: Score, errors: float) -> bool:
        """Whether it scores within so many standard errors of another, document by document."""
        apart = self.each - other.each
        return other.total - self.total <= errors * float(apart.std() / np.sqrt(len(apart)))


def score_candidates(answers: Sequence[FloatArray]) -> list[Score]:
    """A score for each candidate, from the same documents asked in the same number of orders.

    Args:
        answers: one (documents, orders, labels) array of distributions for each candidate, bias removed.

    Raises:
        ValueError: the candidates were not asked alike.
    """
    if len({a.shape for a in answers}) != 1:
        raise ValueError("the candidates were asked different documents or orders")
    means = np.stack([a.mean(axis=1) for a in answers])  # (candidates, documents, labels)
    n_candidates, n_documents, n_labels = means.shape
    weights = np.ones(n_candidates)
    agreement = np.ones((n_candidates, n_documents))
    for _ in range(ROUNDS if n_candidates > 1 else 0):
        agreement = np.stack([_agreement(means, weights, c) for c in range(n_candidates)])
        weights = np.maximum(agreement.mean(axis=1) - 1 / n_labels, 0.01)
    together = np.tensordot(weights / weights.sum(), means, axes=1).mean(axis=0)
    chance = 1 / n_labels
    scores = []
    for c, given in enumerate(answers):
        choice = means[c].argmax(axis=1)
        same = (given.argmax(axis=2) == choice[:, None]).mean(axis=1)
        sure = (means[c].max(axis=1) - chance) / (1 - chance)
        apart = 0.5 * float(np.abs(means[c].mean(axis=0) - together).sum())
        scores.append(Score(float(agreement[c].mean()), float(sure.mean()), float(same.mean()), 1 - apart,
                            (agreement[c] + sure + same) / 4))
    return scores


def _agreement(means: FloatArray, weights: FloatArray, c: int) -> FloatArray:
    """Probability that all the others together give to each first choice of candidate `c`, (documents,)."""
    others = np.delete(np.arange(len(means)), c)
    share = weights[others] / weights[others].sum()
    crowd = np.tensordot(share, means[others], axes=1)
    return crowd[np.arange(len(crowd)), means[c].argmax(axis=1)]
