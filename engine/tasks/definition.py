"""A task: the question asked of each document, and what an answer may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

import pydantic
from pydantic import BaseModel, ConfigDict, field_validator

from engine.errors import SettingsError
from engine.records import text_digest

TaskKind = Literal["single_label", "multi_label", "extract", "generate"]
WRITTEN: frozenset[TaskKind] = frozenset({"extract", "generate"})
"""Kinds whose answers are written; those of the others are chosen from categories."""
NO_LABEL = "none"  # in words, where none of several categories applies
FieldType = Literal["text", "number"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_YES_NO, MOST_FIELDS = 40, 20


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = pydantic.Field(min_length=1, max_length=60)
    definition: str = pydantic.Field(default="", max_length=300)

    @field_validator("name", "definition", mode="before")
    @classmethod
    def _one_line(cls, value: object) -> object:
        return " ".join(value.split()) if isinstance(value, str) else value


class Label(_Named):
    """One category: its name, a one-line definition, and whether somebody must act on it."""

    actionable: bool = False


class Field(_Named):
    """One thing to read out of a document: a figure, or a few words."""

    type: FieldType = "text"


class Task(BaseModel):
    """A question and what it may be answered with. Immutable; a changed task is another task.

    `labels` are the categories of single_label (one is chosen) and multi_label (each is yes or no);
    `fields` are what *extract* reads out; `max_words` is the length of what *generate* writes. What belongs
    to another kind is kept, so that changing one's mind loses nothing, and not looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = "task"
    question: str = pydantic.Field(min_length=3, max_length=400)
    kind: TaskKind = "single_label"
    labels: tuple[Label, ...] = ()
    fields: tuple[Field, ...] = ()
    max_words: int = pydantic.Field(default=30, ge=5, le=200)

    @property
    def names(self) -> tuple[str, ...]:
        """Label names, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def writes(self) -> bool:
        """Whether answers are written, not chosen."""
        return self.kind in WRITTEN

    @property
    def questions(self) -> int:
        """What is asked of each document: one question a category where each is yes or no, else one."""
        return len(self.labels) if self.kind == "multi_label" else 1

    @property
    def digest(self) -> str:
        """Name by content."""
        return text_digest(self.model_dump_json(exclude={"id"}))

    def check(self) -> None:
        """Refuse a task that cannot be asked; a text to write (*generate*) needs nothing but the question.

        Raises:
            SettingsError: too few or too many categories or fields for its kind, or two alike.
        """
        if self.kind == "single_label":
            self._enough(2, "A question needs at least two categories to choose from.")
            if len(self.labels) > len(LETTERS):
                raise SettingsError(f"There are {len(self.labels)} categories; at most {len(LETTERS)} "
                                    "can be told apart in one question.",
                                    "Merge the rare ones, or split the question in two.")
        if self.kind == "multi_label":
            self._enough(1, "There is no category to ask about.")
            if len(self.labels) > MOST_YES_NO:
                raise SettingsError(f"There are {len(self.labels)} categories; each is a question of its "
                                    f"own, so at most {MOST_YES_NO} are asked.", "Leave out the rare ones.")
            if NO_LABEL in map(alike, self.names):
                raise SettingsError(f"“{NO_LABEL}” is what is said where no category applies.",
                                    "Leave that category out: where none applies, all are answered with no.")
        if not self.writes:
            _no_twins(self.names, "category")
        if self.kind == "extract":
            if not self.fields:
                raise SettingsError("Nothing is named that should be read out.",
                                    "Add a row to the table: a name, and what it means.")
            if len(self.fields) > MOST_FIELDS:
                raise SettingsError(f"There are {len(self.fields)} things to read out; at most {MOST_FIELDS} "
                                    "are asked for at once.", "Leave some out, or ask in two questions.")
            _no_twins((field.name for field in self.fields), "field", alike)
            odd = next((field.name for field in self.fields if set(field.name) & set('"\\{}')), None)
            if odd:
                raise SettingsError(f"The field “{odd}” has a quotation mark, a backslash or a brace in its "
                                    "name: large models write such names wrongly.", "Use letters and spaces.")

    def _enough(self, least: int, what: str) -> None:
        if len(self.labels) < least:
            raise SettingsError(what, "Add a category in the table of categories.")


def alike(name: str) -> str:
    """What two names have in common if a model may write one for the other: “Dead_people”, “dead people”."""
    return " ".join(re.split(r"[\s_\-]+", name.casefold().strip()))


def _no_twins(names: Iterable[str], what: str, key: Callable[[str], str] = str.casefold) -> None:
    seen: set[str] = set()
    for name in names:
        if key(name) in seen:
            raise SettingsError(f"The {what} “{name}” is there twice.", "Rename or remove one of them.")
        seen.add(key(name))
