"""What looks wrong with instructions and the categories they name, in words, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from engine.prompts.template import Template, render, render_label, render_open
from engine.tasks.definition import LETTERS, Task

Severity = Literal["stop", "advice"]
_PROBE = "PROBE-DOCUMENT"
_CATCH_ALL = frozenset(("other", "others", "none", "none of the "
                                                   "above", "miscellaneous", "otro", "otros", "ninguno",
                        "autre", "autres", "aucun", "other information", "not related"))
_LONG = 3  # times the usual document: instructions beyond that cost more than they tell


@dataclass(frozen=True, slots=True)
class Note:
    """One remark. *stop*: nothing useful can come of it; *advice*: it would work, but look at it."""

    severity: Severity
    text: str


def lint(template: Template, task: Task, *, lengths: Sequence[int] = (), window: int = 0,
         around: int = 0) -> list[Note]:
    """What looks wrong, the worst first; empty when nothing does.

    Args:
        template: as edited.
        task: the question it is used for.
        lengths: tokens of documents (a sample will do).
        window: tokens the large model can read at once; 0 leaves out what depends on it.
        around: tokens of the instructions without a document.

    Raises:
        SettingsError: the instructions cannot be filled in at all: an unknown variable, say.
    """
    if template.kind != task.kind:
        return [Note("stop", f"These instructions are for another kind of question "
                             f"({template.kind.replace('_', ' ')}); choose others from the list.")]
    text = _rendered(template, task, _PROBE)
    notes = [*_document(text), *_PLACES[task.kind](template, task, text), *_labels(task),
             *_lengths(lengths, window, around)]
    return sorted(notes, key=lambda note: note.severity == "advice")


def _rendered(template: Template, task: Task, document: str) -> str:
    if task.kind == "single_label":
        return render(template.text, task, document, range(len(task.labels)))
    if task.kind == "multi_label":
        return render_label(template.text, task, document, 0)
    return render_open(template.text, task, document)


def _document(text: str) -> list[Note]:
    found = text.count(_PROBE)
    if not found:
        return [Note("stop", "The message itself is missing: write {{ document }} where it should stand.")]
    if found > 1:
        return [Note("advice", f"The message stands there {found} times: each is read and costs time.")]
    return []


def _choice(template: Template, task: Task, text: str) -> list[Note]:
    notes = []
    if not all(label.name in text for label in task.labels):
        notes.append(Note("stop", "Not every category is named: the large model cannot choose one it does "
                                  "not see. "
                                  "Loop over {{ options }}."))
    elif template.answer == "letter" and not re.search(rf"\b{LETTERS[len(task.labels) - 1]}\b", text):
        notes.append(Note("stop", "The options carry no letters, so there is no place for the answer: write "
                                  "{{ option.letter }} before each name."))
    if template.answer not in ("letter", "word"):
        notes.append(Note("stop", "There is no place for the answer: these instructions read neither a "
                                  "letter nor a "
                                  "word. Start from instructions for one category."))
    if template.answer == "word" and not template.opening:
        notes.append(Note("advice", "Nothing opens the answer: without an opening such as “Category:” the "
                                    "large model "
                                    "may begin with other words."))
    written = _written_by_hand(template, task)
    if written:
        notes.append(Note("advice", f"“{written[0]}” is written by hand: when the categories change, the "
                                    "text does "
                                    "not. Loop over {{ options }} instead."))
    return [*notes, *_definitions(task, text)]


def _definitions(task: Task, text: str) -> list[Note]:
    there = [label.definition for label in task.labels if label.definition]
    if there and not any(definition in text for definition in there):
        return [Note("advice", "The definitions are not used: add {{ option.definition }} to help the large "
                               "model.")]
    return []


def _yes_no(template: Template, task: Task, text: str) -> list[Note]:
    notes = []
    if task.labels[0].name not in text:
        notes.append(Note("stop", "The category asked about is not named: write {{ label.name }}."))
    if template.answer != "yes_no":
        notes.append(Note("stop", "There is no place for the answer: each category is answered by yes or "
                                  "no. Start "
                                  "from instructions for several categories."))
    if task.labels[0].definition and task.labels[0].definition not in text:
        notes.append(Note("advice", "The definitions are not used: add {{ label.definition }}."))
    return notes


def _facts(template: Template, task: Task, text: str) -> list[Note]:
    notes, missing = [], [f.name for f in task.fields if f.name not in text]
    if missing:
        notes.append(Note("stop", f"“{missing[0]}” is not asked for: loop over {{{{ fields }}}} or write "
                                  "{{ schema }}."))
    if template.answer != "json" or "json" not in text.lower():
        notes.append(Note("stop", "There is no place for the answer: ask for JSON, and show its form with "
                                  "{{ schema }}."))
    return notes


def _summary(template: Template, task: Task, text: str) -> list[Note]:
    notes = []
    if template.answer != "text":
        notes.append(Note("stop", "There is no place for the answer: start from instructions for a short "
                                  "text."))
    if str(task.max_words) not in text:
        notes.append(Note("advice", "How long the answer may be is not said: write {{ max_words }}."))
    return notes


_PLACES = {"single_label": _choice, "multi_label": _yes_no, "extract": _facts, "generate": _summary}


def _labels(task: Task) -> list[Note]:
    """Categories that contradict or repeat one another."""
    notes: list[Note] = []
    plain = {label.name: " ".join(re.findall(r"\w+", label.name.casefold())) for label in task.labels}
    for one, other in combinations(task.labels, 2):
        a, b = plain[one.name], plain[other.name]
        if a == b:
            notes.append(Note("stop", f"“{one.name}” and “{other.name}” are the same category twice."))
        elif re.search(rf"\b{re.escape(a)}\b", b) or re.search(rf"\b{re.escape(b)}\b", a):
            notes.append(Note("advice", f"“{one.name}” and “{other.name}” overlap: say in their definitions "
                                        "what "
                                        "tells them apart."))
        if one.definition and one.definition.casefold() == other.definition.casefold():
            notes.append(Note("stop", f"“{one.name}” and “{other.name}” have the same definition, so "
                                      "nothing tells "
                                      "them apart."))
    rest = [label.name for label in task.labels if plain[label.name] in _CATCH_ALL]
    if len(rest) > 1 and task.kind == "single_label" and not all(
            label.definition for label in task.labels if label.name in rest):
        notes.append(Note("advice", f"“{rest[0]}” and “{rest[1]}” both take what fits nowhere: define each, "
                                    "or keep "
                                    "one."))
    return notes


def _written_by_hand(template: Template, task: Task) -> list[str]:
    return [label.name for label in task.labels
            if len(label.name) > 3 and re.search(rf"\b{re.escape(label.name)}\b", template.text)]


def _lengths(lengths: Sequence[int], window: int, around: int) -> list[Note]:
    notes = []
    if lengths and window:
        beyond = sum(n + around > window for n in lengths)
        if beyond:
            share = max(1, round(100 * beyond / len(lengths)))
            notes.append(Note("advice" if beyond < len(lengths) else "stop",
                              f"Too long for {share} % of the documents: the large model reads {window:,} "
                              "tokens at "
                              "once. They will be cut."))
    if lengths and around > _LONG * max(50, sorted(lengths)[len(lengths) // 2]):
        notes.append(Note("advice", f"The instructions are {around:,} tokens, much longer than most "
                                    "documents: every "
                                    "document costs that much reading."))
    return notes
