"""Instructions: one immutable version of a text with places to fill in, and filling them in for one document.

Document text is data: it is passed as a value, never as template source, and marks that chat models
treat as control tokens are taken out of it. Does not: know tokenizers or teachers.
"""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import SettingsError
from engine.prompts.sandbox import MAX_SOURCE, fill_in
from engine.records import AnswerForm, text_digest
from engine.tasks.definition import LETTERS, Task, TaskKind

Language = Literal["en", "es", "fr"]
Suits = Literal["any", "messages", "news", "reports"]
_COMMON = {"document": "the text of the message, article or report", "question": "the question of the task"}
VARIABLES: dict[TaskKind, dict[str, str]] = {
    "single_label": _COMMON | {"options": "the categories; each has .letter, .name and .definition"},
    "multi_label": _COMMON | {"label": "the category asked about; it has .name and .definition"},
    "extract": _COMMON | {"fields": "what to read out; each has .name, .definition and .type",
                          "schema": "the form of the answer, as JSON"},
    "generate": _COMMON | {"max_words": "how long the answer may be, in words"},
}
"""What instructions may use, by the kind of the task."""
LEAST_KEPT = 0.8  # of what fits: a cut text ends at the last space, unless that costs more
# No blank inside: no model's marks have one, and the blank a mark leaves cannot then be part of another.
_CONTROL = re.compile(r"<[|｜][^|｜<>\s]{0,40}[|｜]>|</?s>|<(?:bos|eos|pad|unk)>"
                      r"|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>")


class Template(BaseModel):
    """One immutable version of a set of instructions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    version: int = Field(default=1, ge=1)
    title: str = Field(default="", max_length=120)
    text: str = Field(min_length=1, max_length=MAX_SOURCE)
    kind: TaskKind = "single_label"
    language: Language = "en"
    suits: Suits = "any"
    answer: AnswerForm = Field("letter", description="What is read: the letter of an option, or its name.")
    opening: str = Field("", max_length=80, description="How the answer is made to begin.")
    note: str = Field(default="", max_length=400)
    author: str = Field(default="", max_length=80)
    created: str = ""
    parent: str | None = None

    @property
    def ref(self) -> str:
        """How runs point at it: `message-first@1`."""
        return f"{self.id}@{self.version}"

    @property
    def digest(self) -> str:
        """Name by content."""
        return text_digest(f"{self.text}\x1f{self.answer}\x1f{self.opening}")


@dataclass(frozen=True, slots=True)
class Option:
    """A category as a template sees it."""

    letter: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A field of an extract task as a template sees it."""

    name: str
    definition: str
    type: str


def as_data(text: str) -> str:
    """Document text without the marks that chat models read as control tokens."""
    # NUL first: left in, it could split a mark in two that closes up again when it goes.
    return _CONTROL.sub(" ", text.replace("\x00", ""))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a space near the end (some scripts have none), marked as cut."""
    if len(text) <= limit:
        return text
    head, least = text[:limit], round(LEAST_KEPT * limit)
    return (head[:head.rfind(" ", least)] if " " in head[least:] else head) + " […]"


def options_in_order(task: Task, order: Sequence[int]) -> list[Option]:
    """The categories as shown: position p holds label `order[p]` under letter p, as far as letters go."""
    labels = [task.labels[i] for i in order]
    return [Option(LETTERS[p:p + 1], label.name, label.definition) for p, label in enumerate(labels)]


def render(source: str, task: Task, document: str, order: Sequence[int]) -> str:
    """The exact text of the user's turn for one document and one order of the options (single_label).

    Raises:
        SettingsError: see `fill_in`.
    """
    return fill_in(source, document=as_data(document), question=task.question,
                   options=options_in_order(task, order)).strip()


def render_label(source: str, task: Task, document: str, label: int) -> str:
    """The user's turn that asks about one category of a multi_label task. Raises as `render` does."""
    if not task.labels:
        raise SettingsError("There is no category to ask about.", "Add one to the question.")
    asked = task.labels[label]
    return fill_in(source, document=as_data(document), question=task.question,
                   label=Option("", asked.name, asked.definition)).strip()


def render_open(source: str, task: Task, document: str) -> str:
    """The user's turn for a task whose answer is written: extract or generate. Raises as `render` does."""
    values = {"max_words": task.max_words} if task.kind == "generate" else {
        "fields": [Blank(f.name, f.definition, f.type) for f in task.fields], "schema": skeleton(task)}
    return fill_in(source, document=as_data(document), question=task.question, **values).strip()


def render_any(template: Template, task: Task, document: str) -> str:
    """The user's turn by a task of any kind: options in the task's own order, or about its first category.

    Raises as `render` does.
    """
    if task.kind == "single_label":
        return render(template.text, task, document, range(len(task.labels)))
    if task.kind == "multi_label":
        return render_label(template.text, task, document, 0)
    return render_open(template.text, task, document)


def before_document(template: Template, task: Task) -> str:
    """What every user's turn begins with, whatever the document: a model that scores reads it once for all.

    Raises as `render` does.
    """
    return os.path.commonprefix([render_any(template, task, probe) for probe in "0a"])


def skeleton(task: Task) -> str:
    """The form of an extract task's answer: a JSON object with every field."""
    return json.dumps({f.name: "number or null" if f.type == "number" else "text or null"
                       for f in task.fields}, ensure_ascii=False)


def student_text(prompt: str, question: str, document: str, max_chars: int) -> str:
    """The small model's prompt for one document: the same bytes in training and afterwards."""
    return fill_in(prompt, document=shorten(as_data(document), max_chars), question=question)
