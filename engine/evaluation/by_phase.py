"""What a small model said of the documents kept aside after each of its phases: where an answer comes from.

Looked at once, when all phases are over: nothing is chosen by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.evaluation.labelled import named
from engine.evaluation.pieces import first_of_each, merged
from engine.metrics.deciding import certainty, decisions, sameness
from engine.metrics.intervals import bootstrap_interval
from engine.progress import Counted
from engine.records import FloatArray
from engine.students.base import Student
from engine.students.predicting import predict
from engine.training.checkpoints import finished_phase, phase_folder
from engine.training.sharding import put_all

Phase = Mapping[str, Any]


def by_phase(student: Student, run: Path, phases: Sequence[Phase], teacher: FloatArray, table: pd.DataFrame,
             on_progress: Counted) -> tuple[list[dict[str, Any]], list[str]]:
    """Each phase's worth on *kept aside*, and what was said of each document after it.

    Args:
        student: as its last kept phase left it; it is so again afterwards.
        phases: how each phase of the run went.
        teacher: its frozen answers (documents, labels), a row for each of the table's.
        table: a row a document or piece, with `text`, `whole`, `group`, `part` and `student_probs`, what the
            student says now.

    Returns:
        the phases, those that taught answers and were kept with `kept_aside`, the agreement after them (of a
        long document's pieces together), where a later one was kept too, and all kept ones but the first with
        `kept_aside_change`, what they added to it, with its interval over the documents, paired; and for
        each row of the table a JSON list of [phase's title, answer, how sure], empty where nothing else was
        looked at.
    """
    rows, several = np.flatnonzero((table["part"] == "kept_aside").to_numpy()), student.several
    # A phase whose folder was cleared away is left out.
    folders = {i: phase_folder(run, i, phase["name"]) for i, phase in enumerate(phases)
               if phase["kept"] and not phase.get("reads")}
    earlier = [i for i in list(folders)[:-1] if (folders[i] / "done.json").exists()]
    said = _after(student, [folders[i] for i in earlier], table["text"].iloc[rows].tolist(), on_progress)
    wholes = table["whole"].iloc[rows].tolist()
    wanted = merged(teacher[rows], wholes, several)
    extended, column = [dict(phase) for phase in phases], [[] for _ in range(len(table))]
    right: dict[int, FloatArray] = {}
    for i, probs in zip(earlier, said, strict=True):  # what was said after the last one stands in the table
        right[i] = sameness(merged(probs, wholes, several), wanted, several).astype(float)
        extended[i]["kept_aside"] = round(float(right[i].mean()), 4)
        for row, chosen, sure in zip(rows, decisions(probs, several), certainty(probs, several), strict=True):
            column[row].append([phases[i]["title"], named(student.labels, chosen), round(float(sure), 4)])
    if earlier:
        last = np.array([list(json.loads(probs).values()) for probs in table["student_probs"].iloc[rows]])
        right[[*folders][-1]] = sameness(merged(last, wholes, several), wanted, several).astype(float)
    groups = table["group"].to_numpy()[rows][first_of_each(wholes)]
    for before, after in pairwise(right):
        change = bootstrap_interval(np.mean, [right[after] - right[before]], groups=groups)
        extended[after]["kept_aside_change"] = change.as_json()
    return extended, [json.dumps(each, ensure_ascii=False) if each else "" for each in column]


def _after(student: Student, folders: Sequence[Path], texts: Sequence[str],
           on_progress: Counted) -> list[FloatArray]:
    """What the student says with the weights that each of these phases ended with, (texts, labels) each."""
    parameters = student.adapter_parameters()
    last = [parameter.detach().clone() for parameter in parameters]
    said: list[FloatArray] = []
    try:
        for folder in folders:
            put_all(parameters, finished_phase(folder)[0])
            done = len(said) * len(texts)
            said.append(predict(student, texts, lambda now, _, done=done: on_progress(
                done + now, len(folders) * len(texts))))
    finally:
        put_all(parameters, last)
    return said
