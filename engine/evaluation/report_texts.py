"""The report of a run whose answers are written: facts field by field, or short texts by what they mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from engine.corpus.splits import one_of_each_group
from engine.evaluation.comparing import NO_SCORES, cut_short, over
from engine.evaluation.cost import documents_per_second
from engine.evaluation.labelled import answered
from engine.evaluation.table import Answers, heading, table_of
from engine.metrics.fields import field_scores, mean_f1, same_fact
from engine.metrics.intervals import bootstrap_interval
from engine.plan import DistillPlan
from engine.progress import Counted
from engine.records import Corpus, FloatArray, Parts, WrittenSignal
from engine.students.base import Student
from engine.tasks.answer_form import read_back
from engine.tasks.definition import Task

Embed = Callable[[Sequence[str]], FloatArray]
NOTHING_TO_SAY = "What you would have without any model: "


def score_texts(plan: DistillPlan, corpus: Corpus, parts: Parts, signal: WrittenSignal, student: Student,
                embed: Embed, on_progress: Counted) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score a finished student that writes, on *kept aside* documents that the large model answered readably.

    `embed(texts)`: unit vectors (texts, width), used for short texts only. Returns the report (plain values)
    and one row a document; the student writes about the documents kept aside only.
    """
    kept = [i for i in parts.kept_aside if signal.texts[i]]
    documents = [corpus.documents[i] for i in kept]
    began = time.monotonic()
    said, _ = answered(student, [d.text for d in documents], on_progress)
    speed = documents_per_second(len(kept), time.monotonic() - began)
    wanted = [signal.texts[i] for i in kept]
    rival = [_without_a_model(plan.task, d.text) for d in documents]
    facts = plan.task.kind == "extract"
    measure = _facts_alike if facts else _meanings_alike
    # An answer that cannot be read is like no other, not like one that says nothing.
    alike = np.where([bool(text) for text in said], measure(plan.task, wanted, said, embed), 0.0)
    alike_rival = measure(plan.task, wanted, rival, embed)
    groups = np.array([d.group for d in documents])
    learn = one_of_each_group(corpus, [i for i in parts.learn if signal.texts[i]])
    report: dict[str, Any] = heading(plan, parts, len(learn), speed) | {
        "n": len(kept), "n_gold": 0, "has_gold": False,
        "labels": [], "agreement": float(alike.mean()),
        "agreement_interval": bootstrap_interval(np.mean, [alike], groups=groups,
                                                 seed=plan.seed).as_json(),
        "agreement_baseline": float(alike_rival.mean()),
        "agreement_minus_baseline": bootstrap_interval(np.mean, [alike - alike_rival], groups=groups,
                                                       seed=plan.seed).as_json(),
        "kappa": None, "kl": None, "confusion": None,
        "confusion_gold": None, "student_minus_baseline": None, "teacher": NO_SCORES, "student": NO_SCORES,
        "baseline": NO_SCORES, "baseline_cv": None,
        "baseline_because": NOTHING_TO_SAY + ("“not said” everywhere." if facts else
                                              f"the first {plan.task.max_words} words of each document."),
        "unread": {"teacher": sum(not signal.texts[i] for i in parts.kept_aside),
                   "student": sum(not text for text in said)},
        "words": {"teacher": _mean_words(wanted), "student": _mean_words(said)},
        "fields": _fields(plan.task, wanted, said) if facts else []}
    report |= {"verdict": text_verdict(report), "limits": text_limits(
        report, len(learn), cut_short([len(text) for text in corpus.texts], plan.student.max_chars))}
    return report, _table(plan, corpus, parts, signal, dict(zip(kept, said, strict=True)),
                          dict(zip(kept, rival, strict=True)), student)


