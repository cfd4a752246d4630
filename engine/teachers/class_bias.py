"""A large model's liking for a category: found by asking about nothing, its strength held back on *steer*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.prompts.bias import average_orders, label_distributions
from engine.prompts.calibration import (
    STRENGTHS,
    class_pull,
    empty_documents,
    liking_sample,
    without_class_pull,
)
from engine.prompts.composing import compose
from engine.prompts.template import Template
from engine.records import FloatArray
from engine.tasks.definition import Task
from engine.teachers.asking import Answers, Asker, ask

MOST_CHANGED = 0.25  # share of first choices that the correction may turn over


@dataclass(frozen=True, slots=True, eq=False)
class ClassPull:
    """What is taken off, in nats, shape (labels,), and why; zeros where nothing is."""

    pull: FloatArray
    strength: float
    because: str


def find_class_pull(asker: Asker, answers: Answers, letters: FloatArray, task: Task, template: Template, *,
                    learn: Sequence[int], steer: Sequence[int], seed: int) -> ClassPull:
    """The liking to take off `answers`, whose letter pull `letters` was found before.

    Its strength is the largest that turns over at most `MOST_CHANGED` of the first choices on *steer*, where
    no label is looked at: a correction that would rewrite the answers is no correction.

    Raises:
        TeacherError: the teacher cannot answer.
    """
    nothing = np.zeros(len(task.labels))
    empties = empty_documents()
    prompts = [p for order in answers.orders
               for p in compose(template, task, empties, order, asker.max_chars)]
    if not all(asker.teacher.covers(prompts)):
        return ClassPull(nothing, 0.0, "the recording holds no answers to empty messages, by which a liking "
                                       "for a category is told from a true skew")
    said = ask(asker, empties, task, template, n_orders=len(answers.orders))
    empty = average_orders(label_distributions(said.log_probs, said.orders, letters))[0]
    by_order = label_distributions(answers.log_probs, answers.orders, letters)
    rows = liking_sample(learn, seed)
    full = class_pull(average_orders(by_order[rows])[0], empty)
    watched = average_orders(by_order[np.asarray(steer)])[0]
    choice = watched.argmax(axis=1)
    for strength in reversed(STRENGTHS) if full.any() else ():
        changed = float((without_class_pull(watched, strength * full).argmax(axis=1) != choice).mean())
        if changed <= MOST_CHANGED:
            most = int(np.abs(full).argmax())
            return ClassPull(strength * full, strength, (
                f"empty messages and the documents both lean {'to' if full[most] > 0 else 'away from'} "
                f"“{task.names[most]}” most; set right at strength {strength:g}, which changed "
                f"{100 * changed:.0f} % of {len(choice)} steering answers"))
    return ClassPull(nothing, 0.0, (
        "setting right what empty messages and documents lean to would change too many answers" if full.any()
        else "no category is liked by empty messages and documents alike, so none was set right"))
