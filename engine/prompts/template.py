"""Instructions as sandboxed Jinja2: what a template may use, and rendering it for one document.

Document text is data: it is passed as a value, never as template source, and marks that chat models
treat as control tokens are taken out of it. Does not: know tokenizers or teachers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import SettingsError
from engine.records import AnswerForm, text_digest
from engine.tasks.definition import LETTERS, Task, TaskKind

Language = Literal["en", "es", "fr"]
Suits = Literal["any", "messages", "news", "reports"]

VARIABLES = {
    "document": "the text of the message, article or report",
    "question": "the question of the task",
    "options": "the categories; each has .letter, .name and .definition",
}
MAX_SOURCE = 8_000
MAX_RENDERED = 40_000
MAX_REPEAT = 1_000
_CONTROL = re.compile(r"<[|｜][^|｜<>\n]{0,40}[|｜]>|</?s>|<(?:bos|eos|pad|unk)>"
                      r"|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, which also refuses to multiply a short text into gigabytes."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any,  # noqa: ANN401
                   right: Any) -> Any:  # noqa: ANN401 - whatever a template holds
        """Multiply, within bounds."""
        for number, other in ((left, right), (right, left)):
            if isinstance(number, int | float) and abs(number) > MAX_REPEAT:
                raise OverflowError(f"only numbers up to {MAX_REPEAT:,} can be multiplied")
            if isinstance(number, int) and isinstance(other, Sized) and (
                    number * len(other) > MAX_RENDERED):
                raise OverflowError("the result would be too long")
        return super().call_binop(context, operator, left, right)


_environment = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False,
                        keep_trailing_newline=False)


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


def as_data(text: str) -> str:
    """Document text without the marks that chat models read as control tokens."""
    # NUL first: left in, it could split a mark in two that closes up again when it goes.
    return _CONTROL.sub(" ", text.replace("\x00", ""))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a space, with a visible mark where something is missing."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " […]"


def options_in_order(task: Task, order: Sequence[int]) -> list[Option]:
    """The categories as shown: position p holds label `order[p]` under letter p."""
    labels = [task.labels[i] for i in order]
    return [Option(LETTERS[p], label.name, label.definition) for p, label in enumerate(labels)]


@lru_cache(maxsize=64)
def compile_template(source: str) -> jinja2.Template:
    """Parse once.

    Raises:
        SettingsError: the text is not valid Jinja2, with the line and what is wrong.
    """
    try:
        return _environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise SettingsError(f"The instructions cannot be read: line {error.lineno}: {error.message}.",
                            "Check that every {{ … }} and {% … %} in that line is closed.") from error
    except (SyntaxError, RecursionError, MemoryError) as error:  # Python's own limits on nesting
        raise SettingsError("The instructions cannot be read: too much is nested in one another.",
                            "Simplify them.") from error


def render(source: str, task: Task, document: str, order: Sequence[int]) -> str:
    """The exact text of the user's turn for one document and one order of the options.

    Raises:
        SettingsError: an unknown variable (with the nearest known one), a forbidden expression, or a
            result longer than `MAX_RENDERED` characters.
    """
    return fill_in(source, document=as_data(document), question=task.question,
                   options=options_in_order(task, order)).strip()


def fill_in(source: str, **values: Any) -> str:  # noqa: ANN401 - what the template may use
    """A template with its values, exactly as it comes out. Raises `SettingsError` as `render` does."""
    template, pieces, length = compile_template(source), [], 0
    try:
        for piece in template.generate(**values):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_RENDERED:
                break  # a loop in a loop would go on for hours
    except jinja2.exceptions.SecurityError as error:
        raise SettingsError("The instructions use an expression that is not allowed.",
                            "Use only the variables listed beside the editor.") from error
    except jinja2.UndefinedError as error:
        raise SettingsError(f"The instructions use something that does not exist: {error.message}.",
                            _nearest(str(error.message), values)) from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError,
            RuntimeError, MemoryError) as error:
        raise SettingsError(f"The instructions could not be filled in: {error}.",
                            "Simplify the expression in {{ … }}.") from error
    if length > MAX_RENDERED:
        raise SettingsError(f"The filled-in instructions are longer than {MAX_RENDERED:,} characters.",
                            "Shorten the instructions.")
    return "".join(pieces)


def student_text(prompt: str, question: str, document: str, max_chars: int) -> str:
    """The small model's prompt for one document: the same bytes in training and afterwards."""
    return fill_in(prompt, document=shorten(as_data(document), max_chars), question=question)


def _nearest(message: str, known: Iterable[str]) -> str:
    named, names = re.search(r"'([^']+)'", message), list(known)
    close = difflib.get_close_matches(named.group(1), names, n=1) if named else []
    hint = f"Did you mean {{{{ {close[0]} }}}}? " if close else ""
    return f"{hint}Known variables: {', '.join(names)}."


def lint(source: str, task: Task, answer: AnswerForm = "letter") -> list[str]:
    """What looks wrong with these instructions, in words; empty when nothing does.

    Raises:
        SettingsError: they cannot be rendered at all.
    """
    probe, order = "PROBE-DOCUMENT", range(len(task.labels))
    text = render(source, task, probe, order)
    notes = []
    if probe not in text:
        notes.append("The message itself is missing: write {{ document }} where it should stand.")
    if not all(label.name in text for label in task.labels):
        notes.append("Not every category is named: the large model cannot choose one it does not see. "
                     "Loop over {{ options }}.")
    elif answer == "letter" and not re.search(rf"\b{LETTERS[len(task.labels) - 1]}\b", text):
        notes.append("The options carry no letters: write {{ option.letter }} before each name.")
    if any(label.definition for label in task.labels) and not any(
            label.definition and label.definition in text for label in task.labels):
        notes.append("The definitions are not used: add {{ option.definition }} to help the large model.")
    return notes