def text_verdict(report: Mapping[str, Any]) -> str:
    """The outcome in words an analyst can act on."""
    n, alike, rival = report["n"], report["agreement"], report["agreement_baseline"]
    unread = report["unread"]["student"]
    if report["kind"] == "extract":
        found = mean_f1([score["f1"] for score in report["fields"]])
        parts = [f"The small model gives the same fact as the large one in {100 * alike:.0f} % of all "
                 f"fields of {n} documents that neither was trained on (“not said” everywhere would be "
                 f"right in {100 * rival:.0f} %)."]
        if found is not None:
            parts.append(f"Of the facts themselves it finds what the large one finds with a score (mean F1) "
                         f"of {found:.2f}.")
    else:
        parts = [f"The small model's short texts mean much the same as the large one's: {alike:.2f} on "
                 f"average on {n} documents that neither was trained on, where 1 is the same meaning (the "
                 f"beginning of each document: {rival:.2f}).",
                 f"They have {report['words']['student']:.0f} words, the large model's "
                 f"{report['words']['teacher']:.0f}."]
    if unread:
        parts.append(f"{unread} of its {n} answers could not be read.")
    parts.append(over(report["agreement_minus_baseline"],
                      "That is better than having no model, beyond chance.",
                      "That looks better than having no model, but these few documents cannot prove it.",
                      "That is no better than having no model: it has not earned its place here."))
    return " ".join(parts)


def text_limits(report: Mapping[str, Any], learned: int, cut: str = "") -> list[str]:
    """Where the small model is weak, one sentence each; `cut`: from `cut_short`."""
    notes = [cut] if cut else []
    if learned < 300:
        notes.append(f"It learned from {learned} answers only: writing needs some thousands.")
    for score in report["fields"]:
        if score["support"] >= 3 and (score["f1"] or 0.0) < 0.5:
            notes.append(f"“{score['field']}” is often missed or differs (F1 {score['f1'] or 0.0:.2f} on "
                         f"{score['support']} documents, by the large model).")
    notes.append("It may write what the document does not say: figures that do not stand in it are left out.")
    notes.append("It repeats the large model's mistakes: agreement is not truth.")
    return notes


def _facts_alike(task: Task, wanted: Sequence[str], said: Sequence[str], embed: Embed) -> FloatArray:  # noqa: ARG001
    """Share of equal fields of each document, (documents,)."""
    return np.array([np.mean([same_fact(field, one.get(field.name), other.get(field.name))
                              for field in task.fields])
                     for one, other in ((read_back(task, w), read_back(task, s))
                                        for w, s in zip(wanted, said, strict=True))])


def _meanings_alike(task: Task, wanted: Sequence[str], said: Sequence[str], embed: Embed) -> FloatArray:  # noqa: ARG001
    """Cosine of the two texts' meanings, (documents,)."""
    return np.clip((embed(wanted) * embed([text or " " for text in said])).sum(axis=1), 0, 1)


def _without_a_model(task: Task, document: str) -> str:
    """What an analyst has without any model: no facts, or the beginning of the document."""
    return "" if task.kind == "extract" else " ".join(document.split()[:task.max_words])


def _fields(task: Task, wanted: Sequence[str], said: Sequence[str]) -> list[dict[str, Any]]:
    read = [read_back(task, text) if text else None for text in said]
    return [asdict(score) for score in field_scores(
        task.fields, [read_back(task, text) for text in wanted], read)]


def _mean_words(texts: Sequence[str]) -> float:
    return float(np.mean([len(text.split()) for text in texts if text] or [0.0]))


def _table(plan: DistillPlan, corpus: Corpus, parts: Parts, signal: WrittenSignal, said: Mapping[int, str],
           rival: Mapping[int, str], student: Student) -> pd.DataFrame:
    """One row a document; what was not written is empty."""
    return table_of(plan, corpus, parts, student, lambda i, _: Answers(
        teacher=signal.texts[i], student=said.get(i, ""), baseline=rival.get(i, ""),
        teacher_confidence=float(signal.sureness[i]), asked=int(signal.asked[i])))
