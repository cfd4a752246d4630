"""Three readers on the same documents: every number with its n, and a verdict that does not flatter."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.comparing import (
    Answered,
    compare,
    cut_short,
    gold_indices,
    left_out,
    limits,
    not_scored,
    verdict,
)
from engine.records import Gold
from engine.tasks.definition import Label, Task

TASK = Task(
    question="Which?", labels=(Label(name="Flood", actionable=True), Label(name="fire"), Label(name="other"))
)


def one_hot(choices: list[int], top: float = 0.8) -> np.ndarray:
    probs = np.full((len(choices), 3), (1 - top) / 2)
    probs[np.arange(len(choices)), choices] = top
    return probs


def answered(teacher: list[int], student: list[int], baseline: list[int], gold: list[int]) -> Answered:
    return Answered(
        one_hot(teacher),
        one_hot(student),
        np.array(baseline),
        np.array(gold),
        [str(i) for i in range(len(gold))],
    )


def test_numbers_by_hand() -> None:
    report = compare(
        answered([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0], [0, 0, 0, 0, 0, 0], [0, 0, 1, -1, 2, 2]), TASK
    )
    assert (report["n"], report["n_gold"], report["has_gold"]) == (6, 5, True)
    assert report["agreement"] == pytest.approx(4 / 6) and report["agreement_baseline"] == pytest.approx(
        2 / 6
    )
    assert report["student"]["accuracy"] == pytest.approx(3 / 5) and report["student"]["n"] == 5
    assert report["teacher"]["accuracy"] == 1.0 and report["teacher"]["macro_f1"] == 1.0
    # flood: 1 of 2 found, 1 false; fire: found, 1 false; other: 1 of 2 found
    assert report["student"]["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)
    assert report["student"]["actionable_recall"] == pytest.approx(1 / 2)
    assert report["student"]["actionable_n"] == 2  # of the 5 documents with a label
    assert report["confusion"]["matrix"] == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert report["confusion_gold"] == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert [p["label"] for p in report["student"]["per_label"]] == ["Flood", "fire", "other"]
    assert [p["support"] for p in report["student"]["per_label"]] == [2, 1, 2]
    gap = report["student_minus_baseline"]
    assert gap["low"] <= gap["value"] <= gap["high"] and gap["n"] == 5
    low, high = report["agreement_interval"]["low"], report["agreement_interval"]["high"]
    assert low <= report["agreement"] <= high


def test_without_labels_there_are_no_scores_and_nothing_breaks() -> None:
    report = compare(answered([0, 1, 2, 0], [0, 1, 2, 1], [0, 0, 0, 0], [-1] * 4), TASK)
    assert not report["has_gold"] and report["student_minus_baseline"] is None
    for who in ("teacher", "student", "baseline"):
        assert report[who]["accuracy"] is None and report[who]["n"] == report[who]["actionable_n"] == 0
    assert "labels that came with" not in verdict(report) and "4 documents" in verdict(report)


def test_labels_are_matched_by_name_and_foreign_ones_are_no_class() -> None:
    gold = Gold("label", {"a": "flood", "b": " FIRE ", "c": "Not labeled", "d": ""})
    assert gold_indices(gold, ["a", "b", "c", "d", "e"], TASK).tolist() == [0, 1, -1, -1, -1]
    assert gold_indices(None, ["a"], TASK).tolist() == [-1]


RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 3, 200).tolist()


def wrong(share: float, seed: int = 0) -> list[int]:
    rng = np.random.default_rng(seed)
    return [(t + 1) % 3 if rng.random() < share else t for t in TRUE]


@pytest.mark.parametrize(
    ("student", "baseline", "said"),
    [
        (0.1, 0.5, "better than a bag of words, beyond chance"),
        (0.30, 0.32, "cannot prove it"),
        (0.5, 0.1, "not better than a bag of words"),
    ],
)
def test_the_verdict_says_whether_it_was_worth_it(student: float, baseline: float, said: str) -> None:
    report = compare(answered(TRUE, wrong(student), wrong(baseline, 1), TRUE), TASK)
    words = verdict(report)
    assert said in words and "200" in words and f"{100 * report['agreement']:.0f} %" in words
    assert ("more than one in four" in words) == (report["agreement"] < 0.75)


@pytest.mark.parametrize(("student", "said"), [(0.1, "more often than a bag of words does, beyond chance"),
                                               (0.22, "cannot prove it"), (0.4, "not earned its place")])
def test_without_labels_agreement_decides(student: float, said: str) -> None:
    report = compare(answered(TRUE, wrong(student), wrong(0.25, 1), [-1] * 200), TASK)
    assert said in verdict(report)
    gap = report["agreement_minus_baseline"]
    assert gap["value"] == pytest.approx(report["agreement"] - report["agreement_baseline"])
    assert gap["low"] <= gap["value"] <= gap["high"]


def test_documents_that_the_small_model_reads_in_part_are_counted() -> None:
    assert cut_short([10, 500, 501, 900], 500) == (
        "It reads the first 500 characters of a document: 2 of 4 are longer.")
    assert not cut_short([10, 500], 500)
    report = compare(answered(TRUE, TRUE, TRUE, TRUE), TASK)
    assert "2 of 4 are longer" in " ".join(limits(report, {}, cut_short([1, 2, 600, 700], 500)))


def test_limits_name_the_weak_and_the_rare() -> None:
    student = [1 if t == 0 else t for t in TRUE]
    report = compare(answered(TRUE, student, TRUE, TRUE), TASK)
    none, one = limits(report, {"Flood": 0, "fire": 1, "other": 15})[:2]
    assert none.startswith("It saw no document of “Flood”") and "only one document of “fire”" in one
    notes = limits(report, {"Flood": 300, "fire": 14, "other": 15})
    n = TRUE.count(0)
    assert any("14 documents of “fire”" in note for note in notes)
    assert not any("“other” while" in note for note in notes)
    assert any(f"“Flood” is often taken for “fire” (0 of {n} right" in note for note in notes)
    assert notes[-1] and any("agreement is not truth" in note for note in notes)


def test_labels_that_are_no_category_are_named() -> None:
    gold = Gold("label", {"a": "flood", "b": "No crisis", "c": "no crisis", "d": " ", "e": "wind"})
    ids = ["a", "b", "c", "d", "e"]
    known = gold_indices(gold, ids, TASK) >= 0
    assert left_out(gold, ids, known) == {"No crisis": 1, "no crisis": 1, "wind": 1}
    assert left_out(None, ids, np.zeros(5, bool)) == {}
    report = compare(answered([0, 1], [0, 1], [0, 0], [0, -1]), TASK) | {"gold_left_out": {"no crisis": 31}}
    assert "31 documents have labels that name none of the categories (“no crisis”)" in verdict(report)
    assert "1 document has a label" in not_scored({"x": 1})
    assert "“c” and 2 more)" in not_scored(dict.fromkeys("abcde", 1))
    assert "“c” and 1 more)" in not_scored(dict.fromkeys("abcd", 1))
