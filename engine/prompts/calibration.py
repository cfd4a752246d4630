"""A liking for a category, told from a true skew of the documents, and taken off.

That a model answers “other” too often shows in two places: in its mean answer over the pool of documents
(Zhou et al., “Batch Calibration”, ICLR 2024), and in its answer to a message that says nothing (Zhao et
al., “Calibrate Before Use”, ICML 2021). The first alone takes a pool that *is* nine tenths floods for a
liking; the second alone overshoots. Here a category is shifted only as far as both agree, and never by more
than a cap: a skewed pool moves nothing unless the empty message leans the same way.

Where a question was asked in several ways there is a third sign. Each way likes something else, and what the
documents are is the same for all: the correction that makes the ways agree most is the right one. How much
of the agreed lean is taken off is settled by agreement beyond chance (Cohen's kappa), since ways that all say
the same of everything agree, too. The pool's whole lean is taken off only where that makes ways agree clearly
more often as well: on a skewed pool it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.metrics.agreement import cohen_kappa
from engine.prompts.bias import FLOOR
from engine.records import Document, FloatArray

EMPTY_MESSAGES = ("N/A", "…", "[message]", "no text")
"""Messages that say nothing, asked as documents are."""
CAP = 1.0  # nats: no category is made less or more likely by more than this (a factor of 2.7), …
POOL_CAP = 2.0  # … or this, where other ways to ask bear it out
TINY = 1e-6  # a probability that keeps logarithms finite
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
SAMPLE = 512  # documents that say what a large model likes
CLEARLY = 0.03  # agreement that must be gained before the pool's whole lean is taken off
Kind = Literal["none", "agreed", "pool"]


@dataclass(frozen=True, slots=True, eq=False)
class Likings:
    """What one way to ask likes, in nats, shapes (labels,).

    letters  by place of the options
    agreed   by category, as far as the pool and empty messages agree: `class_pull`
    pool     by category, all that the pool leans to: `pool_pull`
    """

    letters: FloatArray
    agreed: FloatArray
    pool: FloatArray


@dataclass(frozen=True, slots=True)
class Correction:
    """Which liking for a category is taken off, how much of it, and how often ways to ask then agree.

    `agreement` and `before`: share of documents on which two ways say the same, with it and without.
    """

    kind: Kind = "none"
    strength: float = 0.0
    agreement: float = 0.0
    before: float = 0.0

    def pull(self, likings: Likings) -> FloatArray:
        """What to take off, in nats, (labels,)."""
        return self.strength * (likings.pool if self.kind == "pool" else likings.agreed)


def liking_sample(learn: Sequence[int] | NDArray[np.integer], seed: int) -> NDArray[np.integer]:
    """Documents by which likings are found: at most `SAMPLE` of *learn*, drawn at random."""
    return np.random.default_rng(seed).permutation(np.asarray(learn))[:SAMPLE]


def class_pull(pool: FloatArray, empty: FloatArray, cap: float = CAP) -> FloatArray:
    """Liking for each category, in nats, shape (labels,); zero where the two signs do not agree.

    Args:
        pool: (documents, labels) distributions over a random sample of the documents, rows sum to 1.
        empty: (messages, labels) distributions over messages that say nothing, rows sum to 1.
        cap: the largest shift either way; 0 corrects nothing.
    """
    of_pool, of_empty = np.log(pool.mean(axis=0) + TINY), np.log(empty + TINY).mean(axis=0)
    of_pool, of_empty = of_pool - of_pool.mean(), of_empty - of_empty.mean()
    agreed = np.sign(of_pool) == np.sign(of_empty)
    least = np.sign(of_pool) * np.minimum(np.abs(of_pool), np.abs(of_empty))
    return np.clip(np.where(agreed, least, 0.0), -cap, cap)


NOTHING = Correction()
AGREED = Correction("agreed", 1.0)
"""What pool and empty messages agree on: where one way to ask was used, and there is nothing to compare."""
EVERYTHING = Correction("pool", 1.0)
"""All that the pool leans to: to compare ways to ask, not to answer with."""


def empty_documents() -> list[Document]:
    """The messages that say nothing, as documents."""
    return [Document(f"empty-{i}", text, text, "") for i, text in enumerate(EMPTY_MESSAGES)]


def pool_pull(pool: FloatArray, cap: float = POOL_CAP) -> FloatArray:
    """All that the mean answer leans to (batch calibration), in nats, (labels,), within the cap."""
    return _centred(np.log(pool.mean(axis=0) + TINY), cap)


def pull_beside(said: FloatArray, before: FloatArray, cap: float = POOL_CAP) -> FloatArray:
    """What a way to ask likes beside another that was set right, in nats, (labels,), within the cap.

    Of the *same* documents both should lean alike, however skewed these are: batch calibration (Zhou et al.,
    ICLR 2024) with the earlier answers in place of an even mix.

    Args:
        said: (documents, labels) distributions, rows sum to 1.
        before: (documents, labels) those of the way that was set right, of the same documents.
        cap: the largest shift either way.
    """
    new, old = (np.log(np.maximum(probs, np.exp(FLOOR))).mean(axis=0) for probs in (said, before))
    return _centred(new - old, cap)


def _centred(lean: FloatArray, cap: float) -> FloatArray:
    """Leans (labels,) in nats as a pull: about their mean, which no softmax sees, within the cap."""
    return np.clip(lean - lean.mean(), -cap, cap)


def choose_correction(answers: Sequence[FloatArray], likings: Sequence[Likings]) -> Correction:
    """The correction under which different ways to ask agree most; of equals, the milder.

    With one way to ask there is nothing to compare: what pool and empty messages agree on is taken off.

    Args:
        answers: one (documents, labels) array for each way to ask, the liking for letters taken off.
        likings: of each way, in the same order.
    """
    def judged(kind: Kind, strength: float) -> tuple[Correction, float]:
        probe = Correction(kind, strength)
        said = [without_class_pull(given, probe.pull(liked)).argmax(axis=1)
                for given, liked in zip(answers, likings, strict=True)]
        same = float(np.mean([(one == other).mean() for one, other in combinations(said, 2)]))
        return replace(probe, agreement=same), _beyond_chance(said, answers[0].shape[1])

    if len(answers) < 2:
        return AGREED
    nothing = judged("none", 0.0)
    mild, beyond = max([nothing, *(judged("agreed", s) for s in STRENGTHS)], key=lambda found: found[1])
    full, further = max((judged("pool", s) for s in STRENGTHS), key=lambda found: found[1])
    clearly = full.agreement >= mild.agreement + CLEARLY and further >= beyond + CLEARLY
    return replace(full if clearly else mild, before=nothing[0].agreement)


def _beyond_chance(said: Sequence[NDArray[np.integer]], n_labels: int) -> float:
    """Mean kappa over pairs of ways, -1 to 1; 0 where both always say one thing, which tells nothing."""
    return float(np.mean([0.0 if len(np.union1d(one, other)) == 1 else cohen_kappa(one, other, n_labels)
                          for one, other in combinations(said, 2)]))


def without_class_pull(distributions: FloatArray, pull: FloatArray) -> FloatArray:
    """Distributions with the liking taken off and normalised, shape as given (..., labels); NaN stays."""
    with np.errstate(divide="ignore"):
        shifted = np.log(distributions) - pull
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    probs = np.exp(shifted)
    return probs / probs.sum(axis=-1, keepdims=True)


def yes_probabilities(answers: FloatArray, empties: FloatArray,
                      learn: Sequence[int] | None = None) -> tuple[FloatArray, float]:
    """Probability of yes, (documents, labels), without likings for it, and the lean taken off all alike.

    Both are log-probabilities of yes and no: (documents, labels, 2) and (empty messages, labels, 2). The
    pool is the documents at `learn`, or all. A lean to no is left alone: categories are rare, and of a
    message that says nothing no is the right answer.

    Two likings are taken off. That for a category which empty messages and pool share (`class_pull`). Then
    the mean log-odds of yes over the pool and *all* categories, where it is above 0, up to `CAP`: one
    category may be true of most documents, most categories hardly are, and a model asked about what a
    message comes near says yes too soon. It is batch calibration (Zhou et al., ICLR 2024) with one shift for
    all categories, which leaves their shares apart and turns no answer over that the model is sure of.
    """
    mended = np.empty(answers.shape[:2])
    if not answers.size:
        return mended, 0.0
    pool = slice(None) if learn is None else list(learn)
    for label in range(answers.shape[1]):
        said, empty = np.exp(answers[:, label]), np.exp(empties[:, label])
        pull = class_pull(said[pool], empty)
        mended[:, label] = without_class_pull(said, pull if pull[0] > 0 else np.zeros(2))[:, 0]
    sure = np.clip(mended, TINY, 1 - TINY)
    odds = np.log(sure) - np.log1p(-sure)
    lean = float(np.clip(odds[pool].mean(), 0.0, CAP))
    return (1 / (1 + np.exp(lean - odds)) if lean else mended), lean
