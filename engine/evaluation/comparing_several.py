"""Large model, small model and bag of words where several labels may apply: every number with its n. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.comparing import NO_SCORES
from engine.metrics.agreement import cohen_kappa
from engine.metrics.deciding import decisions, divergence
from engine.metrics.intervals import bootstrap_interval, paired_difference
from engine.metrics.scores import per_label
from engine.records import FloatArray, Gold
from engine.tasks.definition import NO_LABEL, Task

Given = NDArray[np.bool_]
_BETWEEN = re.compile(r"[;|,\n]")


@dataclass(frozen=True, slots=True, eq=False)
class SeveralAnswered:
    """Answers on *kept aside*, (documents, labels) each: probabilities of yes, or yes and no.

    `gold` is None where a document has no usable labels: known (documents,) says which have.
    """

    teacher_probs: FloatArray
    student_probs: FloatArray
    baseline: Given
    gold: Given
    known: NDArray[np.bool_]
    groups: Sequence[str]


def gold_several(gold: Gold | None, ids: Sequence[str], task: Task) -> tuple[Given, NDArray[np.bool_]]:
    """Labels of an upload as yes and no, (documents, labels), and which documents have some, (documents,).

    A cell holds names between semicolons, commas or bars, which may stand in a name, too; a cell without a
    known name tells nothing.
    """
    names = {name.casefold(): i for i, name in enumerate(task.names)}
    # Names with such signs are looked for whole, longest first, before the rest is cut at the signs.
    whole = [(re.compile(rf"(?:^|[;|,\n])\s*({re.escape(name)})\s*(?=$|[;|,\n])"), i)
             for name, i in sorted(names.items(), key=lambda item: -len(item[0])) if _BETWEEN.search(name)]
    by_id = gold.by_id if gold else {}
    given = np.zeros((len(ids), len(task.labels)), dtype=bool)
    known = np.zeros(len(ids), dtype=bool)
    for row, document in enumerate(ids):
        cell = by_id.get(document, "").casefold()
        for pattern, i in whole:
            cell, found = pattern.subn(";", cell)
            given[row, i] = found > 0
        parts = {part.strip() for part in _BETWEEN.split(cell)}
        given[row, [names[part] for part in parts if part in names]] = True
        known[row] = NO_LABEL in parts or bool(given[row].any())
    return given, known


def macro_yes(truth: Given, said: Given) -> float:
    """Mean F1 of yes over the labels that occur in `truth`, 0..1, 0 where none does; (documents, labels)."""
    hits, support = (truth & said).sum(axis=0), truth.sum(axis=0)
    f1 = 2 * hits / np.maximum(support + said.sum(axis=0), 1)
    return float(f1[support > 0].mean()) if (support > 0).any() else 0.0


def compare_several(answers: SeveralAnswered, task: Task, seed: int = 0) -> dict[str, Any]:
    """The numbers of the report, in the form that one label a document has; gold scores None without gold.

    Agreement counts documents on which every yes and no is the same.
    """
    teacher, student = (decisions(p, several=True) for p in (answers.teacher_probs, answers.student_probs))
    groups = np.asarray(answers.groups)
    same = (teacher == student).all(axis=1).astype(float)
    # Two who never give a label agree about it without merit: such labels are left out.
    kappas = [cohen_kappa(teacher[:, i].astype(int), student[:, i].astype(int), 2)
              for i in np.flatnonzero((teacher | student).any(axis=0))]
    report: dict[str, Any] = {
        "n": len(teacher), "n_gold": int(answers.known.sum()), "has_gold": bool(answers.known.any()),
        "labels": list(task.names), "several": True,
        "agreement": float(same.mean()),
        "agreement_interval": bootstrap_interval(np.mean, [same], groups=groups, seed=seed).as_json(),
        "agreement_baseline": float((teacher == answers.baseline).all(axis=1).mean()),
        "agreement_minus_baseline": paired_difference(
            lambda truth, said: float((truth == said).all(axis=1).mean()), student, answers.baseline, teacher,
            groups=groups, seed=seed).as_json(),
        "agreement_f1": macro_yes(teacher, student) if teacher.any() else None,
        "agreement_f1_baseline": macro_yes(teacher, answers.baseline) if teacher.any() else None,
        "kappa": float(np.mean(kappas)) if kappas else None,
        "kl": divergence(answers.teacher_probs, answers.student_probs, several=True),
        "yes": {who: dict(zip(task.names, map(int, said.sum(axis=0)), strict=True))
                for who, said in (("teacher", teacher), ("student", student),
                                  ("baseline", answers.baseline))},
        "confusion": None, "confusion_gold": None, "student_minus_baseline": None}
    known = answers.known
    for who, said in (("teacher", teacher), ("student", student), ("baseline", answers.baseline)):
        report[who] = _scores(said[known], answers.gold[known], groups[known], task, seed)
    if known.any():
        report["student_minus_baseline"] = paired_difference(
            macro_yes, student[known], answers.baseline[known], answers.gold[known], groups=groups[known],
            seed=seed).as_json()
    return report


def _scores(said: Given, truth: Given, groups: NDArray, task: Task, seed: int) -> dict[str, Any]:
    if not len(said):
        return NO_SCORES
    right = (said == truth).all(axis=1).astype(float)
    urgent = [i for i, label in enumerate(task.labels) if label.actionable]
    wanted = int(truth[:, urgent].sum())
    labels = []
    for i, name in enumerate(task.names):
        yes = per_label(truth[:, i].astype(int), said[:, i].astype(int), 2)[1]
        labels.append({"label": name, "precision": yes.precision, "recall": yes.recall, "f1": yes.f1,
                       "support": yes.support})
    return {
        "accuracy": float(right.mean()), "macro_f1": macro_yes(truth, said), "n": len(said),
        "accuracy_interval": bootstrap_interval(np.mean, [right], groups=groups, seed=seed).as_json(),
        "macro_f1_interval": bootstrap_interval(macro_yes, [truth, said], groups=groups,
                                                seed=seed).as_json(),
        "actionable_recall": float((truth & said)[:, urgent].sum() / wanted) if wanted else None,
        "actionable_n": wanted,  # labels, not documents: one may have several that need action
        "per_label": labels, "ece": None}
