"""From documents to prompts: option orders, and the exact text for each document and order."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from engine.prompts.template import Template, render, shorten
from engine.records import Document, Prompt
from engine.tasks.definition import Task


def option_orders(n_labels: int, n_orders: int) -> tuple[tuple[int, ...], ...]:
    """`n_orders` different orders of the options; the first is the task's own.

    The others are rotations by multiples of a step that shares no factor with `n_labels`: two orders
    then link every letter with every other through the labels they carried, which is what lets
    `letter_bias` tell a liking for a letter from a liking for a label. At most `n_labels` orders.
    """
    wanted = max(1, min(n_orders, n_labels))
    if wanted == 1 or n_labels < 2:
        return (tuple(range(n_labels)),)
    target = max(1, round(n_labels / wanted))
    step = min((s for s in range(1, n_labels) if gcd(s, n_labels) == 1),
               key=lambda s: (abs(s - target), s))
    return tuple(tuple((p + k * step) % n_labels for p in range(n_labels)) for k in range(wanted))


def compose(template: Template, task: Task, documents: Sequence[Document], order: Sequence[int],
            max_chars: int) -> list[Prompt]:
    """One prompt a document, in one order of the options.

    Raises:
        SettingsError: the template cannot be rendered.
    """
    return [Prompt(render(template.text, task, shorten(document.text, max_chars), order), tuple(order),
                   task.names, template.opening, template.answer)
            for document in documents]
