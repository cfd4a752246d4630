"""Messages already sorted, to show beside the one in question: alike in content, sure, one for each category
that is still possible. Only *learn* documents are shown, never the document itself or its near-duplicates.

Alike examples: Liu et al., “What Makes Good In-Context Examples for GPT-3?”, DeeLIO 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.records import FloatArray

SURE = 0.7  # probability of the first choice from which a document may serve as an example


def shelf(probs: FloatArray, stability: FloatArray, learn: Sequence[int]) -> NDArray[np.integer]:
    """Documents of *learn* that may be shown: sure, and the same in every order they were asked in.

    `probs` (documents, labels); rows not asked are NaN and never shown. `stability` (documents,).
    """
    rows = np.asarray(learn, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        sure = (probs[rows].max(axis=1) >= SURE) & (stability[rows] >= 1)
    return rows[sure]


def choose_examples(rows: Sequence[int], on_shelf: NDArray[np.integer], probs: FloatArray,
                    vectors: FloatArray, groups: Sequence[str], n: int) -> list[list[tuple[int, int]]]:
    """For each row, (document, category): the nearest sure document of each of its `n` likeliest categories.

    The likeliest comes last, next to the question. Fewer where a category has no sure document.

    Args:
        rows: documents in question, indices.
        on_shelf: from `shelf`.
        probs: (documents, labels) answers so far.
        vectors: (documents, width), unit length.
        groups: near-duplicates share a group.
        n: examples a document.
    """
    said = probs[on_shelf].argmax(axis=1) if len(on_shelf) else np.zeros(0, dtype=np.int64)
    group = np.asarray(groups)
    of_label = {int(label): on_shelf[said == label] for label in np.unique(said)}
    found = []
    for row in rows:
        likely = [int(label) for label in np.argsort(-probs[row], kind="stable") if int(label) in of_label]
        shown = []
        for label in likely[:n]:
            pool = of_label[label][group[of_label[label]] != group[row]]
            if len(pool):
                shown.append((int(pool[int((vectors[pool] @ vectors[row]).argmax())]), label))
        found.append(shown[::-1])
    return found
