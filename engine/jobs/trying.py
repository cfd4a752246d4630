"""*Try on 10*: the large model on the same diverse documents each time, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.jobs.asker import ask_teacher, diverse_rows
from engine.metrics.calibration import sureness
from engine.prompts.bias import average_orders, label_distributions, letter_bias
from engine.prompts.template import Template
from engine.records import Corpus
from engine.tasks.definition import Task
from engine.views import Tried
from engine.workspace import Workspace

ORDERS = 2


def try_on(workspace: Workspace, folder: Path, corpus: Corpus, task: Task, template: Template,
           teacher: str, *, n: int, max_chars: int,
           on_progress: Callable[[str, int, int], None] | None = None) -> list[Tried]:
    """Ask the large model about `n` documents of the corpus in `folder`, by these instructions.

    Raises:
        EngineError: the task or instructions cannot be used, or the teacher cannot answer.
    """
    task.check()

    def told(sentence: str) -> Callable[[int, int], None] | None:
        return (lambda done, total: on_progress(sentence, done, total)) if on_progress else None

    rows = diverse_rows(workspace, folder, corpus, n, told("Choosing documents that differ"))
    texts = [corpus.documents[i].text for i in rows]
    log_probs, orders = ask_teacher(
        workspace, teacher,
        {"texts": texts, "task": task.model_dump(mode="json"), "template": template.model_dump(),
         "orders": ORDERS, "max_chars": max_chars}, told("Asking the large model"))
    probs, stability = average_orders(
        label_distributions(log_probs, orders, letter_bias(log_probs, orders)))
    return [Tried(i, t, task.names[int(p.argmax())], dict(zip(task.names, p.tolist(), strict=True)),
                  sureness(float(p.max()), float(s)))
            for i, t, p, s in zip(rows, texts, probs, stability, strict=True)]
