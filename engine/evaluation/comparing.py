"""Large model, small model and bag of words on the same documents: every number with its n. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.agreement import accuracy, cohen_kappa, mean_kl
from engine.metrics.calibration import expected_calibration_error
from engine.metrics.intervals import bootstrap_interval, paired_difference
from engine.metrics.scores import actionable_recall, confusion, macro_f1, per_label
from engine.records import FloatArray, Gold
from engine.tasks.definition import Task

Choices = NDArray[np.integer]
NO_SCORES: dict[str, Any] = {"accuracy": None, "macro_f1": None, "n": 0, "accuracy_interval": None,
                             "macro_f1_interval": None, "actionable_recall": None,
                             "actionable_n": 0, "per_label": [], "ece": None}
"""Where there are no labels to score by."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Answers on *kept aside*, side by side: label indices (documents,), distributions (documents, labels).

    `gold` holds -1 where a document has no usable label; `groups` names near-duplicates.
    """

    teacher_probs: FloatArray
    student_probs: FloatArray
    baseline: Choices
    gold: Choices
    groups: Sequence[str]

    @property
    def teacher(self) -> Choices:
        """The large model's choices."""
        return self.teacher_probs.argmax(1)

    @property
    def student(self) -> Choices:
        """The small model's choices."""
        return self.student_probs.argmax(1)


def gold_indices(gold: Gold | None, ids: Sequence[str], task: Task) -> Choices:
    """Index of each document's label, -1 where there is none or it is not one of the task's categories."""
    names = {name.casefold(): i for i, name in enumerate(task.names)}
    by_id = gold.by_id if gold else {}
    return np.array([names.get(by_id.get(i, "").strip().casefold(), -1) for i in ids], dtype=np.int64)


def left_out(gold: Gold | None, ids: Sequence[str], known: NDArray[np.bool_]) -> dict[str, int]:
    """Labels of documents that cannot be scored, since they are no category; the commonest first."""
    labels = (gold.by_id.get(name, "").strip() for name, there in zip(ids, known, strict=True)
              if not there) if gold else ()
    return dict(Counter(filter(None, labels)).most_common())


def compare(answers: Answered, task: Task, seed: int = 0) -> dict[str, Any]:
    """The numbers of the report; gold scores are None without gold."""
    n_labels, known = len(task.labels), answers.gold >= 0
    groups = np.asarray(answers.groups)
    same = (answers.teacher == answers.student).astype(float)
    report: dict[str, Any] = {
        "n": len(answers.gold), "n_gold": int(known.sum()), "has_gold": bool(known.any()),
        "labels": list(task.names),
        "agreement": accuracy(answers.teacher, answers.student),
        "agreement_interval": bootstrap_interval(np.mean, [same], groups=groups, seed=seed).as_json(),
        "agreement_baseline": accuracy(answers.teacher, answers.baseline),
        "agreement_minus_baseline": paired_difference(
            accuracy, answers.student, answers.baseline, answers.teacher, groups=groups, seed=seed).as_json(),
        "kappa": cohen_kappa(answers.teacher, answers.student, n_labels),
        "kl": mean_kl(answers.teacher_probs, answers.student_probs),
        "confusion": {"rows": "large model",
                      "matrix": confusion(answers.teacher, answers.student, n_labels).tolist()},
        "confusion_gold": confusion(answers.gold[known], answers.student[known], n_labels).tolist()
        if known.any() else None,
        "student_minus_baseline": None,
    }
    for who, choices, probs in (("teacher", answers.teacher, answers.teacher_probs),
                                ("student", answers.student, answers.student_probs),
                                ("baseline", answers.baseline, None)):
        report[who] = _scores(choices, probs, answers.gold, known, groups, task, seed)
    if known.any():
        report["student_minus_baseline"] = paired_difference(
            lambda g, p: macro_f1(g, p, n_labels), answers.student[known], answers.baseline[known],
            answers.gold[known], groups=groups[known], seed=seed).as_json()
    return report


def _scores(choices: Choices, probs: FloatArray | None, gold: Choices, known: NDArray[np.bool_],
            groups: NDArray, task: Task, seed: int) -> dict[str, Any]:
    if not known.any():
        return NO_SCORES
    truth, said, n_labels = gold[known], choices[known], len(task.labels)
    actionable = {i for i, label in enumerate(task.labels) if label.actionable}
    right = (truth == said).astype(float)
    labels = [{**asdict(score), "label": task.names[score.label]}
              for score in per_label(truth, said, n_labels)]
    recall = actionable_recall(truth, said, actionable)
    return {
        "accuracy": accuracy(truth, said), "macro_f1": macro_f1(truth, said, n_labels),
        "n": int(known.sum()),
        "accuracy_interval": bootstrap_interval(np.mean, [right], groups=groups[known],
                                                seed=seed).as_json(),
        "macro_f1_interval": bootstrap_interval(lambda g, p: macro_f1(g, p, n_labels), [truth, said],
                                                groups=groups[known], seed=seed).as_json(),
        "actionable_recall": None if np.isnan(recall) else recall,
        "actionable_n": int(np.isin(truth, sorted(actionable)).sum()),  # not all of `n` need action
        "per_label": labels,
        "ece": None if probs is None else expected_calibration_error(probs[known], truth),
    }


