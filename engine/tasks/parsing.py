"""Reading what a large model wrote: facts as JSON, or a short text. What cannot be read is counted, never "
  "guessed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engine.tasks.definition import Field, Task
from engine.tasks.figures import NOT_SAID, UNKNOWN, Figure, Unknown, Unparsed, read_figure

LONGEST = 300  # characters of a text field
TOO_LONG = 3   # times the words asked for: beyond that it is no summary

_HEADING = re.compile(r"^(?:summary|resumen|résumé|line|línea|ligne)\s*:\s*", re.IGNORECASE)

Value = str | Figure | Unknown | Unparsed


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read out of one document: exactly the task's fields, in their order, and what came beside "
      "them."""

    values: dict[str, Value]
    ignored: tuple[str, ...] = ()

    @property
    def unparsed(self) -> int:
        """How many fields could not be read."""
        return sum(isinstance(value, Unparsed) for value in self.values.values())


def json_schema(task: Task) -> dict[str, Any]:
    """The form of an extract task's answer, as JSON Schema."""
    kinds = {"number": ["number", "string", "null"], "text": ["string", "null"]}
    return {"type": "object", "additionalProperties": False, "required": [f.name for f in task.fields],
            "properties": {f.name: {"type": kinds[f.type], "description": f.definition} for f in task.fields}}


def parse_fields(task: Task, text: str) -> Extraction:
    """Each field of the task: a value, `UNKNOWN`, or `Unparsed` with the reason. Never raises.

    The object may stand in a code fence or after a sentence; of one that was cut off, complete members count.
    """
    found, why = _object(text)
    if found is None:
        return Extraction({f.name: Unparsed(why, text[:80]) for f in task.fields})
    plain = {_key(name): value for name, value in found.items()}
    values: dict[str, Value] = {}
    for field in task.fields:
        if field.name in found or _key(field.name) in plain:
            values[field.name] = _value(field, found.get(field.name, plain.get(_key(field.name))))
        else:
            values[field.name] = Unparsed("it was not answered", "")
    asked = {_key(field.name) for field in task.fields}
    return Extraction(values, tuple(name for name in found if _key(name) not in asked))


def parse_summary(task: Task, text: str) -> str | Unparsed:
    """The short text, in one line; a little too long is kept, since cutting it could change what it says."""
    line = re.sub(r"^```\w*|```$", "", text.strip()).strip()
    line = " ".join(_HEADING.sub("", line).split())
    if len(line) > 1 and line[0] in "\"“«'" and line[-1] in "\"”»'":
        line = line[1:-1].strip()
    if not line:
        return Unparsed("nothing was written", text[:80])
    if len(line.split()) > TOO_LONG * task.max_words:
        return Unparsed(f"it is {len(line.split())} words long, more than {TOO_LONG} times what was asked "
                        "for",
                        line[:80])
    return line


def _key(name: str) -> str:
    return " ".join(re.split(r"[\s_\-]+", name.casefold().strip()))


def _value(field: Field, value: object) -> Value:
    if field.type == "number":
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return read_figure(value)
    if value is None:
        return UNKNOWN
    if isinstance(value, list):
        value = "; ".join(str(part) for part in value)
    if isinstance(value, dict):
        return Unparsed("it is an object, not a text", json.dumps(value, ensure_ascii=False)[:80])
    line = " ".join(str(value).split())
    return UNKNOWN if line.casefold().strip(" .") in NOT_SAID else line[:LONGEST]


def _object(text: str) -> tuple[dict[str, Any] | None, str]:
    """The first JSON object in a text, whole or as far as it goes."""
    start = text.find("{")
    if start < 0:
        return None, "there is no JSON in the answer"
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[start:])
    except (json.JSONDecodeError, RecursionError, ValueError):
        found = _complete_members(text[start:])
        if not found:
            return None, "the JSON is damaged"
    return found, ""


_MEMBER = re.compile(r'"((?:[^"\\]|\\.){1,80})"\s*:\s*'
                     r'("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|null|true|false)\s*(?=[,}])')


def _complete_members(text: str) -> dict[str, Any]:
    """Members of a damaged object that are whole: a text, a number or null, up to a comma or a brace."""
    found: dict[str, Any] = {}
    for name, value in _MEMBER.findall(text[:20_000]):
        try:
            found.setdefault(name, json.loads(value, strict=False))
        except ValueError:
            continue
    return found
