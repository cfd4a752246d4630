"""*Try on 10*: the large model on the same diverse documents each time, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs.asker import ask_teacher, diverse_rows
from engine.metrics.calibration import sureness
from engine.metrics.deciding import certainty, decisions, named
from engine.progress import Staged
from engine.prompts.bias import average_orders, label_distributions, letter_bias
from engine.prompts.template import Template
from engine.records import Corpus, FloatArray
from engine.tasks.definition import Task
from engine.views import Tried
from engine.workspace import Workspace

ORDERS = 2


def try_on(workspace: Workspace, folder: Path, corpus: Corpus, task: Task, template: Template,
           teacher: str, *, n: int, max_chars: int,
           on_progress: Staged | None = None) -> list[Tried]:
    """Ask the large model about `n` documents of the corpus in `folder`, by these instructions.

    Raises:
        EngineError: the task or instructions cannot be used, or the teacher cannot answer.
    """
    task.check()
    rows = diverse_rows(workspace, folder, corpus, n, on_progress)
    texts = [corpus.documents[i].text for i in rows]
    said = ask_teacher(
        workspace, teacher,
        {"texts": texts, "task": task.model_dump(mode="json"), "template": template.model_dump(),
         "orders": ORDERS, "max_chars": max_chars}, on_progress)
    return [in_words(i, text) for (i, text), in_words in
            zip(zip(rows, texts, strict=True), _READ[task.kind](task, said), strict=True)]


Worded = Callable[[int, str], Tried]


def _chosen(task: Task, said: dict[str, Any]) -> list[Worded]:
    log_probs, orders = np.array(said["log_probs"]), np.array(said["orders"])
    probs, stability = average_orders(
        label_distributions(log_probs, orders, letter_bias(log_probs, orders)))

    def worded(p: Any, s: float) -> Worded:  # noqa: ANN401 - an array
        name = task.names[int(p.argmax())]
        return lambda i, text: Tried(i, text, name, dict(zip(task.names, p.tolist(), strict=True)),
                                     sureness(float(p.max()), s))
    return [worded(p, float(s)) for p, s in zip(probs, stability, strict=True)]


def _applying(task: Task, said: dict[str, Any]) -> list[Worded]:
    probs = np.array(said["probs"]).reshape(-1, len(task.names))

    def worded(p: FloatArray, given: NDArray[np.bool_], sure: float) -> Worded:
        return lambda i, text: Tried(i, text, named(task.names, given),
                                     dict(zip(task.names, p.tolist(), strict=True)), sureness(sure))
    return [worded(p, given, float(sure)) for p, given, sure in
            zip(probs, decisions(probs, several=True), certainty(probs, several=True), strict=True)]


def _written(task: Task, said: dict[str, Any]) -> list[Worded]:  # noqa: ARG001 - all kinds are read alike
    def worded(answer: dict[str, Any]) -> Worded:
        fields = tuple((f["name"], f["value"], f["note"]) for f in answer["fields"])
        return lambda i, text: Tried(i, text, answer["text"], {}, answer["note"], fields)
    return [worded(answer) for answer in said["answers"]]


_READ: dict[str, Callable[[Task, dict[str, Any]], list[Worded]]] = {
    "single_label": _chosen, "multi_label": _applying, "extract": _written, "generate": _written}
