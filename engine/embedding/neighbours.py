"""Finding the most similar documents by cosine. Pure: vectors in, indices and similarities out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 2048  # queries at a time, so that memory stays flat


def nearest(
    query: NDArray[np.floating],
    pool: NDArray[np.floating],
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` rows of `pool` most similar to each query, best first; ties go to the lower index.

    `query` (q, width), `pool` (n, width), both of unit length. Returns indices and cosines, each
    (q, min(k, n)). A document that is in the pool itself comes back as its own first neighbour.
    """
    k = min(k, len(pool))
    indices = np.zeros((len(query), k), dtype=np.int64)
    cosines = np.zeros((len(query), k), dtype=np.float32)
    for start in range(0, len(query), _ROWS):
        rows = slice(start, start + _ROWS)
        likeness = np.asarray(query[rows] @ pool.T, dtype=np.float32)
        best = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        indices[rows] = best
        cosines[rows] = np.take_along_axis(likeness, best, axis=1)
    return indices, cosines
