"""Cutting a slice into batches of like length, the same way for the same seed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BUCKET = 32  # batches a bucket, at most: of tweets 3 % of the places are then padding, with 12 it is 8 %
FEWEST_BUCKETS = 3  # in one bucket the same documents would meet in every pass


def batches(lengths: Sequence[int], size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """One pass over `lengths` as lists of positions, each position once.

    Positions are shuffled, cut into buckets, sorted by length within a bucket (so that little is padded)
    and cut into batches, whose order is shuffled again.
    """
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    cut: list[list[int]] = []
    wide = size * max(1, min(BUCKET, len(order) // (FEWEST_BUCKETS * size)))
    for start in range(0, len(order), wide):
        bucket = sorted(order[start:start + wide].tolist(), key=lambda i: (lengths[i], i))
        cut += [bucket[s:s + size] for s in range(0, len(bucket), size)]
    return [cut[i] for i in rng.permutation(len(cut))]


def schedule(lengths: Sequence[int], size: int, passes: float, *, seed: int) -> list[list[int]]:
    """All batches of a phase, in order; a part of a pass is its first batches."""
    steps: list[list[int]] = []
    for epoch in range(int(np.ceil(passes))):
        one = batches(lengths, size, seed=seed, epoch=epoch)
        share = min(1.0, passes - epoch)
        steps += one[:max(1, round(share * len(one)))]
    return steps
