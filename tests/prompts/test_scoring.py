"""The score without labels: it finds the better ways in a world where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prompts.answered import Book, Budget
from engine.prompts.scoring import score_candidates
from tests.prompts.worlds import ORDERS, World, truth_of, way

N = 150


def answers(clarity: dict[str, float], **world: object) -> dict[str, np.ndarray]:
    book = Book(World(truth_of(N), clarity, **world), ORDERS, N, Budget(1e9, 99))  # type: ignore[arg-type]
    for name in clarity:
        for order in range(2):
            book.fill(way(name), np.arange(N), order)
        book.find_likings(way(name), np.arange(N))
    return {name: book.distributions(way(name)) for name in clarity}


def test_scores_order_the_ways_as_the_truth_does() -> None:
    clarity = {f"w{i}": 0.5 * i for i in range(8)}
    given = answers(clarity)
    scores = [s.total for s in score_candidates(list(given.values()))]
    right = [(g.mean(axis=1).argmax(axis=1) == truth_of(N)).mean() for g in given.values()]
    ranks = [np.argsort(np.argsort(v)) for v in (scores, right)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9


def test_a_way_that_always_says_the_same_loses() -> None:
    given = answers({"good": 3.0, "fair": 2.0, "poor": 1.0})
    stuck = np.zeros_like(given["good"])
    stuck[:, :, 2] = 1.0  # certain, steady, and blind
    scores = score_candidates([*given.values(), stuck])
    assert scores[3].confidence == 1
    assert scores[3].stability == 1
    assert scores[3].total < min(scores[0].total, scores[1].total)


def test_every_sign_lies_between_nothing_and_all() -> None:
    for score in score_candidates(list(answers({"a": 2.0, "b": 0.0}).values())):
        for sign in (score.agreement, score.confidence, score.stability, score.spread, score.total):
            assert 0 <= sign <= 1
    uniform = np.full((5, 2, 4), 0.25)
    alone = score_candidates([uniform])[0]
    assert (alone.agreement, alone.confidence, alone.spread) == (1.0, 0.0, 1.0)


def test_as_good_as_is_judged_document_by_document() -> None:
    good, twin, bad = score_candidates(list(answers({"a": 3.0, "b": 2.9, "c": 0.2}).values()))
    assert twin.as_good_as(good, 2.0)
    assert not bad.as_good_as(good, 2.0)
    assert good.as_good_as(good, 0.0)


def test_ways_asked_differently_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different documents or orders"):
        score_candidates([np.ones((3, 2, 4)), np.ones((4, 2, 4))])
