"""Asking for more than one category: yes or no for each, or an answer in writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.cache.answers import AnswerCache
from engine.cache.keys import written_key
from engine.prompts.calibration import EMPTY_MESSAGES, class_pull, without_class_pull
from engine.prompts.questions import compose_labels, compose_open
from engine.prompts.template import Template
from engine.records import Document, FloatArray, Written
from engine.tasks.definition import Task
from engine.tasks.figures import Unparsed
from engine.tasks.parsing import Extraction, parse_fields, parse_summary
from engine.teachers.asking import Progress, answer_prompts
from engine.teachers.protocol import Teacher

WRITE_BATCH = 8
TOKENS_A_WORD = 2.5  # of room for an answer in any language
TOKENS_A_FIELD = 40


@dataclass(frozen=True, slots=True, eq=False)
class LabelAnswers:
    """`probs` (documents, labels): probability of yes for each by itself; the liking for yes is taken off."""

    probs: FloatArray
    from_cache: int


def ask_labels(teacher: Teacher, documents: Sequence[Document], task: Task, template: Template, *,
               cache: AnswerCache | None, max_chars: int, on_progress: Progress | None = None,
               checkpoint: Callable[[], None] | None = None) -> LabelAnswers:
    """Ask of every document and every category whether it applies.

    Questions about one document are asked together: what stands in front of them, the message, is then read
    once. The liking for yes or no is told by empty messages and the pool, as for categories (`class_pull`).

    Raises:
        TeacherError: the teacher cannot answer.
    """
    empties = [Document(f"empty-{i}", text, text, "") for i, text in enumerate(EMPTY_MESSAGES)]
    n_labels, total = len(task.labels), len(documents) * len(task.labels)
    said, cached = [], 0
    for i, document in enumerate([*documents, *empties]):
        if checkpoint:
            checkpoint()
        prompts = compose_labels(template, task, [document], max_chars)
        answers, known = answer_prompts(teacher, prompts, depths=(), cache=cache)
        cached += known
        said.append([answer.log_probs for answer in answers])
        if on_progress and i < len(documents):
            on_progress((i + 1) * n_labels, total)
    log_probs = np.array(said, dtype=np.float64)  # (documents + empties, labels, yes and no)
    probs = np.exp(log_probs)
    mended = np.empty((len(documents), n_labels))
    for label in range(n_labels):
        pool, empty = probs[:len(documents), label], probs[len(documents):, label]
        mended[:, label] = without_class_pull(pool, class_pull(pool, empty))[:, 0]
    return LabelAnswers(mended, cached)


def ask_open(teacher: Teacher, documents: Sequence[Document], task: Task, template: Template, *,
             cache: AnswerCache | None, max_chars: int, on_progress: Progress | None = None,
             checkpoint: Callable[[], None] | None = None) -> list[Extraction | str | Unparsed]:
    """Ask for facts or a short text, in writing; what cannot be read is there as `Unparsed`.

    Raises:
        TeacherError: the teacher cannot write.
    """
    prompts = compose_open(template, task, documents, max_chars)
    room = round(TOKENS_A_WORD * task.max_words) if task.kind == "generate" else (
        30 + TOKENS_A_FIELD * len(task.fields))
    keys = [written_key(teacher.digest, prompt, room) for prompt in prompts]
    known = cache.get_texts(keys) if cache else {}
    missing = sorted((i for i, key in enumerate(keys) if key not in known),
                     key=lambda i: (-len(prompts[i].text), i))
    if on_progress:
        on_progress(len(prompts) - len(missing), len(prompts))
    for start in range(0, len(missing), WRITE_BATCH):
        if checkpoint:
            checkpoint()
        rows = missing[start:start + WRITE_BATCH]
        fresh = teacher.write([prompts[i] for i in rows], room)
        made = {keys[i]: written for i, written in zip(rows, fresh, strict=True)}
        if cache:
            cache.put_texts(made)
        known |= made
        if on_progress:
            on_progress(len(prompts) - len(missing) + start + len(rows), len(prompts))
    return [_read(task, known[key]) for key in keys]


def _read(task: Task, written: Written) -> Extraction | str | Unparsed:
    if task.kind == "extract":
        return parse_fields(task, written.text)
    found = parse_summary(task, written.text)
    if isinstance(found, str) and not written.finished:
        return Unparsed("it was cut off before it ended", found[:80])
    return found
