"""Asking yes or no for each category: cache first, interruptible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np

from engine.progress import Counted
from engine.prompts.calibration import empty_documents, yes_probabilities
from engine.prompts.questions import compose_labels
from engine.prompts.template import Template
from engine.records import Document, FloatArray, Prompt
from engine.tasks.definition import Task
from engine.teachers.asking import Asker, answer_prompts

FEWEST_TO_CALIBRATE = 50  # documents; the lean of fewer says more about them than about the model
TOGETHER = 64  # documents asked about one category, where the instructions stand in front


@dataclass(frozen=True, slots=True, eq=False)
class LabelAnswers:
    """`probs` (documents, labels): probability of yes for each by itself; the liking for yes is taken off.

    `hidden` (documents, depths, width) fp16: the mean over a document's questions, or None. `lean`: what was
    taken off all categories alike, in nats. `prompts`: questions, about empty messages too; of these
    `from_cache` cost nothing.
    """

    probs: FloatArray
    prompts: int
    from_cache: int
    hidden: FloatArray | None = None
    lean: float = 0.0


def ask_labels(asker: Asker, documents: Sequence[Document], task: Task, template: Template, *,
               depths: tuple[float, ...] = (), calibrate: bool = True, learn: Sequence[int] | None = None,
               on_progress: Counted | None = None) -> LabelAnswers:
    """Ask of every document and every category whether it applies.

    What stands in front of several questions is read once: the message, where it comes first, so that all
    questions about it go together; else the instructions, so that many messages are asked about one category.
    A liking for yes is told by empty messages and the pool, as that for a category is (`class_pull`);
    `calibrate=False` leaves it. `learn`: positions of the documents that are the pool; all, without.

    Raises:
        TeacherError: the teacher cannot answer.
    """
    every = [*documents, *empty_documents()]
    n_labels, total = len(task.labels), len(documents) * len(task.labels)
    by_document = _message_first(compose_labels(template, task, every[:2], asker.max_chars), n_labels)
    at_once = 1 if by_document else TOGETHER
    log_probs = np.empty((len(every), n_labels, 2))  # of yes and no
    done = cached = 0
    sums: FloatArray | None = None
    for start in range(0, len(every), at_once):
        rows = range(start, min(start + at_once, len(every)))
        prompts = compose_labels(template, task, [every[i] for i in rows], asker.max_chars)
        for label in (slice(None),) if by_document else range(n_labels):
            if asker.checkpoint:
                asker.checkpoint()
            asked = prompts if by_document else prompts[label::n_labels]
            answers, known = answer_prompts(asker, asked, depths=depths)
            if depths:
                states = np.stack([a.hidden for a in answers]).astype(np.float32)
                sums = np.zeros((len(every), *states.shape[1:]), np.float32) if sums is None else sums
                sums[rows.start:rows.stop] += states.reshape(len(rows), -1, *states.shape[1:]).sum(axis=1)
            log_probs[rows.start:rows.stop, label] = np.array([a.log_probs for a in answers]).reshape(
                log_probs[rows.start:rows.stop, label].shape)
            cached, done = cached + known, min(done + len(answers), total)
            if on_progress:
                on_progress(done, total)
    said = log_probs[:len(documents)]
    probs, lean = np.exp(said[:, :, 0]), 0.0
    if calibrate:
        probs, lean = yes_probabilities(said, log_probs[len(documents):], learn)
    hidden = None if sums is None else (sums[:len(documents)] / n_labels).astype(np.float16)
    return LabelAnswers(probs, len(every) * n_labels, cached, hidden, lean)


def _message_first(prompts: Sequence[Prompt], n_labels: int) -> bool:
    """Whether questions about one document share more than questions about one category do.

    `prompts`: of two documents, all categories of the first in front.
    """
    of_document = commonprefix([p.text for p in prompts[:n_labels]]) if n_labels > 1 else ""
    of_category = commonprefix([p.text for p in prompts[::n_labels]])
    return len(of_document) > len(of_category)
