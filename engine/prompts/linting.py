"""What looks wrong with instructions and the categories they name, in words, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from engine.prompts.sandbox import nearest, variables
from engine.prompts.template import VARIABLES, Template, render_any
from engine.tasks.definition import LETTERS, Task

Severity = Literal["stop", "advice"]
_PROBE = "PROBE-DOCUMENT"
_CATCH_ALL = frozenset((
    "other", "others", "other information", "none", "none of the above", "not related", "miscellaneous",
    "otro", "otros", "otra", "otras", "ninguno", "ninguna", "autre", "autres", "aucun", "aucune"))
_LONG = 3  # times the usual document: instructions beyond that cost more than they tell
# “A. flood”, “B) fire: it burns”, “- storm”: an entry of a list that stands in the text itself
_ENTRY = re.compile(r"^\s*(?:[A-Z][.)]|[-*•])\s+([^:{}\n.]{2,40}?)\s*(?::.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Note:
    """One remark. *stop*: nothing useful can come of it; *advice*: it would work, but look at it."""

    severity: Severity
    text: str


def lint(template: Template, task: Task, *, lengths: Sequence[int] = (), window: int = 0,
         around: int = 0, shared: int = 0) -> list[Note]:
    """What looks wrong, the worst first; empty when nothing does.

    Args:
        template: as edited.
        task: the question it is used for.
        lengths: tokens of documents (a sample will do).
        window: tokens the large model can read at once; 0 leaves out what depends on it.
        around: tokens of the instructions without a document.
        shared: of these, how many are read once for all documents.

    Raises:
        SettingsError: the instructions cannot be filled in at all: an unknown variable, say.
    """
    if template.kind != task.kind:
        return [Note("stop", f"These instructions are for another kind of question "
                             f"({template.kind.replace('_', ' ')}); choose others from the list.")]
    text, used = render_any(template, task, _PROBE), variables(template.text)
    notes = [*_unknown(template, used), *_document(text, used), *_PLACES[task.kind](template, task, text),
             *_labels(task), *_lengths(lengths, window, around), *_reading(lengths, around - shared, shared)]
    return sorted(notes, key=lambda note: note.severity == "advice")


def _unknown(template: Template, used: frozenset[str]) -> list[Note]:
    """Variables in branches that were not reached just now: they would end the asking half-way."""
    known = VARIABLES[template.kind]
    return [Note("stop", f"There is no {{{{ {name} }}}}. {nearest(name, known)}")
            for name in sorted(used - known.keys())]


def _document(text: str, used: frozenset[str]) -> list[Note]:
    found = text.casefold().count(_PROBE.casefold())
    if found > 1:
        return [Note("advice", f"The message stands there {found} times: each is read and costs time.")]
    if found:
        return []
    if "document" in used:
        return [Note("advice", "The message is not shown as it is: {{ document }} is cut, changed, or shown "
                               "only sometimes.")]
    return [Note("stop", "The message itself is missing: write {{ document }} where it should stand.")]


def _choice(template: Template, task: Task, text: str) -> list[Note]:
    notes = []
    if template.answer not in ("letter", "word"):
        notes.append(Note("stop", "There is no place for the answer: these instructions read neither a "
                                  "letter nor a word. Start from instructions for one category."))
    if not all(label.name in text for label in task.labels):
        notes.append(Note("stop", "Not every category is named: the large model cannot choose one it does "
                                  "not see. Loop over {{ options }}."))
    elif template.answer == "letter" and not all(
            re.search(rf"\b{letter}\b", text) for letter in LETTERS[:len(task.labels)]):
        notes.append(Note("stop", "The options carry no letters, so there is no place for the answer: write "
                                  "{{ option.letter }} before each name."))
    if template.answer == "word" and not template.opening:
        notes.append(Note("advice", "Nothing opens the answer: without an opening such as “Category:” the "
                                    "large model may begin with other words."))
    return [*notes, *_written_by_hand(template, task), *_definitions(task, text)]


def _written_by_hand(template: Template, task: Task) -> list[Note]:
    listed = [entry.strip() for entry in _ENTRY.findall(template.text)]
    strange = [entry for entry in listed if _plain(entry) not in {_plain(name) for name in task.names}]
    if len(listed) > 1 and strange:
        return [Note("advice", f"“{strange[0]}” stands in a list in the text, but is not one of the "
                               "categories: answers that name it are not read.")]
    by_hand = [name for name in task.names
               if len(name) > 3 and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", template.text)]
    if by_hand:
        return [Note("advice", f"“{by_hand[0]}” is written by hand: when the categories change, the text "
                               "does not. Loop over {{ options }} instead.")]
    return []


def _definitions(task: Task, text: str) -> list[Note]:
    there = [label.definition for label in task.labels if label.definition]
    if there and not any(definition in text for definition in there):
        # No fault: of two questions about tweets they helped with one and harmed the other.
        return [Note("advice", "The definitions are not used. Where the large model mixes categories up, try "
                               "{{ option.definition }}; it does not always help.")]
    return []


def _yes_no(template: Template, task: Task, text: str) -> list[Note]:
    notes = []
    if task.labels[0].name not in text:
        notes.append(Note("stop", "The category asked about is not named: write {{ label.name }}."))
    if template.answer != "yes_no":
        notes.append(Note("stop", "There is no place for the answer: each category is answered by yes or no. "
                                  "Start from instructions for several categories."))
    if task.labels[0].definition and task.labels[0].definition not in text:
        notes.append(Note("advice", "The definitions are not used: add {{ label.definition }}."))
    return notes


def _facts(template: Template, task: Task, text: str) -> list[Note]:
    notes, missing = [], [field.name for field in task.fields if field.name not in text]
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


def _plain(name: str) -> str:
    """A name by its words alone; by its marks if it has no words."""
    return " ".join(re.findall(r"\w+", name.casefold())) or name


def _labels(task: Task) -> list[Note]:
    """Categories that contradict or repeat one another."""
    if task.writes:
        return []  # what another kind has kept is not asked
    notes: list[Note] = []
    for one, other in combinations(task.labels, 2):
        a, b = _plain(one.name), _plain(other.name)
        if a == b:
            notes.append(Note("stop", f"“{one.name}” and “{other.name}” are the same category twice."))
        elif f" {a} " in f" {b} " or f" {b} " in f" {a} ":
            notes.append(Note("advice", f"“{one.name}” and “{other.name}” overlap: say in their definitions "
                                        "what tells them apart."))
        if one.definition and one.definition.casefold() == other.definition.casefold():
            notes.append(Note("stop", f"“{one.name}” and “{other.name}” have the same definition, so nothing "
                                      "tells them apart."))
    rest = [label for label in task.labels if _plain(label.name) in _CATCH_ALL]
    if len(rest) > 1 and task.kind == "single_label" and not all(label.definition for label in rest):
        notes.append(Note("advice", f"“{rest[0].name}” and “{rest[1].name}” both take what fits nowhere: "
                                    "define each, or keep one."))
    return notes


def _lengths(lengths: Sequence[int], window: int, around: int) -> list[Note]:
    beyond = sum(n + around > window for n in lengths) if window else 0
    if not beyond:
        return []
    share = max(1, round(100 * beyond / len(lengths)))
    return [Note("advice" if beyond < len(lengths) else "stop",
                 f"Too long for {share} % of the documents: the large model reads {window:,} tokens "
                 "at once. They will be cut.")]


def _reading(lengths: Sequence[int], each: int, shared: int) -> list[Note]:
    """Instructions that are read anew with every document, and longer than it."""
    if not lengths or each <= _LONG * max(50, sorted(lengths)[len(lengths) // 2]):
        return []
    fix = ("Shorten them, or put what can stand there in front of the message: that is read once for all."
           if shared else "Shorten them.")
    return [Note("advice", f"{each:,} tokens of the instructions are read anew with every document, far "
                           f"more than most documents have. {fix}")]
