"""Clusters, medoids and diverse samples: deterministic, distinct, and covering."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.embedding.clusters import cluster, diverse, medoids
from engine.embedding.neighbours import nearest


def blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three groups of 30, 20 and 10 unit vectors around three axes, shuffled; and their groups."""
    numbers = np.random.default_rng(seed)
    truth = numbers.permutation(np.repeat([0, 1, 2], [30, 20, 10]))
    rows = np.eye(6)[truth] + numbers.normal(0, 0.05, (60, 6))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def test_groups_are_found_and_numbered_by_size() -> None:
    vectors, truth = blobs()
    np.testing.assert_array_equal(cluster(vectors, 3, seed=1), truth)
    np.testing.assert_array_equal(truth[medoids(vectors, 3, seed=1)], [0, 1, 2])


def test_a_medoid_is_the_row_nearest_to_its_groups_mean() -> None:
    vectors, truth = blobs()
    for group, row in enumerate(medoids(vectors, 3, seed=1)):
        members = np.flatnonzero(truth == group)
        gaps = np.linalg.norm(vectors[members] - vectors[members].mean(axis=0), axis=1)
        assert row == members[gaps.argmin()]


def test_the_same_seed_gives_the_same_answer() -> None:
    vectors = np.random.default_rng(3).normal(size=(200, 16)).astype(np.float32)
    for act in (cluster, medoids, diverse):
        np.testing.assert_array_equal(act(vectors, 7, seed=5), act(vectors, 7, seed=5))


def test_small_groups_are_in_a_diverse_sample() -> None:
    vectors, truth = blobs()
    assert set(truth[diverse(vectors, 3, seed=0)]) == {0, 1, 2}


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(0, 12),
    different=st.integers(1, 6),
    n=st.integers(0, 15),
    seed=st.integers(0, 9),
)
def test_diverse_gives_as_many_distinct_rows_as_there_are(
    rows: int, different: int, n: int, seed: int
) -> None:
    numbers = np.random.default_rng(seed)
    vectors = numbers.normal(size=(different, 4))[numbers.integers(0, different, rows)]
    chosen = diverse(vectors, n, seed)
    assert len(chosen) == len(set(chosen.tolist())) == min(n, rows)
    kinds = len(np.unique(vectors, axis=0)) if rows else 0
    assert len(np.unique(vectors[chosen], axis=0)) == min(n, kinds)
    if rows:
        labels = cluster(vectors, max(1, n), seed)
        assert labels.min() == 0 and labels.max() == min(max(1, n), kinds) - 1


def test_no_groups_are_refused_and_no_rows_give_nothing() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        cluster(np.ones((3, 2)), 0, seed=0)
    assert cluster(np.zeros((0, 4)), 3, seed=0).shape == (0,)
    assert medoids(np.zeros((0, 4)), 3, seed=0).shape == (0,)


def test_neighbours_are_the_largest_cosines_in_order() -> None:
    vectors, truth = blobs()
    indices, cosines = nearest(vectors, vectors, 5)
    np.testing.assert_array_equal(indices[:, 0], np.arange(60))
    assert (truth[indices] == truth[:, None]).all()
    assert (np.diff(cosines, axis=1) <= 0).all()
    brute = np.sort(vectors @ vectors.T, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(cosines, brute, atol=1e-6)


def test_ties_go_to_the_lower_index_and_small_pools_are_no_trouble() -> None:
    pool = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    indices, cosines = nearest(np.array([[1.0, 0.0]]), pool, 9)
    assert indices.tolist() == [[1, 2, 0]] and cosines.tolist() == [[1.0, 1.0, 0.0]]
    assert nearest(pool, np.zeros((0, 2)), 3)[0].shape == (3, 0)
