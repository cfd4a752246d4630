"""An answer in writing in the one form that a small model learns and is compared in."""

from __future__ import annotations

import json

from engine.tasks.definition import Task
from engine.tasks.figures import Figure, Unparsed
from engine.tasks.parsing import Extraction, Value

TOKENS_A_WORD = 2.5  # of room for an answer in any language
TOKENS_A_FIELD = 40


def room_for(task: Task) -> int:
    """How many tokens an answer in writing may have."""
    if task.kind == "generate":
        return round(TOKENS_A_WORD * task.max_words)
    return 30 + TOKENS_A_FIELD * len(task.fields)


def as_written(task: Task, answer: Extraction | str | Unparsed) -> str:
    """Facts as one line of JSON, every field in its order; a short text as it stands; empty for what could
    not be read at all."""
    if isinstance(answer, Unparsed):
        return ""
    if isinstance(answer, str):
        return answer
    if answer.unparsed == len(task.fields):
        return ""
    return json.dumps({field.name: plain(answer.values[field.name]) for field in task.fields},
                      ensure_ascii=False)


def read_back(task: Task, text: str) -> dict[str, str | None]:
    """The facts of `as_written`'s form, by field; nothing said where the text is empty or no such form."""
    try:
        held = json.loads(text) if text else {}
    except ValueError:
        held = {}
    held = held if isinstance(held, dict) else {}
    return {field.name: held.get(field.name) for field in task.fields}


def plain(value: Value) -> str | None:
    """A fact as it was written; None where the document does not say, or where it could not be read."""
    if isinstance(value, Figure):
        return value.text
    return value if isinstance(value, str) else None
