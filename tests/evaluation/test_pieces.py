"""Pieces of a long document: answered one by one, scored and taught as the one document they are."""

from __future__ import annotations

import numpy as np
import pytest

from engine.corpus.splits import one_of_each_group
from engine.evaluation.pieces import first_of_each, merged
from engine.records import Corpus, Document


def test_a_whole_document_keeps_its_answer_and_pieces_are_averaged() -> None:
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    wholes = ["a", "long", "b", "long"]
    together = merged(probs, wholes)
    assert together == pytest.approx(np.array([[0.9, 0.1], [0.35, 0.65], [0.6, 0.4]]))
    assert together.sum(axis=1) == pytest.approx(1)
    assert first_of_each(wholes).tolist() == [0, 1, 2]


def test_without_pieces_nothing_changes() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    names = [f"d{i}" for i in range(20)]
    assert merged(probs, names) == pytest.approx(probs)


def test_every_piece_teaches_but_copies_of_it_do_not() -> None:
    documents = [
        Document("a#1", "first part", "", "g1", {}, "a"), Document("a#2", "second part", "", "g1", {}, "a"),
        Document("b#1", "first part, longer", "", "g1", {}, "b"), Document("b#2", "2nd", "", "g1", {}, "b"),
        Document("c", "short", "", "g2"), Document("d", "shorter", "", "g2"),
    ]
    assert one_of_each_group(Corpus("made", documents), range(6)) == (1, 2, 5)
