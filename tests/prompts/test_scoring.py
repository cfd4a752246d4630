"""The score without labels: it finds the better ways in a world where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prompts.answered import Book, Budget
from engine.prompts.calibration import EVERYTHING
from engine.prompts.scoring import score_candidates
from tests.prompts.worlds import ORDERS, World, truth_of, way

N = 150
TRUTH = truth_of(N)
VECTORS = np.eye(4)[TRUTH] + 0.5 * np.random.default_rng(3).normal(size=(N, 4))
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
Given = tuple[list[np.ndarray], list[np.ndarray]]


def answers(clarity: dict[str, float], **world: object) -> Given:
    """What each way says, as it is used and with all it leans to taken off."""
    book = Book(World(TRUTH, clarity, **world), ORDERS, N, Budget(1e9, 99))  # type: ignore[arg-type]
    for name in clarity:
        for order in range(2):
            book.fill(way(name), np.arange(N), order)
        book.find_likings(way(name), np.arange(N))
    return ([book.distributions(way(name)) for name in clarity],
            [book.distributions(way(name), EVERYTHING) for name in clarity])


@pytest.mark.parametrize("vectors", [None, VECTORS])
@pytest.mark.parametrize("liking", [np.zeros(4), np.array([1.5, 0.5, -0.5, -1.5])])
def test_scores_order_the_ways_as_the_truth_does(vectors: np.ndarray | None, liking: np.ndarray) -> None:
    used, flat = answers({f"w{i}": 0.5 * i for i in range(8)}, liking=liking)
    scores = [s.total for s in score_candidates(used, flat, vectors)]
    right = [(a.mean(axis=1).argmax(axis=1) == TRUTH).mean() for a in flat]
    ranks = [np.argsort(np.argsort(v)) for v in (scores, right)]
    assert np.corrcoef(*ranks)[0, 1] > (0.9 if vectors is not None else 0.7)


def test_a_way_that_always_says_the_same_loses_however_sure_and_steady() -> None:
    used, flat = answers({"good": 3.0, "fair": 2.0, "poor": 1.0})
    stuck = np.full_like(used[0], 1e-3)
    stuck[:, :, 2] = 1 - 3e-3
    scores = score_candidates([*used, stuck], [*flat, np.full_like(stuck, 0.25)], VECTORS)
    assert scores[3].confidence > 0.99
    assert scores[3].stability == 1
    assert scores[3].total < min(score.total for score in scores[:2])


def test_a_habit_that_most_share_does_not_win_against_what_documents_are_like() -> None:
    used, flat = answers({"good": 2.5, "also-good": 2.5})
    habit = np.roll(used[0], 7, axis=0)  # answers that have nothing to do with the text
    crowd = [habit, habit, habit]
    alone = score_candidates([*used, *crowd], [*flat, *crowd])
    seen = score_candidates([*used, *crowd], [*flat, *crowd], VECTORS)
    assert alone[2].total > alone[0].total  # by agreement alone they would
    assert seen[0].likeness > seen[2].likeness + 0.2


def test_every_sign_has_its_bounds() -> None:
    for score in score_candidates(*answers({"a": 2.0, "b": 0.0}), VECTORS):
        for sign in (score.agreement, score.confidence, score.stability, score.spread):
            assert 0 <= sign <= 1
        assert -1 <= score.likeness <= 1
    uniform = np.full((5, 2, 4), 0.25)
    alone = score_candidates([uniform], [uniform], np.eye(5))[0]
    assert (alone.agreement, alone.confidence, alone.spread, alone.likeness) == (1.0, 0.0, 1.0, 0.0)
    assert score_candidates([uniform[:1]], [uniform[:1]], np.eye(1))[0].likeness == 0


def test_a_document_is_not_its_own_witness() -> None:
    sure = np.zeros((6, 1, 3))
    sure[np.arange(6), 0, [0, 1, 2, 0, 1, 2]] = 1.0
    unlike = score_candidates([sure], [sure], np.eye(6))[0]
    twins = score_candidates([sure], [sure], np.eye(3)[[0, 1, 2, 0, 1, 2]])[0]
    assert unlike.likeness < 0 < twins.likeness


def test_as_good_as_is_judged_document_by_document() -> None:
    good, twin, bad = score_candidates(*answers({"a": 3.0, "b": 2.9, "c": 0.2}), VECTORS)
    assert twin.as_good_as(good, 2.0)
    assert not bad.as_good_as(good, 2.0)
    assert good.as_good_as(good, 0.0)


def test_ways_asked_differently_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different documents or orders"):
        score_candidates([np.ones((3, 2, 4))], [np.ones((4, 2, 4))])
