"""What the JSON formats share: a record and its cells as text, what is not a document, a dialect's shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.corpus.decoding import storable
from engine.corpus.table import Role

Record = dict[str, Any]
LINK = re.compile(r"\s*(?:https?://|www\.)\S+\s*")


class Number(str):
    """A number as it was written: long ids keep their digits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Aside:
    """A record that is no document by its nature; `reason` names its kind."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the reader should know, counted over the file: "label: 3 nouns."."""

    label: str
    noun: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Stray:
    """A value where a record should be: it cannot be read."""


Item = Record | Aside | Remark | Stray


@dataclass(frozen=True, slots=True)
class Dialect:
    """One service's JSON: how its objects are told, and the records in one of them.

    `records` hands on objects it does not know as they are. `first`: columns that lead the table.
    """

    name: str
    fits: Callable[[Record], bool]
    records: Callable[[Record], Iterator[Item]]
    first: tuple[str, ...]
    known: Mapping[str, tuple[Role, str]] = field(default_factory=dict)


def inner(record: Any, *keys: str) -> Any:  # noqa: ANN401 - any JSON value
    """What lies under `keys`, one object inside the other; or None."""
    for key in keys:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def objects(value: Any) -> list[Record]:  # noqa: ANN401 - any JSON value
    """The objects of a list; an object alone as one; else none."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def flattened(record: Record) -> Iterator[tuple[str, str]]:
    """Names and cells of a record, objects in it opened one level (`user.name`)."""
    for key, value in record.items():
        if isinstance(value, dict) and value:
            for name, part in value.items():
                yield storable(f"{key}.{name}"), cell(part)
        else:
            yield storable(key), cell(value)


def cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Any JSON value as the text of one cell; nothing for null, an empty list or object."""
    if isinstance(value, str):
        return storable(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if not value:
        return ""
    if isinstance(value, list):
        runs = text_runs(value)
        if runs is not None:
            return storable(runs)
        if all(isinstance(item, str) for item in value):
            return storable(", ".join(value))
    try:
        return storable(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "(nested too deeply to be shown)"


def text_runs(value: list[Any]) -> str | None:
    """Formatted text kept in runs (plain, bold, link...), put together; None if it is not that."""
    if not any(isinstance(item, dict) for item in value):
        return None
    runs = [item.get("text") if isinstance(item, dict) else item for item in value]
    return "".join(runs) if all(isinstance(run, str) for run in runs) else None


def names(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The names in a list of objects (or in one), or of strings: "Haiti, Jamaica"; each once."""
    if isinstance(value, str) or isinstance(value, list) and not objects(value):
        return cell(value)
    found: dict[str, None] = {}
    for one in objects(value):
        name = one.get("name") or one.get("shortname")
        if isinstance(name, str) and name:
            found[name] = None
    return ", ".join(found)
