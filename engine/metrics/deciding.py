"""What is decided from probabilities: one category of several, or yes or no for each by itself; and in words.

Everything that compares two readers of the same documents goes through here, so that the two kinds of
question are compared the same way everywhere. Shapes are (documents, labels) in, (documents, …) out. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.metrics.agreement import SMALLEST_PROBABILITY, mean_kl
from engine.records import FloatArray
from engine.tasks.definition import NO_LABEL

HALF = 0.5
BETWEEN = "; "  # several labels of a document


def decisions(probs: FloatArray, several: bool) -> NDArray[np.bool_]:
    """Which labels a document is given: the likeliest, or (`several`) each that is more likely than not."""
    if several:
        return probs >= HALF
    return np.arange(probs.shape[1])[None, :] == probs.argmax(axis=1)[:, None]


def sameness(a: FloatArray, b: FloatArray, several: bool) -> FloatArray:
    """Whether two readers give each document the same labels, all of them: (documents,), 1 or 0."""
    return 1.0 - differing(a, b, several)


def differing(a: FloatArray, b: FloatArray, several: bool) -> NDArray[np.bool_]:
    """Documents on which any decision differs, (documents,)."""
    return (decisions(a, several) != decisions(b, several)).any(axis=1)


def classes(probs: FloatArray, several: bool) -> NDArray[np.integer]:
    """One class a document, for quotas: its label; of several its rarest, one more class for none at all."""
    if not several:
        return probs.argmax(axis=1)
    given = decisions(probs, several=True)
    rarity = np.where(given, given.sum(axis=0)[None, :], len(probs) + 1)
    return np.where(given.any(axis=1), rarity.argmin(axis=1), probs.shape[1])


def certainty(probs: FloatArray, several: bool) -> FloatArray:
    """How sure each document's answer is, (documents,), 0..1: of its label; of several, of the least sure."""
    return np.maximum(probs, 1 - probs).min(axis=1) if several else probs.max(axis=1)


def divergence(p: FloatArray, q: FloatArray, several: bool) -> float:
    """Mean KL(p‖q) in nats, `p` teacher; of several labels the mean over their yes and no. 0 = the same."""
    if not several:
        return mean_kl(p, q)
    def log(values: FloatArray) -> FloatArray:
        return np.log(np.clip(values, SMALLEST_PROBABILITY, 1))
    both = p * (log(p) - log(q)) + (1 - p) * (log(1 - p) - log(1 - q))
    return max(float(both.mean()), 0.0)


def named(names: Sequence[str], given: Sequence[bool] | NDArray[np.bool_]) -> str:
    """Decisions on one document, (labels,), as people read them: its labels, or “none”."""
    return BETWEEN.join(name for name, yes in zip(names, given, strict=True) if yes) or NO_LABEL


def given_in(answer: str, names: Sequence[str]) -> list[bool]:
    """The inverse of `named`, (names,).

    A name may hold what stands between labels, or another name: of several ways to read an answer it is that
    of the longest names.
    """
    found = _read(answer + BETWEEN, names, 0) or ()
    return [i in found for i in range(len(names))]


def _read(rest: str, names: Sequence[str], start: int) -> tuple[int, ...] | None:
    """Which names, from `start` on and in their order, make up the rest of an answer; None where none do."""
    if not rest:
        return ()
    fitting = [i for i in range(start, len(names)) if rest.startswith(names[i] + BETWEEN)]
    for i in sorted(fitting, key=lambda i: -len(names[i])):
        more = _read(rest[len(names[i]) + len(BETWEEN):], names, i + 1)
        if more is not None:
            return (i, *more)
    return None
