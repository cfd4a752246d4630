"""JSON: one object a line, a list of objects, or an object around one; broken lines are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from engine.corpus.decoding import Decoded
from engine.corpus.formats.posts import plain_post
from engine.corpus.headers import distinct_names, find_header
from engine.corpus.table import ReadOptions, Table, n_of
from engine.errors import InputError

MAX_COLUMNS = 500
Record = dict[str, Any]
_BROKEN = object()


def looks_like_json(text: str) -> bool:
    """Whether the first lines parse as JSON objects, or the whole as a list or an object."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return False
    first = [line for line in text[:2_000_000].split("\n", 60)[:60] if line.strip()]
    good = sum(isinstance(_parsed(line.strip()), dict) for line in first[:50])
    return good > 0.5 * min(len(first), 50) or isinstance(_parsed(text), dict | list)


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """One JSON value, its numbers as written (long ids keep their digits); or `_BROKEN`."""
    try:
        return json.loads(
            text, parse_int=str, parse_float=str, parse_constant=lambda _: None, strict=False
        )
    except (ValueError, RecursionError):
        return _BROKEN


def table_from_json(decoded: Decoded, options: ReadOptions) -> Table:
    """Rows from JSON; nested objects are flattened one level (`user.name`).

    Raises `InputError` where nothing in the file is a record.
    """
    records, unreadable, kind, notes = _records(decoded.text)
    warnings = [*decoded.warnings, *notes]
    if unreadable:
        warnings.append(f"{n_of(unreadable, 'line')} could not be read as JSON.")
    if not records:
        raise InputError(
            "There are no records in this JSON file.",
            "It should hold one object a line, or a list of objects.",
        )
    if all(isinstance(record, list) for record in records):
        return _from_lists(records, decoded, options, kind, warnings)
    flat = []
    for record in records:
        if isinstance(record, dict):
            flat.append(dict(_flattened(plain_post(record))))
        elif isinstance(record, str):
            flat.append({"text": _whole(record)})
        else:
            unreadable += 1
    columns: dict[str, None] = {}
    for row in flat:
        columns.update(dict.fromkeys(row))
    keys = list(columns)[:MAX_COLUMNS]
    if len(columns) > MAX_COLUMNS:
        warnings.append(f"{len(columns):,} different fields; the first {MAX_COLUMNS} were read.")
    if not keys:
        raise InputError(
            "The records in this JSON file are empty.", "Choose a file with texts in it."
        )
    rows = [tuple(row.get(key, "") for key in keys) for row in flat]
    return Table(
        kind,
        decoded.encoding,
        None,
        None,
        None,
        distinct_names(keys, len(keys)),
        rows,
        tuple(warnings),
        unreadable,
    )


def _records(text: str) -> tuple[list[Any], int, str, list[str]]:
    """Values, broken lines, format name, notes."""
    lines = [
        line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()
    ]
    first = _parsed(lines[0].strip()) if lines else _BROKEN
    if len(lines) > 1 and (
        first is _BROKEN or isinstance(first, list) and lines[0].strip() != text.strip()
    ):
        whole = _parsed(text)
        if isinstance(whole, dict | list):
            return _unwrapped(whole)
    elif len(lines) == 1 and isinstance(first, dict | list):
        return _unwrapped(first)
    values = [_parsed(line.strip()) for line in lines]
    good = [value for value in values if value is not _BROKEN]
    return good, len(values) - len(good), "jsonl", []


def _unwrapped(value: Any) -> tuple[list[Any], int, str, list[str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return value, 0, "json", []
    name, longest = "", []
    for key, inner in value.items():
        if (
            isinstance(inner, list)
            and len(inner) > len(longest)
            and any(isinstance(i, dict) for i in inner)
        ):
            name, longest = key, inner
    if not longest:
        return [value], 0, "json", []
    return (
        longest,
        0,
        "json",
        [f"The records were taken from the list “{_whole(str(name))}” in the file."],
    )


def _flattened(record: Record) -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if isinstance(value, dict) and value:
            for inner, cell in value.items():
                yield _whole(f"{key}.{inner}"), _cell(cell)
        else:
            yield _whole(str(key)), _cell(value)


def _cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        runs = [
            item if isinstance(item, str) else item.get("text") if isinstance(item, dict) else None
            for item in value
        ]
        if (
            value
            and any(isinstance(item, dict) for item in value)
            and all(isinstance(run, str) for run in runs)
        ):
            return _whole("".join(runs))  # formatted text in runs: plain, bold, link…
        if all(isinstance(item, str) for item in value):
            return _whole(", ".join(value))
    return _whole(json.dumps(value, ensure_ascii=False))


def _whole(text: str) -> str:
    """Text that can be stored: half characters (lone surrogates) and NULs replaced."""
    text = text.replace("\0", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _from_lists(
    records: list[list[Any]], decoded: Decoded, options: ReadOptions, kind: str, warnings: list[str]
) -> Table:
    """A list of lists: a table with its header as the first rows."""
    rows = [[_cell(cell) for cell in record] for record in records if record]
    if not rows:
        raise InputError(
            "There are no records in this JSON file.",
            "It should hold one object a line, or a list of objects.",
        )
    header = find_header(rows, options.header_row)
    width = len(header.names)
    data = [tuple((row + [""] * width)[:width]) for row in rows[header.data_from :]]
    if not data:
        raise InputError(
            "This file has a header but no rows under it.",
            "Choose a file with one document a row under the header.",
        )
    return Table(
        kind,
        decoded.encoding,
        None,
        None,
        header.row,
        header.names,
        data,
        (*warnings, *header.warnings),
    )