def verdict(report: dict[str, Any]) -> str:
    """The outcome in words an analyst can act on. Says plainly when the small model is not worth it."""
    n, agreement = report["n"], report["agreement"]
    several = report.get("several", False)
    how = "gives exactly the large one's categories" if several else "answers like the large one"
    parts = [f"The small model {how} on {100 * agreement:.0f} % of {n} documents that "
             f"neither was trained on (bag of words: {100 * report['agreement_baseline']:.0f} %)."]
    if several and report["agreement_f1"] is None:
        parts.append("The large model gave none of them a category, so there was nothing to find: look at "
                     "its answers in Instructions before relying on either.")
    elif several:
        parts.append(f"Category by category it finds what the large one finds with a score (macro-F1) of "
                     f"{report['agreement_f1']:.2f} (bag of words: {report['agreement_f1_baseline']:.2f}).")
    if report["has_gold"]:
        student, base, teacher = (report[who]["macro_f1"] for who in ("student", "baseline", "teacher"))
        gap = report["student_minus_baseline"]
        parts.append(f"Against the {report['n_gold']} labels that came with the documents its category "
                     f"score (macro-F1) is {student:.2f}; the large model's is {teacher:.2f}, a bag of "
                     f"words' {base:.2f}.")
        parts.append(over(gap, "It is better than a bag of words, beyond chance.",
                          "It looks better than a bag of words, but these few documents cannot prove it.",
                          "It is not better than a bag of words here: use that instead, or try more "
                          "documents or better instructions."))
    elif not several or report["agreement_f1"] is not None:
        parts.append(over(report["agreement_minus_baseline"],
                          "It agrees more often than a bag of words does, beyond chance.",
                          "It looks nearer to the large model than a bag of words, but these few documents "
                          "cannot prove it.",
                          "A bag of words agrees as often: the small model has not earned its place here."))
    if report.get("gold_left_out"):
        parts.append(not_scored(report["gold_left_out"]))
    if agreement < 0.75:
        parts.append("It differs from the large model on more than one in four: look at the documents "
                     "marked Different before relying on it.")
    return " ".join(parts)


def over(gap: Mapping[str, Any], proven: str, unproven: str, no: str) -> str:
    """Which of three sentences a difference and its interval allow."""
    if gap["low"] is not None and gap["low"] > 0:
        return proven
    return unproven if gap["value"] > 0 else no


def not_scored(labels: Mapping[str, int]) -> str:
    """In words, which labels of the upload were left out."""
    shown = ", ".join(f"“{name[:60]}”" for name in list(labels)[:3])
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    count = sum(labels.values())
    return (f"{count} {'document has a label' if count == 1 else 'documents have labels'} that name none of "
            f"the categories ({shown}{more}) and could not be scored by them.")


def limits(report: dict[str, Any], learned: dict[str, int], cut: str = "") -> list[str]:
    """Where the small model is weak and what it was hardly shown, one sentence each.

    `learned`: how many documents of each label (by the large model's answer) it was trained on; `cut`: from
    `cut_short`.
    """
    seen = {0: "no document", 1: "only one document"}
    notes = [f"It saw {seen.get(count, f'only {count} documents')} of “{name}” while learning."
             for name, count in learned.items() if count < 15]
    matrix = np.array(report["confusion"]["matrix"] if report["confusion"] else [])
    for i, name in enumerate(report["labels"] if len(matrix) else ()):
        if matrix[i].sum() >= 3 and matrix[i, i] / matrix[i].sum() < 0.5:
            other = int(np.argmax(np.where(np.arange(len(matrix)) == i, -1, matrix[i])))
            notes.append(f"“{name}” is often taken for “{report['labels'][other]}” "
                         f"({matrix[i, i]} of {matrix[i].sum()} right, by the large model).")
    if cut:
        notes.append(cut)
    notes.append("It repeats the large model's mistakes: agreement is not truth.")
    notes.append("It was never shown other questions, other kinds of text or much longer documents.")
    return notes


def cut_short(lengths: Sequence[int], most: int) -> str:
    """In words, how many documents are longer than the small model reads; empty where none is."""
    longer = sum(length > most for length in lengths)
    if not longer:
        return ""
    return f"It reads the first {most:,} characters of a document: {longer:,} of {len(lengths):,} are longer."
