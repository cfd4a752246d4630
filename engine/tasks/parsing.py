"""Reading what a large model wrote: facts as JSON, or a short text. What cannot be read is counted.

Nothing is guessed: a fact answered twice, or in a member of its own making, is `Unparsed` with the reason.
Does not: read one category out of prose; those are scored, never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.tasks.definition import Field, Task, alike
from engine.tasks.figures import NOT_SAID, UNKNOWN, Figure, Unknown, Unparsed, read_figure

LONGEST = 300  # characters of a text field
TOO_LONG = 3   # times the words asked for: beyond that it is no summary
MOST_READ = 20_000  # characters of an answer

_SUMMARY = r"(?:summary|resumen|résumé|line|línea|ligne|sentence|frase|phrase)"
_HEADING = re.compile(
    rf"^[#*_\s]*(?:(?:here(?:'s|’s| is)|sure|aqu[ií] (?:está|tienes)|voici)\b[^:\n]{{0,40}}?\b{_SUMMARY}\b"
    rf"[^:\n]{{0,40}}|(?:(?:one|a|short|brief|situation|report)[\s-]+){{0,3}}{_SUMMARY})[*_\s]*:[*_\s]*",
    re.IGNORECASE)
_QUOTES = (('"', '"'), ("“", "”"), ("«", "»"), ("'", "'"), ("‘", "’"), ("**", "**"))

Value = str | Figure | Unknown | Unparsed


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read out of one document: exactly the task's fields, in their order.

    `ignored` names what the model said besides.
    """

    values: dict[str, Value]
    ignored: tuple[str, ...] = ()

    @property
    def unparsed(self) -> int:
        """How many fields could not be read."""
        return sum(isinstance(value, Unparsed) for value in self.values.values())


def parse_fields(task: Task, text: str) -> Extraction:
    """Each field of the task: a value, `UNKNOWN`, or `Unparsed` with the reason. Never raises.

    The object may stand in a code fence, after a sentence, or as the only object inside another; of one that
    was cut off or damaged, whole members count.
    """
    text = _storable(text)[:MOST_READ]
    asked = {alike(field.name) for field in task.fields}
    members, why = _members(text, asked)
    if not members:
        return Extraction({f.name: Unparsed(why, text[:80]) for f in task.fields})
    values: dict[str, Value] = {}
    for field in task.fields:
        exact = [value for name, value in members if name == field.name]
        given = exact or [value for name, value in members if alike(name) == alike(field.name)]
        read = list(dict.fromkeys(_value(field, value) for value in given))
        if not read:
            read = [Unparsed("it was not answered", "")]
        if len(read) > 1:
            read = [Unparsed("it was answered twice, and differently", _storable(str(given)[:80]))]
        values[field.name] = read[0]
    return Extraction(values, tuple(dict.fromkeys(
        _storable(name) for name, _ in members if alike(name) not in asked)))


def parse_summary(task: Task, text: str) -> str | Unparsed:
    """The short text, in one line; a little too long is kept."""
    line = re.sub(r"^```(?:\w*\n)?|```$", "", _storable(text)[:MOST_READ].strip()).strip()
    line = " ".join(_HEADING.sub("", line).split()).removeprefix("- ")
    for left, right in _QUOTES:
        inner = line[len(left):-len(right)]
        if line.startswith(left) and line.endswith(right) and left not in inner and right not in inner:
            line = inner.strip()
    if not any(sign.isalnum() for sign in line):
        return Unparsed("nothing was written", text[:80])
    if len(line.split()) > TOO_LONG * task.max_words:
        return Unparsed(f"it is {len(line.split())} words long, more than {TOO_LONG} times what was asked "
                        "for", line[:80])
    return line


def without_open_quote(line: str) -> str:
    """A text without the quotation mark it opens with where none closes it: the rest was cut off."""
    for left, right in _QUOTES:
        if line.startswith(left) and right not in ("'", "’") and right not in line[len(left):]:
            return line[len(left):].lstrip()
    return line


def _value(field: Field, value: object) -> Value:
    if isinstance(value, Unparsed):
        return value
    parts = [part for part in value if part is not None] if isinstance(value, list) else [value]
    if any(isinstance(part, list | _Members) for part in parts):
        return Unparsed("it is a table, not one answer", _storable(str(value)[:80]))
    parts = [_storable(part) if isinstance(part, str) else part for part in parts]
    if field.type == "number":
        return read_figure((parts or [None])[0]) if len(parts) < 2 else Unparsed(
            "several numbers, and it is not clear which", str(parts)[:80])
    if value is None:
        return UNKNOWN
    said = [" ".join(str(part).split()) for part in parts]
    line = "; ".join(part for part in said if len(said) == 1 or not _not_said(part))
    return UNKNOWN if _not_said(line) else line if len(line) <= LONGEST else f"{line[:LONGEST - 1]}…"


def _not_said(text: str) -> bool:
    return text.casefold().strip(" .") in NOT_SAID


# The object in an answer

class _Members(tuple[tuple[str, Any], ...]):
    """Names and values of a JSON object as they stand, doubles kept."""

    __slots__ = ()


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_Members)
_NAME = re.compile(r'\s*,?\s*("(?:[^"\\]|\\.){1,200}")\s*:\s*', re.DOTALL)
_ENDS = re.compile(r'\s*(?:,\s*"|,?\s*\}|,\s+$)')  # a comma inside “1,200” ends no member
_BARE = re.compile(r'[^"{}\[\]\n]{1,80}?(?=\s*(?:,\s*"|,?\s*\}))')
_NO_JSON = (json.JSONDecodeError, RecursionError, ValueError)  # ValueError: a number of thousands of digits


def _members(text: str, asked: set[str]) -> tuple[list[tuple[str, Any]], str]:
    """The members of the first object that names a field, else of the first; if there is none, why."""
    first: list[tuple[str, Any]] = []
    at = text.find("{")
    if at < 0:
        return [], "there is no JSON in the answer"
    while at >= 0:
        try:
            whole, end = _DECODER.raw_decode(text, at)
            members = list(whole)
        except _NO_JSON:
            members = list(_whole_members(text, at + 1))
            end = len(text) if members else at + 1
        inner = [value for _, value in members if isinstance(value, _Members)]
        if not _names_one(members, asked) and len(inner) == 1:
            members = list(inner[0])
        if _names_one(members, asked):
            return members, ""
        first = first or members
        at = text.find("{", end)
    return first, "the JSON is damaged"


def _names_one(members: Iterable[tuple[str, Any]], asked: set[str]) -> bool:
    return any(alike(name) in asked for name, _ in members)


def _whole_members(text: str, at: int) -> Iterator[tuple[str, Any]]:
    """Members of a damaged object, as long as they are whole; the one that is not, as `Unparsed`."""
    while name := _NAME.match(text, at):
        at = name.end()
        try:
            title = str(json.loads(name[1], strict=False))
            value, end = _DECODER.raw_decode(text, at)
        except _NO_JSON:
            title, value, end = name[1][1:-1], None, at
        if end == at or not _ENDS.match(text, end):
            bare = _BARE.match(text, at)
            if bare is None:
                yield title, Unparsed("it was cut off or damaged", text[at:at + 80])
                return
            value, end = bare[0], bare.end()
        yield title, value
        at = end


def _storable(text: str) -> str:
    """Without half characters and NULs, which JSON can say and no file or database takes."""
    return text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
