"""What is learned from: near-duplicates once, and of written answers those that could be read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.corpus.splits import one_of_each_group
from engine.records import Parts, WrittenSignal
from engine.training.subjects import Texts
from tests.students.tiny import corpus_of


def test_near_duplicates_are_learned_from_once() -> None:
    corpus = corpus_of(["short", "a longer text", "other", "longest of the other ones"])
    grouped = replace(
        corpus, documents=tuple(replace(d, group=g) for d, g in zip(corpus.documents, "aabb", strict=True))
    )
    assert one_of_each_group(grouped, (0, 1, 2, 3)) == (1, 3)
    assert one_of_each_group(grouped, (0, 2, 3)) == (0, 3)


def test_a_readable_answer_stands_for_its_group_even_where_a_longer_text_has_none() -> None:
    corpus = corpus_of(["short", "a longer text", "other"])
    grouped = replace(corpus, documents=tuple(
        replace(d, group=g) for d, g in zip(corpus.documents, "aab", strict=True)))
    signal = WrittenSignal(("answer", "", "another"), np.array([1.0, 0.0, 1.0]), np.ones(3, int))
    subject = Texts(None, grouped, Parts((0, 1, 2), (), ()), signal, None)
    assert subject.learn() == (0, 2)
