"""Groups of alike documents and samples that cover them. Pure: vectors in, numbers out; seeded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]
Indices = NDArray[np.int64]

_MANY = 20_000  # above this many rows, k-means learns its centres from mini-batches


def cluster(vectors: Vectors, k: int, seed: int) -> Indices:
    """K-means labels, shape (n,), values 0..k'-1 numbered by size (0 is the largest group).

    `vectors` (n, width). k' ≤ k: never more than the different rows. Same seed, same labels.
    """
    return _fit(vectors, k, seed)[0]


def medoids(vectors: Vectors, k: int, seed: int) -> Indices:
    """The row nearest to each group's mean, largest group first; shape (k',).

    Indices are distinct; k' ≤ k as in `cluster`.
    """
    labels, centres = _fit(vectors, k, seed)
    return np.array(
        [
            _nearest(vectors, np.flatnonzero(labels == group), centre)
            for group, centre in enumerate(centres)
        ],
        dtype=np.int64,
    )


def diverse(vectors: Vectors, n: int, seed: int) -> Indices:
    """`n` distinct row indices that cover the collection: medoids first, then what is farthest.

    Gives min(n, rows) indices even where many rows are equal. Same seed, same indices.
    """
    count = min(n, len(vectors))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    chosen = list(medoids(vectors, count, seed))
    if len(chosen) < count:
        gap = np.min([_squared(vectors, vectors[i]) for i in chosen], axis=0)
        gap[chosen] = -1.0
        while len(chosen) < count:
            farthest = int(gap.argmax())
            chosen.append(farthest)
            gap = np.minimum(gap, _squared(vectors, vectors[farthest]))
            gap[chosen] = -1.0
    return np.array(chosen, dtype=np.int64)


def _squared(vectors: Vectors, point: Vectors) -> Vectors:
    return ((vectors - point) ** 2).sum(axis=1)


def _nearest(vectors: Vectors, rows: Indices, centre: Vectors) -> int:
    return int(rows[_squared(vectors[rows], centre).argmin()])


def _fit(vectors: Vectors, k: int, seed: int) -> tuple[Indices, Vectors]:
    """Labels and centres, groups ordered by size, then by their first row."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if k < 1:
        raise ValueError("k must be at least 1")
    if len(vectors) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros((0, vectors.shape[1]))
    rows = np.ascontiguousarray(vectors, dtype=np.float64)  # repeatable sums on every machine
    k = min(k, len(np.unique(rows, axis=0)))
    kind = MiniBatchKMeans if len(rows) > _MANY else KMeans
    options = {"batch_size": 4096} if kind is MiniBatchKMeans else {}
    fitted = kind(n_clusters=k, random_state=seed, n_init=3, **options).fit(rows)
    used, first, counts = np.unique(fitted.labels_, return_index=True, return_counts=True)
    order = used[np.lexsort((first, -counts))]
    rank = np.full(k, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[fitted.labels_], fitted.cluster_centers_[order]
