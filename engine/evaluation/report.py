"""The report of a run: everybody's answers on *kept aside*, scored once, and what it cost."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.corpus.splits import one_of_each_group
from engine.evaluation.baseline import fit_baseline
from engine.evaluation.comparing import (
    Answered,
    compare,
    cut_short,
    gold_indices,
    left_out,
    limits,
    verdict,
)
from engine.evaluation.comparing_several import SeveralAnswered, compare_several, gold_several
from engine.evaluation.cost import documents_per_second
from engine.evaluation.labelled import named
from engine.evaluation.pieces import first_of_each, merged
from engine.evaluation.table import Answers, heading, table_of
from engine.metrics.deciding import HALF, certainty, decisions
from engine.plan import DistillPlan
from engine.progress import Counted
from engine.records import Corpus, FloatArray, Gold, Part, Parts, TeacherSignal
from engine.students.base import Student
from engine.students.predicting import predict


def score_run(plan: DistillPlan, corpus: Corpus, parts: Parts, first: TeacherSignal,
              signal: TeacherSignal, student: Student, gold: Gold | None, reasons: Mapping[str, str],
              on_progress: Counted) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score a finished student.

    Args:
        first: the large model's frozen answers; *kept aside* is judged by these.
        signal: what the student and the bag of words learned from (documents asked again included).
        gold: labels for scoring, or None.
        reasons: index of a document → why it was asked more than once, from the first asking.
        on_progress: called with (documents answered, documents in all).

    Returns:
        the report (plain values) and one row a document.
    """
    texts, kept = corpus.texts, list(parts.kept_aside)
    read = list(one_of_each_group(corpus, parts.learn))  # of near-duplicates the student reads one
    began = time.monotonic()
    on_kept = predict(student, [texts[i] for i in kept], lambda done, _: on_progress(done, len(texts)))
    speed = documents_per_second(len(kept), time.monotonic() - began)
    aside = set(kept)
    rest = [i for i in range(len(texts)) if i not in aside]
    probs = np.empty((len(texts), len(plan.task.labels)))
    probs[kept] = on_kept
    probs[rest] = predict(student, [texts[i] for i in rest],
                          lambda done, _: on_progress(len(kept) + done, len(texts)))

    said = decisions(signal.probs, signal.several)
    bag, because, checked = _bag(corpus, read, said, signal.several, plan.seed)
    one = np.array(kept)[first_of_each([corpus.documents[i].whole for i in kept])]
    if signal.several:
        report, truth = _several(plan, corpus, kept, one, first, probs, bag, gold)
    else:
        report, truth = _single(plan, corpus, kept, one, first, probs, bag, gold)
    learned = dict(zip(plan.task.names, said[read].sum(axis=0).tolist(), strict=True))
    report |= heading(plan, parts, len(read), speed, gold.column if gold else "") | {
        "verdict": verdict(report), "limits": limits(report, learned, cut_short(
            [len(text) for text in texts], plan.student.max_chars)),
        "baseline_because": because, "baseline_cv": checked}
    return report, _table(plan, corpus, parts, first, signal, probs, bag, truth, student, reasons)


def _bag(corpus: Corpus, learn: Sequence[int], said: NDArray[np.bool_], several: bool, seed: int,
         ) -> tuple[NDArray[np.bool_], str, float | None]:
    """The bag of words' answers (documents, labels), how it was made, and its score in choosing.

    `learn`: documents that it learns from, the same as the student.

    Where several labels may apply there is one for each (one against the rest).
    """
    texts, shown = corpus.texts, [corpus.texts[i] for i in learn]
    groups = [corpus.documents[i].group for i in learn]
    if not several:
        made = fit_baseline(shown, said[learn].argmax(axis=1), groups=groups, seed=seed)
        return np.eye(said.shape[1], dtype=bool)[made.predict(texts)], made.because, made.cv_score
    each = [fit_baseline(shown, said[learn, i].astype(int), groups=groups, seed=seed)
            for i in range(said.shape[1])]
    scores = [one.cv_score for one in each if one.cv_score is not None]
    return (np.stack([one.predict(texts).astype(bool) for one in each], axis=1),
            f"One for each category, against all others. The first: {each[0].because}",
            float(np.mean(scores)) if scores else None)


def _single(plan: DistillPlan, corpus: Corpus, kept: list[int], one: NDArray, first: TeacherSignal,
            probs: FloatArray, bag: NDArray, gold: Gold | None) -> tuple[dict[str, Any], list[str | None]]:
    """The comparison, and each document's label in the upload."""
    wholes, groups = [d.whole for d in corpus.documents], [d.group for d in corpus.documents]
    truth = gold_indices(gold, wholes, plan.task)
    of = [wholes[i] for i in kept]
    # Pieces of a long document are answered one by one and scored as the one document they are.
    report = compare(Answered(merged(first.probs[kept], of), merged(probs[kept], of),
                              merged(bag[kept].astype(float), of).argmax(axis=1), truth[one],
                              [groups[i] for i in one]), plan.task, plan.seed)
    report["gold_left_out"] = left_out(gold, [wholes[i] for i in one], truth[one] >= 0)
    return report, [plan.task.names[i] if i >= 0 else None for i in truth]


def _several(plan: DistillPlan, corpus: Corpus, kept: list[int], one: NDArray, first: TeacherSignal,
             probs: FloatArray, bag: NDArray, gold: Gold | None) -> tuple[dict[str, Any], list[str | None]]:
    wholes, groups = [d.whole for d in corpus.documents], [d.group for d in corpus.documents]
    given, known = gold_several(gold, wholes, plan.task)
    of = [wholes[i] for i in kept]
    report = compare_several(SeveralAnswered(
        merged(first.probs[kept], of, several=True), merged(probs[kept], of, several=True),
        merged(bag[kept].astype(float), of, several=True) >= HALF, given[one], known[one],
        [groups[i] for i in one]), plan.task, plan.seed)
    report["gold_left_out"] = left_out(gold, [wholes[i] for i in one], known[one])
    return report, [named(plan.task.names, row) if there else None
                    for row, there in zip(given, known, strict=True)]


def _table(plan: DistillPlan, corpus: Corpus, parts: Parts, first: TeacherSignal, signal: TeacherSignal,
           probs: FloatArray, bag: NDArray, truth: Sequence[str | None], student: Student,
           reasons: Mapping[str, str]) -> pd.DataFrame:
    """One row a document. On *kept aside* and *steer* the teacher's answers are the frozen first ones."""
    names, several = plan.task.names, signal.several
    mine, sure = decisions(probs, several), certainty(probs, several)
    theirs = {said: (decisions(said.probs, several), certainty(said.probs, several))
              for said in (first, signal)}

    def answers(i: int, part: Part) -> Answers:
        said = signal if part == "learn" else first
        chosen, confident = theirs[said]
        return Answers(
            gold=truth[i], teacher=named(names, chosen[i]), student=named(names, mine[i]),
            baseline=named(names, bag[i]), teacher_confidence=float(confident[i]),
            teacher_stability=float(said.stability[i]), student_confidence=float(sure[i]),
            teacher_probs=by_name(names, said.probs[i]), student_probs=by_name(names, probs[i]),
            asked=int(said.asked[i]), asked_again=bool(said.asked[i] > first.asked[i]),
            why_asked=reasons.get(str(i), ""))
    return table_of(plan, corpus, parts, student, answers)


def by_name(names: Sequence[str], probs: FloatArray) -> str:
    """Probabilities (labels,) as they stand in the table: not rounded, so that they decide the same later."""
    return json.dumps(dict(zip(names, probs.tolist(), strict=True)), ensure_ascii=False)
