"""Asking for facts or a short text, in writing, and reading what was written: cache first, interruptible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.cache.keys import written_key
from engine.corpus.sentences import sentences
from engine.progress import Counted, counting
from engine.prompts.questions import compose_open
from engine.prompts.template import Template
from engine.records import Document, Written
from engine.tasks.answer_form import room_for
from engine.tasks.definition import Task
from engine.tasks.figures import Unparsed
from engine.tasks.grounding import grounded
from engine.tasks.parsing import Extraction, parse_fields, parse_summary, without_open_quote
from engine.teachers.asking import Asker
from engine.teachers.each_once import LeftToAsk

WRITE_BATCH = 16  # a step reads all weights, for one row or for many; a pause waits for the batch


@dataclass(frozen=True, slots=True)
class OpenAnswers:
    """Answers in writing, in the documents' order, and how many were known before."""

    answers: Sequence[Extraction | str | Unparsed]
    from_cache: int


def ask_open(asker: Asker, documents: Sequence[Document], task: Task, template: Template, *,
             on_progress: Counted | None = None) -> OpenAnswers:
    """Ask for facts or a short text, in writing; what cannot be read is there as `Unparsed`.

    Raises:
        TeacherError: the teacher cannot write.
    """
    teacher, cache = asker.teacher, asker.cache
    prompts, room = compose_open(template, task, documents, asker.max_chars), room_for(task)
    keys = [written_key(teacher.digest, prompt, room) for prompt in prompts]
    known = cache.get_texts(keys) if cache else {}
    left = LeftToAsk.of(keys, prompts, known)
    for rows in left.batches(WRITE_BATCH, counting(on_progress, len(prompts)), asker.checkpoint):
        fresh = teacher.write([prompts[i] for i in rows], room)
        made = {keys[i]: written for i, written in zip(rows, fresh, strict=True)}
        if cache:
            cache.put_texts(made)
        known |= made
    return OpenAnswers([read_answer(task, known[key], document.text)
                        for key, document in zip(keys, documents, strict=True)], left.known)


def read_answer(task: Task, written: Written, document: str) -> Extraction | str | Unparsed:
    """What was written, as facts or a short text.

    Of facts, figures that do not stand in the document are not read. Of a text that was cut off its whole
    sentences count; of one that is longer than was asked for the first ones that are not, at least one.
    """
    if task.kind == "extract":
        return grounded(task, parse_fields(task, written.text), document)
    found = parse_summary(task, written.text)
    if isinstance(found, Unparsed):
        return found
    whole = sentences(found) if written.finished else sentences(found)[:-1]
    if not whole:
        return Unparsed("it was cut off before its first sentence ended", found[:80])
    words = np.cumsum([len(sentence.split()) for sentence in whole])
    return without_open_quote("".join(whole[:max(1, int((words <= task.max_words).sum()))]).strip())
