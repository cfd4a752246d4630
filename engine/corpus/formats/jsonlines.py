"""JSON of any layout as a table: posts, chats, reports, places, lists of objects; faults are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from engine.corpus.decoding import Text
from engine.corpus.formats.geojson import FEATURES
from engine.corpus.formats.jsonrecords import (
    Aside,
    Dialect,
    Item,
    Number,
    Record,
    Remark,
    Stray,
    cell,
    flattened,
)
from engine.corpus.formats.jsonshapes import Path, opened, steps_to_records, unwrapped
from engine.corpus.formats.jsonstream import BROKEN, Values, looks_like_json, values_of
from engine.corpus.formats.posts import POSTS
from engine.corpus.formats.reliefweb import REPORTS
from engine.corpus.formats.telegram import CHATS
from engine.corpus.headers import distinct_names, find_header
from engine.corpus.table import ReadOptions, Row, Table, n_of
from engine.errors import InputError

__all__ = ["MAX_COLUMNS", "looks_like_json", "table_from_json"]

MAX_COLUMNS = 500
MAX_SEEN = 20_000  # different fields that are counted at all
SAMPLE = 1_000  # values that tell the dialect and the shape
DIALECTS: tuple[Dialect, ...] = (POSTS, CHATS, REPORTS, FEATURES)
Cells = dict[str, str]


class StreamedRows:
    """Rows of a large file, read anew each time and never held."""

    def __init__(self, records: Callable[[], Iterator[Cells]], keys: list[str], count: int) -> None:
        self._records, self._keys, self._count = records, keys, count

    def __iter__(self) -> Iterator[Row]:
        for record in self._records():
            yield tuple(record.get(key, "") for key in self._keys)

    def __len__(self) -> int:
        return self._count


@dataclass(slots=True)
class _Tally:
    """What a pass over the records counts."""

    rows: int = 0
    unreadable: int = 0
    fields: dict[str, int] = field(default_factory=dict)  # in how many records each is filled
    set_aside: Counter[str] = field(default_factory=Counter)
    remarks: Counter[tuple[str, str]] = field(default_factory=Counter)
    unseen: bool = False

    def add(self, item: Item) -> Cells | None:
        """The cells of a record; None for anything else, which is counted."""
        if isinstance(item, dict):
            cells = dict(flattened(item))
            self.rows += 1
            for key, value in cells.items():
                if key in self.fields or len(self.fields) < MAX_SEEN:
                    self.fields[key] = self.fields.get(key, 0) + bool(value)
                else:
                    self.unseen = True
            return cells
        if isinstance(item, Aside):
            self.set_aside[item.reason] += 1
        elif isinstance(item, Remark):
            self.remarks[item.label, item.noun] += item.count
        else:
            self.unreadable += 1
        return None


def table_from_json(text: Text, options: ReadOptions) -> Table:
    """Rows from JSON; nested objects are flattened one level (`user.name`).

    Raises `InputError` where nothing in the file is a record.
    """
    found = values_of(text)
    items: Callable[[], Iterator[Any]] = partial(_spread_out, found)
    notes = [*text.warnings, *found.warnings]
    sample = [value for value in islice(_spread_out(found), SAMPLE) if value is not BROKEN]
    records = [value for value in sample if isinstance(value, dict)]
    dialect = _dialect_of(records)
    header = None
    if dialect is None and found.one and len(records) == 1:
        inside = unwrapped(records[0])
        header = inside.header
        notes += [inside.note] if inside.note else []
        items = [*inside.items, *(value for value in found.again() if value is BROKEN)].__iter__
        sample = inside.items[:SAMPLE]
        records = [value for value in sample if isinstance(value, dict)]
        dialect = _dialect_of(records)
    if not records and any(isinstance(value, list) for value in sample):
        return _from_lists(items(), header, text, options, found, notes)
    steps = () if dialect else steps_to_records(records)
    if steps:
        where = " and in them “".join(f"{cell('.'.join(step))}”" for step in steps)
        notes.append(f"The records were taken from the lists “{where} of the objects in the file.")
        within = islice((item for record in records for item in opened(record, steps)), SAMPLE)
        dialect = _dialect_of([item for item in within if isinstance(item, dict)])
    return _from_records(partial(_expanded, items, steps, dialect), dialect, text, found, notes)


def _dialect_of(records: list[Record]) -> Dialect | None:
    return next((one for one in DIALECTS if any(map(one.fits, records))), None)


def _expanded(
    items: Callable[[], Iterator[Any]], steps: tuple[Path, ...], dialect: Dialect | None
) -> Iterator[Item]:
    for value in items():
        if isinstance(value, dict):
            for item in opened(value, steps):
                if dialect and isinstance(item, dict):
                    yield from dialect.records(item)
                else:
                    yield item
        elif isinstance(value, str) and not isinstance(value, Number):
            yield {"text": value}
        else:
            yield Stray()


def _spread_out(found: Values) -> Iterator[Any]:
    """The values, with lists of objects opened: pages of records one after the other."""
    for value in found.again():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield from value
        elif value != []:
            yield value


def _from_records(
    expanded: Callable[[], Iterator[Item]],
    dialect: Dialect | None,
    text: Text,
    found: Values,
    notes: list[str],
) -> Table:
    tally = _Tally()
    held: list[Cells] = []
    for item in expanded():
        cells = tally.add(item)
        if cells is not None and not found.streamed:
            held.append(cells)
    notes += _notes(tally, found)
    if not tally.rows:
        raise _no_records(tally.unreadable, tally.set_aside, found)
    keys = _columns(tally, dialect, notes)
    if not keys:
        raise InputError("The records in this JSON file are empty.", "Choose a file with texts in it.")
    rows = StreamedRows(partial(_cells, expanded) if found.streamed else held.__iter__, keys, tally.rows)
    known = dialect.known if dialect else {}
    columns = distinct_names(keys, len(keys))
    return Table(
        dialect.name if dialect else found.format,
        text.encoding,
        None,
        None,
        None,
        columns,
        rows if found.streamed else list(rows),
        tuple(notes),
        tally.unreadable,
        set_aside=dict(tally.set_aside),
        known={column: known[key] for key, column in zip(keys, columns, strict=True) if key in known},
    )


def _cells(expanded: Callable[[], Iterator[Item]]) -> Iterator[Cells]:
    for item in expanded():
        if isinstance(item, dict):
            yield dict(flattened(item))


def _columns(tally: _Tally, dialect: Dialect | None, notes: list[str]) -> list[str]:
    """The fields that become columns: all, or those filled most often; in the order of the file."""
    keys = list(tally.fields)
    if len(keys) > MAX_COLUMNS:
        kept = set(sorted(keys, key=lambda key: -tally.fields[key])[:MAX_COLUMNS])
        more = "More than " if tally.unseen else ""
        notes.append(f"{more}{len(keys):,} different fields; the {MAX_COLUMNS} filled most often were read.")
        keys = [key for key in keys if key in kept]
    first = [key for key in dialect.first if key in keys] if dialect else []
    return [*first, *(key for key in keys if key not in first)]


def _notes(tally: _Tally, found: Values) -> list[str]:
    notes = []
    if tally.unreadable:
        what = n_of(tally.unreadable, "line" if found.format == "jsonl" else "record")
        notes.append(f"{what} could not be read as JSON.")
    notes += [f"{label}: {n_of(count, noun)}." for (label, noun), count in tally.remarks.items()]
    return notes


def _no_records(unreadable: int, set_aside: Mapping[str, int], found: Values) -> InputError:
    why = ""
    if set_aside:
        why = ": only " + ", ".join(n_of(count, reason) for reason, count in set_aside.items())
    elif unreadable:
        why = ": what it holds is broken, or is no object with named fields"
    return InputError(
        f"There are no records in this JSON file{why}.",
        "It should hold one object a line, or a list of objects.",
    )


def _from_lists(
    values: Iterator[Any],
    header_names: list[str] | None,
    text: Text,
    options: ReadOptions,
    found: Values,
    notes: list[str],
) -> Table:
    """A list of lists: a table with its header as the first rows, unless the names stand beside it."""
    tally = _Tally()
    rows: list[list[str]] = []
    for value in values:
        if isinstance(value, list):
            if value:
                rows.append([cell(part) for part in value])
        else:
            tally.unreadable += 1
    if not rows:
        raise _no_records(tally.unreadable, {}, found)
    if header_names is not None and options.header_row is None:
        names, data_from, header_row = distinct_names(header_names, len(header_names)), 0, None
    else:
        header = find_header(rows, options.header_row)
        names, data_from, header_row = header.names, header.data_from, header.row
        notes += header.warnings
    width = len(names)
    data = [tuple((row + [""] * width)[:width]) for row in rows[data_from:]]
    if not data:
        raise InputError(
            "This file has a header but no rows under it.",
            "Choose a file with one document a row under the header.",
        )
    notes += _notes(tally, found)
    return Table(
        found.format, text.encoding, None, None, header_row, names, data, tuple(notes), tally.unreadable
    )
