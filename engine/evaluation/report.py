"""The report of a run: everybody's answers on *kept aside*, scored once, and what it cost."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from engine.evaluation.baseline import Baseline, fit_baseline
from engine.evaluation.comparing import Answered, compare, gold_indices, limits, verdict
from engine.evaluation.cost import documents_per_second
from engine.evaluation.pieces import first_of_each, merged
from engine.metrics.calibration import sureness
from engine.plan import DistillPlan
from engine.prompts.composing import option_orders
from engine.prompts.template import render, shorten
from engine.records import PARTS, Corpus, FloatArray, Gold, Parts, TeacherSignal
from engine.students.base import Student
from engine.students.predicting import predict


def score_run(plan: DistillPlan, corpus: Corpus, parts: Parts, first: TeacherSignal,
              signal: TeacherSignal, student: Student, gold: Gold | None, reasons: Mapping[str, str],
              on_progress: Callable[[int, int], None]) -> tuple[dict[str, Any], pd.DataFrame]:
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
    texts, kept, learn = corpus.texts, list(parts.kept_aside), list(parts.learn)
    began = time.monotonic()
    on_kept = predict(student, [texts[i] for i in kept])
    speed = documents_per_second(len(kept), time.monotonic() - began)
    on_progress(len(kept), len(texts))
    rest = [i for i in range(len(texts)) if i not in set(kept)]
    probs = np.empty((len(texts), len(plan.task.labels)))
    probs[kept] = on_kept
    probs[rest] = predict(student, [texts[i] for i in rest])
    on_progress(len(texts), len(texts))

    groups = [d.group for d in corpus.documents]
    baseline = fit_baseline([texts[i] for i in learn], signal.choice[learn],
                            groups=[groups[i] for i in learn], seed=plan.seed)
    bag = baseline.predict(texts)
    wholes = [d.whole for d in corpus.documents]
    truth = gold_indices(gold, wholes, plan.task)
    # Pieces of a long document are answered one by one and scored as the one document they are.
    of = [wholes[i] for i in kept]
    one = [kept[i] for i in first_of_each(of)]
    each_bag = np.eye(len(plan.task.labels))[np.asarray(bag)[kept]]
    report = compare(Answered(merged(first.probs[kept], of), merged(probs[kept], of),
                              merged(each_bag, of).argmax(axis=1), truth[one],
                              [groups[i] for i in one]), plan.task, plan.seed)
    learned = Counter(plan.task.names[c] for c in signal.choice[learn])
    report |= {
        "gold_column": gold.column if gold else "",
        "verdict": verdict(report),
        "limits": limits(report, {name: learned.get(name, 0) for name in plan.task.names}),
        "baseline_because": baseline.because, "baseline_cv": baseline.cv_score,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "sizes": {part: len(parts.named(part)) for part in PARTS},
        "cost": {"student": {"documents_per_s": round(speed, 2)}},
    }
    return report, _table(plan, corpus, parts, first, signal, probs, bag, truth, student, baseline, reasons)


def _table(plan: DistillPlan, corpus: Corpus, parts: Parts, first: TeacherSignal, signal: TeacherSignal,
           probs: FloatArray, bag: Sequence[int], truth: Sequence[int], student: Student,
           baseline: Baseline, reasons: Mapping[str, str]) -> pd.DataFrame:
    """One row a document. On *kept aside* and *steer* the teacher's answers are the frozen first ones."""
    names, order = plan.task.names, option_orders(len(plan.task.labels), 1)[0]
    part = {i: p for p in PARTS for i in parts.named(p)}
    rows = []
    for i, document in enumerate(corpus.documents):
        said = signal if part[i] == "learn" else first
        confidence, stability = float(said.confidence[i]), float(said.stability[i])
        prompt = render(plan.ask.template.text, plan.task, shorten(document.text, plan.ask.max_chars),
                        order)
        rows.append({
            "id": document.id, "text": document.text, "original": document.original,
            "whole": document.whole, "part": part[i], "group": document.group,
            "gold": names[truth[i]] if truth[i] >= 0 else None,
            "teacher": names[said.choice[i]], "student": names[int(probs[i].argmax())],
            "baseline": names[int(bag[i])],
            "teacher_confidence": round(confidence, 4), "teacher_stability": round(stability, 4),
            "student_confidence": round(float(probs[i].max()), 4),
            "teacher_probs": _by_name(names, said.probs[i]), "student_probs": _by_name(names, probs[i]),
            "sureness": sureness(confidence, stability), "asked": int(said.asked[i]),
            "asked_again": bool(said.asked[i] > first.asked[i]), "why_asked": reasons.get(str(i), ""),
            "teacher_prompt": prompt, "student_prompt": student.prompt(document.text),
        })
    return pd.DataFrame(rows)


def _by_name(names: Sequence[str], probs: FloatArray) -> str:
    return json.dumps({n: round(float(p), 4) for n, p in zip(names, probs, strict=True)},
                      ensure_ascii=False)
