"""Asking a large model about many documents: cache first, in batches, interruptible, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.cache.answers import AnswerCache
from engine.cache.keys import answer_key
from engine.errors import TeacherError
from engine.progress import Counted, counting
from engine.prompts.composing import compose, option_orders
from engine.prompts.template import Template
from engine.records import Answer, Document, FloatArray, Prompt, take
from engine.tasks.definition import Task
from engine.teachers.each_once import LeftToAsk
from engine.teachers.protocol import DEPTHS, Teacher

BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """A large model, what it is shown of a document, what it has said before, and who may break it off.

    `max_chars` of a document; `cache` of answers, None to ask everything anew; `checkpoint()` is called
    between batches and may raise to stop: answers so far are in the cache.
    """

    teacher: Teacher
    max_chars: int
    cache: AnswerCache | None = None
    checkpoint: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Raw answers to one template: log_probs (documents, orders, labels) by position; hidden or None. A
    document that was not asked in an order has NaN there.

    `orders` (orders, labels) says which label stood at each position; `hidden` (documents, depths,
    width) belongs to the first order; `from_cache` counts prompts that cost nothing.
    """

    template: str
    orders: NDArray[np.integer]
    log_probs: FloatArray
    hidden: FloatArray | None
    from_cache: int


def ask(asker: Asker, documents: Sequence[Document], task: Task, template: Template, *,
        n_orders: int, depths: tuple[float, ...] = (), on_progress: Counted | None = None) -> Answers:
    """Ask one question of every document in `n_orders` option orders.

    `on_progress(done, total)` counts prompts. Hidden states are asked with the first order only.

    Raises:
        TeacherError: the teacher cannot answer (for a recording: it was never asked this).
    """
    orders = option_orders(len(task.labels), n_orders)
    total, cached = len(documents) * len(orders), 0
    given: list[list[Answer]] = []
    for o, order in enumerate(orders):
        prompts = compose(template, task, documents, order, asker.max_chars)
        answers, known = answer_prompts(asker, prompts, depths=depths if o == 0 else (),
                                        on_done=counting(on_progress, total, before=o * len(documents)))
        given.append(answers)
        cached += known
    log_probs = np.array([[a.log_probs for a in answers] for answers in given], dtype=np.float32)
    states = [a.hidden for a in given[0]] if depths and documents else None
    return Answers(template.ref, np.array(orders),
                   log_probs.reshape(len(orders), len(documents), len(task.labels)).swapaxes(0, 1),
                   np.stack(states) if states else None, cached)


def also_in_a_second_order(answers: Answers, rows: NDArray[np.integer], asker: Asker,
                           documents: Sequence[Document], task: Task, template: Template, *,
                           on_progress: Counted | None = None) -> Answers:
    """`answers` of one order, and those of the documents in `rows` in a second: what tells a liking for a
    place in the list from one for the category that stands there. As they are where a recording lacks it.

    Raises:
        TeacherError: the teacher cannot answer.
    """
    orders = np.array(option_orders(len(task.labels), 2))
    prompts = compose(template, task, take(documents, rows.tolist()), orders[-1], asker.max_chars)
    if len(orders) == 1 or not len(rows) or not all(asker.teacher.covers(prompts)):
        return answers
    given, known = answer_prompts(asker, prompts, on_done=counting(on_progress, len(prompts)))
    log_probs = np.full((len(documents), *orders.shape), np.nan, dtype=np.float32)
    log_probs[:, 0] = answers.log_probs[:, 0]
    log_probs[rows, 1] = [answer.log_probs for answer in given]
    return Answers(answers.template, orders, log_probs, answers.hidden, answers.from_cache + known)


def answer_prompts(asker: Asker, prompts: Sequence[Prompt], *, depths: tuple[float, ...] = (),
                   on_done: Callable[[int], None] | None = None) -> tuple[list[Answer], int]:
    """An answer to each prompt, in their order, and how many the cache knew; `on_done(done)` counts prompts.

    Raises:
        TeacherError: the teacher cannot answer.
    """
    teacher, cache = asker.teacher, asker.cache
    keys = [answer_key(teacher.digest, p, depths) for p in prompts]
    known = cache.get(keys) if cache else {}
    if cache and not depths:
        known |= _without_states(teacher, prompts, keys, known, cache)
    left = LeftToAsk.of(keys, prompts, known)
    for rows in left.batches(BATCH, on_done, asker.checkpoint):
        fresh = _answer(teacher, [prompts[i] for i in rows], depths)
        made = {keys[i]: a for i, a in zip(rows, fresh, strict=True)}
        if cache:
            cache.put(made)
        known |= made
    return [known[key] for key in keys], left.known


def _without_states(teacher: Teacher, prompts: Sequence[Prompt], keys: Sequence[str],
                    known: dict[str, Answer], cache: AnswerCache) -> dict[str, Answer]:
    """Answers that were kept with hidden states serve where none are asked for."""
    fuller = {answer_key(teacher.digest, prompt, DEPTHS): key
              for prompt, key in zip(prompts, keys, strict=True) if key not in known}
    return {fuller[full]: Answer(answer.log_probs) for full, answer in cache.get(list(fuller)).items()}


def _answer(teacher: Teacher, prompts: list[Prompt], depths: tuple[float, ...]) -> list[Answer]:
    """One batch, and every answer checked: a NaN never travels further."""
    answers = teacher.answer(prompts, depths)
    for answer in answers:
        refuse_nonsense(answer.log_probs)
    return answers


def refuse_nonsense(log_probs: FloatArray) -> None:
    """Raise `TeacherError` for numbers that are not finite."""
    if not np.isfinite(log_probs).all():
        raise TeacherError("The large model gave numbers that make no sense (not finite).",
                           "Set ANON_DTYPE=float32 and start again, or choose another large model.",
                           "Answers so far are kept.")
