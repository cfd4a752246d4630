"""A task: the question asked of each document, and what an answer may be."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic import Field as Field_

from engine.errors import SettingsError
from engine.records import text_digest

TaskKind = Literal["single_label", "multi_label", "extract", "generate"]
FieldType = Literal["text", "number"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Label(BaseModel):
    """One category: its name, a one-line definition, and whether somebody must act on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field_(min_length=1, max_length=60)
    definition: str = Field_(default="", max_length=300)
    actionable: bool = False

    @field_validator("name", "definition")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return " ".join(value.split())


class Field(BaseModel):
    """One thing to read out of a document: a figure or a few words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field_(min_length=1, max_length=40)
    definition: str = Field_(default="", max_length=300)
    type: FieldType = "text"


class Task(BaseModel):
    """A question and what it may be answered with. Immutable; a changed task is another task.

    `labels` are the categories of single_label (one is chosen) and multi_label (each is yes or no);
    `fields` are what *extract* reads out; `max_words` is the length of what *generate* writes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = "task"
    question: str = Field_(min_length=3, max_length=400)
    kind: TaskKind = "single_label"
    labels: tuple[Label, ...] = ()
    fields: tuple[Field, ...] = ()
    max_words: int = Field_(default=30, ge=5, le=200)

    @property
    def names(self) -> tuple[str, ...]:
        """Label names, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def digest(self) -> str:
        """Name by content."""
        return text_digest(self.model_dump_json(exclude={"id"}))

    def check(self) -> None:
        """Refuse a task that cannot be asked.

        Raises:
            SettingsError: fewer than two categories, more than there are letters, or two alike.
        """
        if len(self.labels) < 2:
            raise SettingsError("A question needs at least two categories to choose from.",
                                "Add a category in the table of categories.")
        if len(self.labels) > len(LETTERS):
            raise SettingsError(f"There are {len(self.labels)} categories; at most {len(LETTERS)} "
                                "can be told apart in one question.",
                                "Merge the rare ones, or split the question in two.")
        seen: set[str] = set()
        for name in self.names:
            if name.casefold() in seen:
                raise SettingsError(f"The category “{name}” is there twice.",
                                    "Rename or remove one of them.")
            seen.add(name.casefold())
