"""Which documents a phase learns from, and with what weight. Pure numpy.

Easy to hard (Bengio et al., "Curriculum Learning", 2009), with quotas for every class: a global threshold
on confidence would delete the rare crisis classes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.phase_plan import SLICE_SHARES, Slice
from engine.records import FloatArray

CONFIDENT_SHARE = SLICE_SHARES["confident"]
FEWEST_A_CLASS = 8
REPLAY_SHARE = 0.5
WEIGHT_RANGE = (0.6, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class PhaseSlice:
    """Positions within *learn* (none where none is hard), a weight for each (mean 1), the reason in words."""

    positions: NDArray[np.integer]
    weights: FloatArray
    because: str


def choose_slice(kind: Slice, classes: NDArray[np.integer], sureness: FloatArray, n_classes: int, *,
                 seed: int, differs: NDArray[np.bool_] | None = None) -> PhaseSlice:
    """The documents of a phase.

    Args:
        kind: confident | all | hard.
        classes: (learn,) the class of the teacher's answer, for quotas; all the same where there are none.
        sureness: (learn,) how sure the teacher is, 0..1.
        n_classes: how many classes there may be.
        seed: draws among equally sure documents, and the replayed ones of `hard`.
        differs: (learn,) where the student answers otherwise now; needed for `hard`.
    """
    if kind == "confident":
        kept = _top_of_each_class(classes, sureness, n_classes, np.random.default_rng(seed))
        if np.ptp(sureness):
            because = (f"the {len(kept)} of {len(classes)} documents the large model is surest about, "
                       f"the best {100 * CONFIDENT_SHARE:.0f} % of each category")
        else:
            because = (f"{len(kept)} of {len(classes)} documents, drawn at random: the large model did not "
                       "say how sure it is of each")
    elif kind == "all":
        kept = np.arange(len(classes))
        because = f"all {len(kept)} documents; rare categories count more"
    else:
        kept, because = _hard(classes, sureness, n_classes, differs, seed)
    weights = class_weights(classes[kept], n_classes) if len(kept) else np.ones(0)
    return PhaseSlice(kept, weights, because)


def to_read(lengths: Sequence[int]) -> PhaseSlice:
    """The documents of a phase that reads: all that have a second token to foretell, each word alike.

    `lengths`: (learn,) tokens of each.
    """
    kept = np.flatnonzero(np.asarray(lengths, dtype=np.int64) > 1)
    return PhaseSlice(kept, np.ones(len(kept)), f"all {len(kept)} documents to learn from, word by word and "
                                                "without an answer")


def class_weights(choice: NDArray[np.integer], n_labels: int) -> FloatArray:
    """Weight of each document: the square root of how rare its class is, bounded; mean 1. Shape kept."""
    counts = np.bincount(choice, minlength=n_labels)
    present = max(1, int((counts > 0).sum()))
    raw = np.sqrt(len(choice) / (present * np.maximum(counts, 1)))[choice]
    weights = np.clip(raw, *WEIGHT_RANGE)
    return weights / weights.mean()


def _top_of_each_class(choice: NDArray[np.integer], sureness: FloatArray, n_labels: int,
                       draws: np.random.Generator) -> NDArray[np.integer]:
    """Positions in order; among equally sure ones chance decides, not their place in the file."""
    kept: list[int] = []
    for label in range(n_labels):
        members = draws.permutation(np.flatnonzero(choice == label))
        quota = max(min(FEWEST_A_CLASS, len(members)), round(CONFIDENT_SHARE * len(members)))
        kept += members[np.argsort(-sureness[members], kind="stable")[:quota]].tolist()
    return np.array(sorted(kept), dtype=np.int64)


def _hard(classes: NDArray[np.integer], sureness: FloatArray, n_classes: int,
          differs: NDArray[np.bool_] | None, seed: int) -> tuple[NDArray[np.integer], str]:
    if differs is None:
        raise ValueError("the slice 'hard' needs to know where the student answers otherwise")
    unsure = sureness < np.quantile(sureness, 0.25)
    counts = np.bincount(classes, minlength=n_classes)
    rare = counts[classes] < 0.5 * len(classes) / max(1, (counts > 0).sum())
    hard = differs | unsure | rare
    if not hard.any():
        return np.arange(0), "both models agree on all, and the large one is as sure of each"
    easy = np.flatnonzero(~hard)
    # Some easy documents are seen again, so that mending mistakes does not cost what was learned.
    again = np.random.default_rng(seed).permutation(easy)[:round(REPLAY_SHARE * hard.sum())]
    kept = np.sort(np.concatenate([np.flatnonzero(hard), again]))
    because = (f"{int(differs.sum())} where small and large model differ, {int(unsure.sum())} the large "
               f"model is unsure about, {int(rare.sum())} of rare categories (some are all three), and "
               f"{len(again)} easy ones so that nothing is forgotten")
    return kept, because
