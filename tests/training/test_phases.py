"""Which documents a phase learns from: easy to hard, and no rare class lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

from engine.training.phases import FEWEST_A_CLASS, choose_slice, class_weights

RNG = np.random.default_rng(0)
N = 400
CHOICE = RNG.choice(4, size=N, p=(0.7, 0.2, 0.08, 0.02))
PROBS = np.full((N, 4), 0.0)
for _i, _c in enumerate(CHOICE):  # the rarer the class, the less sure the teacher
    _top = RNG.uniform(0.4, 0.99) - 0.1 * _c
    PROBS[_i] = (1 - _top) / 3
    PROBS[_i, _c] = _top
CHOICE = PROBS.argmax(1)
STABILITY = RNG.choice((0.5, 1.0), size=N, p=(0.2, 0.8))
SURE = PROBS.max(1) * STABILITY
COUNTS = np.bincount(CHOICE, minlength=4)


def test_the_confident_slice_keeps_the_best_of_every_class() -> None:
    part = choose_slice("confident", CHOICE, SURE, 4, seed=0)
    kept = np.bincount(CHOICE[part.positions], minlength=4)
    for label in range(4):
        assert kept[label] == max(min(FEWEST_A_CLASS, COUNTS[label]), round(0.7 * COUNTS[label]))
        sureness = SURE[label == CHOICE]
        mine = SURE[part.positions][CHOICE[part.positions] == label]
        assert sorted(mine) == sorted(sureness)[len(sureness) - len(mine):]
    assert kept[3] >= min(FEWEST_A_CLASS, COUNTS[3]) > 0
    assert len(set(part.positions.tolist())) == len(part.positions)


def test_among_equally_sure_ones_chance_decides_not_the_place_in_the_file() -> None:
    same = np.ones(200)
    part = choose_slice("confident", np.zeros(200, int), same, 1, seed=3)
    assert len(part.positions) == 140 and part.positions[-1] > 180 and "at random" in part.because
    assert part.positions.tolist() == sorted(part.positions.tolist())
    again = choose_slice("confident", np.zeros(200, int), same, 1, seed=3)
    assert again.positions.tolist() == part.positions.tolist()
    half = np.where(np.arange(200) < 100, 0.5, 0.9)  # the surest still come first
    part = choose_slice("confident", np.zeros(200, int), half, 1, seed=3)
    assert set(range(100, 200)) <= set(part.positions.tolist()) and "surest" in part.because


def test_where_nothing_is_hard_nothing_is_chosen() -> None:
    classes = np.arange(40) % 2
    part = choose_slice("hard", classes, np.full(40, 0.9), 2, seed=0, differs=np.zeros(40, bool))
    assert not len(part.positions) and not len(part.weights) and "agree on all" in part.because


def test_all_is_all() -> None:
    part = choose_slice("all", CHOICE, SURE, 4, seed=0)
    assert part.positions.tolist() == list(range(N)) and str(N) in part.because


@pytest.mark.parametrize("seed", [0, 1])
def test_the_hard_slice_holds_every_document_in_dispute(seed: int) -> None:
    disputed = np.random.default_rng(5).permutation(N)[:60]
    differs = np.isin(np.arange(N), disputed)
    part = choose_slice("hard", CHOICE, SURE, 4, seed=seed, differs=differs)
    positions = set(part.positions.tolist())
    assert set(disputed.tolist()) <= positions
    sureness = SURE
    assert set(np.flatnonzero(sureness < np.quantile(sureness, 0.25)).tolist()) <= positions
    rare = {i for i in range(N) if COUNTS[CHOICE[i]] < 0.5 * N / 4}
    assert rare <= positions and len(positions) < N
    again = choose_slice("hard", CHOICE, SURE, 4, seed=seed, differs=differs)
    assert again.positions.tolist() == part.positions.tolist()
    assert choose_slice("hard", CHOICE, SURE, 4, seed=seed + 9, differs=differs
                        ).positions.tolist() != part.positions.tolist()  # other easy ones come again


def test_the_hard_slice_needs_the_student() -> None:
    with pytest.raises(ValueError, match="student"):
        choose_slice("hard", CHOICE, SURE, 4, seed=0)


def test_weights_have_mean_one_and_rare_classes_weigh_more() -> None:
    weights = class_weights(CHOICE, 4)
    assert weights.mean() == pytest.approx(1.0)
    by_class = [weights[label == CHOICE].mean() for label in range(4)]
    assert by_class == sorted(by_class) and by_class[3] > 1.5 * by_class[0]
    assert by_class[3] / by_class[0] <= 2.0 / 0.6 + 1e-9  # bounded
    assert np.ptp(weights[CHOICE == 0]) == 0
    assert class_weights(np.array([2, 2, 2]), 4).tolist() == [1, 1, 1]  # absent classes do not count


@pytest.mark.parametrize("kind", ["confident", "all", "hard"])
def test_every_slice_has_weights_of_mean_one(kind: str) -> None:
    part = choose_slice(kind, CHOICE, SURE, 4, seed=0, differs=np.zeros(N, dtype=bool))
    assert part.weights.mean() == pytest.approx(1.0) and len(part.weights) == len(part.positions)
