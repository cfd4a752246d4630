"""Asking yes or no for each category, or for an answer in writing: cache first, interruptible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np

from engine.cache.answers import AnswerCache
from engine.cache.keys import written_key
from engine.corpus.sentences import sentences
from engine.progress import Counted
from engine.prompts.calibration import CAP, class_pull, empty_documents, without_class_pull
from engine.prompts.questions import compose_labels, compose_open
from engine.prompts.template import Template
from engine.records import Document, FloatArray, Prompt, Written
from engine.tasks.answer_form import room_for
from engine.tasks.definition import Task
from engine.tasks.figures import Unparsed
from engine.tasks.grounding import grounded
from engine.tasks.parsing import Extraction, parse_fields, parse_summary, without_open_quote
from engine.teachers.asking import answer_prompts
from engine.teachers.each_once import LeftToAsk
from engine.teachers.protocol import Teacher

WRITE_BATCH = 16  # a step reads all weights, for one row or for many; a pause waits for the batch
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


def ask_labels(teacher: Teacher, documents: Sequence[Document], task: Task, template: Template, *,
               cache: AnswerCache | None, max_chars: int, depths: tuple[float, ...] = (),
               calibrate: bool = True, learn: Sequence[int] | None = None,
               on_progress: Counted | None = None,
               checkpoint: Callable[[], None] | None = None) -> LabelAnswers:
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
    by_document = _message_first(compose_labels(template, task, every[:2], max_chars), n_labels)
    at_once = 1 if by_document else TOGETHER
    log_probs = np.empty((len(every), n_labels, 2))  # of yes and no
    done = cached = 0
    sums: FloatArray | None = None
    for start in range(0, len(every), at_once):
        rows = range(start, min(start + at_once, len(every)))
        prompts = compose_labels(template, task, [every[i] for i in rows], max_chars)
        for label in (slice(None),) if by_document else range(n_labels):
            if checkpoint:
                checkpoint()
            asked = prompts if by_document else prompts[label::n_labels]
            answers, known = answer_prompts(teacher, asked, depths=depths, cache=cache, checkpoint=checkpoint)
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


@dataclass(frozen=True, slots=True)
class OpenAnswers:
    """Answers in writing, in the documents' order, and how many were known before."""

    answers: Sequence[Extraction | str | Unparsed]
    from_cache: int


def _message_first(prompts: Sequence[Prompt], n_labels: int) -> bool:
    """Whether questions about one document share more than questions about one category do.

    `prompts`: of two documents, all categories of the first in front.
    """
    of_document = commonprefix([p.text for p in prompts[:n_labels]]) if n_labels > 1 else ""
    of_category = commonprefix([p.text for p in prompts[::n_labels]])
    return len(of_document) > len(of_category)


def yes_probabilities(answers: FloatArray, empties: FloatArray,
                      learn: Sequence[int] | None = None) -> tuple[FloatArray, float]:
    """Probability of yes, (documents, labels), without likings for it, and the lean taken off all alike.

    Both are log-probabilities of yes and no: (documents, labels, 2) and (empty messages, labels, 2). The
    pool is the documents at `learn`, or all. A lean to no is left alone: categories are rare, and of a
    message that says nothing no is the right answer.

    Two likings are taken off. That for a category which empty messages and pool share (`class_pull`). Then
    the mean log-odds of yes over the pool and *all* categories, where it is above 0, up to `CAP`: one
    category may be true of most documents, most categories hardly are, and a model asked about what a
    message comes near says yes too soon. It is batch calibration (Zhou et al., ICLR 2024) with one shift for
    all categories, which leaves their shares apart and turns no answer over that the model is sure of.
    """
    mended = np.empty(answers.shape[:2])
    if not answers.size:
        return mended, 0.0
    pool = slice(None) if learn is None else list(learn)
    for label in range(answers.shape[1]):
        said, empty = np.exp(answers[:, label]), np.exp(empties[:, label])
        pull = class_pull(said[pool], empty)
        mended[:, label] = without_class_pull(said, pull if pull[0] > 0 else np.zeros(2))[:, 0]
    sure = np.clip(mended, 1e-6, 1 - 1e-6)
    odds = np.log(sure) - np.log1p(-sure)
    lean = float(np.clip(odds[pool].mean(), 0.0, CAP))
    return (1 / (1 + np.exp(lean - odds)) if lean else mended), lean


def ask_open(teacher: Teacher, documents: Sequence[Document], task: Task, template: Template, *,
             cache: AnswerCache | None, max_chars: int, on_progress: Counted | None = None,
             checkpoint: Callable[[], None] | None = None) -> OpenAnswers:
    """Ask for facts or a short text, in writing; what cannot be read is there as `Unparsed`.

    Raises:
        TeacherError: the teacher cannot write.
    """
    prompts, room = compose_open(template, task, documents, max_chars), room_for(task)
    keys = [written_key(teacher.digest, prompt, room) for prompt in prompts]
    known = cache.get_texts(keys) if cache else {}
    left, every = LeftToAsk.of(keys, prompts, known), len(prompts)
    told = (lambda done: on_progress(done, every)) if on_progress else None
    for rows in left.batches(WRITE_BATCH, told, checkpoint):
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
