"""From documents to prompts: option orders, and the exact text for each document and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from engine.prompts.template import Template, as_data, render, shorten
from engine.records import Document, Prompt
from engine.tasks.definition import LETTERS, Task

EXAMPLE_CHARS = 240  # of an example's text: enough to tell its category
_EXAMPLE_WORDS = {  # the line above the examples, what a message is called, what its category is called
    "en": ("Examples of other messages:", "Message", "Category:"),
    "es": ("Ejemplos de otros mensajes:", "Mensaje", "Categoría:"),
    "fr": ("Exemples d’autres messages :", "Message", "Catégorie :"),
}


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


@dataclass(frozen=True, slots=True)
class SortedMessage:
    """A message shown as an example, and the category it was given."""

    text: str
    label: str


def compose(template: Template, task: Task, documents: Sequence[Document], order: Sequence[int],
            max_chars: int, examples: Sequence[Sequence[SortedMessage]] | None = None) -> list[Prompt]:
    """One prompt a document, in one order of the options; `examples`, one list a document, stand in front.

    Raises:
        SettingsError: the template cannot be rendered.
    """
    made = []
    for i, document in enumerate(documents):
        text = render(template.text, task, shorten(document.text, max_chars), order)
        shown = examples[i] if examples else ()
        made.append(Prompt(_in_front(template, task, shown, order) + text, tuple(order), task.names,
                           template.opening, template.answer))
    return made


def _in_front(template: Template, task: Task, shown: Sequence[SortedMessage], order: Sequence[int]) -> str:
    """Examples as text, answered the way the template is: by a word, or by the letter in this order."""
    if not shown:
        return ""
    title, message, category = _EXAMPLE_WORDS[template.language]
    letters = {task.names[label]: LETTERS[place] for place, label in enumerate(order)}
    blocks = []
    for example in shown:
        answer = letters[example.label] if template.answer == "letter" else example.label
        text = as_data(" ".join(shorten(example.text, EXAMPLE_CHARS).split()))
        blocks.append(f"{message}: {text}\n{template.opening or category} {answer}")
    return "\n\n".join((title, *blocks)) + "\n\n"
