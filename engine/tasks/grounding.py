"""Whether a figure that a model read out stands in the document at all: models fill in what is not said."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.tasks.definition import Task
from engine.tasks.figures import Figure, Unparsed, numbers_in
from engine.tasks.parsing import Extraction

_NONE_OF_THEM = re.compile(r"\b(?:no|zero|none|nil|nobody|without|ning[uú]n\w*|cero|nadie|sin|aucun\w*|zéro|"
                           r"personne|pas de|sans|0)\b", re.IGNORECASE)


def stands_in(figure: Figure, document: str) -> bool:
    """Whether the document holds one of the figure's ends, in digits or words; for zero, a word that denies.

    A sum that the document does not state (“a man and two children”) does not stand in it.
    """
    ends = {end for end in (figure.low, figure.high) if end}
    if not ends:
        return _NONE_OF_THEM.search(document) is not None
    return not ends.isdisjoint(numbers_in(document))


def grounded(task: Task, read: Extraction, document: str) -> Extraction:
    """The same, with figures that do not stand in the document counted as not read."""
    numbers = {field.name for field in task.fields if field.type == "number"}
    values = {
        name: Unparsed("it does not stand in the text", value.text)
        if name in numbers and isinstance(value, Figure) and not stands_in(value, document) else value
        for name, value in read.values.items()}
    return replace(read, values=values)
