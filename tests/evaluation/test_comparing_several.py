"""Several labels a document: what a cell of labels says, and numbers that do not flatter."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.comparing import verdict
from engine.evaluation.comparing_several import SeveralAnswered, compare_several, gold_several
from engine.records import Gold
from engine.tasks.definition import Label, Task

NAMES = ("food, water and shelter", "water", "rescue", "fire; explosion")
TASK = Task(kind="multi_label", question="Which?", labels=tuple(Label(name=name) for name in NAMES))


@pytest.mark.parametrize(("cell", "said"), [
    ("rescue", [2]), ("Water; rescue", [1, 2]), ("rescue|water,unheard of", [1, 2]),
    ("food, water and shelter", [0]), ("Food, Water and Shelter; rescue", [0, 2]),
    ("rescue, food, water and shelter", [0, 2]), ("water, food, water and shelter, water", [0, 1]),
    ("fire; explosion", [3]), ("fire; explosion; fire; explosion, water", [1, 3]), ("none", []),
])
def test_a_cell_of_labels_is_read_with_its_names_whole(cell: str, said: list[int]) -> None:
    given, known = gold_several(Gold("label", {"a": cell}), ["a"], TASK)
    assert known.tolist() == [True] and np.flatnonzero(given[0]).tolist() == said


@pytest.mark.parametrize("cell", ["", "explosion", "seafood, water and shelters", "unheard of"])
def test_a_cell_without_a_known_name_tells_nothing(cell: str) -> None:
    given, known = gold_several(Gold("label", {"a": cell}), ["a"], TASK)
    assert not known.any() and not given.any()


def test_labels_that_nobody_gives_do_not_raise_the_agreement_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    def reader() -> np.ndarray:
        return np.concatenate([rng.random((400, 1)), np.zeros((400, 3))], axis=1)
    groups = [str(i) for i in range(400)]
    def kappa(teacher: np.ndarray, student: np.ndarray) -> float | None:
        return compare_several(SeveralAnswered(teacher, student, teacher >= 0.5, teacher >= 0.5,
                                               np.zeros(400, bool), groups), TASK)["kappa"]
    one = reader()
    assert abs(kappa(one, reader())) < 0.15 and kappa(one, one) == 1.0
    assert kappa(np.zeros((400, 4)), np.zeros((400, 4))) is None


def test_a_large_model_that_gives_no_category_is_said_and_proves_nothing() -> None:
    no = np.full((20, len(NAMES)), 0.1)
    none = np.zeros((20, len(NAMES)), bool)
    said = SeveralAnswered(no, no, none, none, none[:, 0], [str(i) for i in range(20)])
    report = compare_several(said, TASK)
    words = verdict(report)
    assert report["agreement_f1"] is None and "gave none of them a category" in words
    assert "0.00" not in words and "chance" not in words and "earned" not in words


def test_what_needs_action_is_counted_in_labels_that_were_to_be_found() -> None:
    task = Task(kind="multi_label", question="Which?", labels=(
        Label(name="rescue", actionable=True), Label(name="water", actionable=True), Label(name="praise")))
    gold = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    said = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], float)
    report = compare_several(SeveralAnswered(said, said, gold, gold, np.ones(4, bool), list("abcd")), task)
    assert (report["student"]["n"], report["student"]["actionable_n"]) == (4, 3)
    assert report["student"]["actionable_recall"] == pytest.approx(2 / 3)
