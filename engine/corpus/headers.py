"""Finds the header row: below banners, hashtags (HXL), or none; names every column once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from engine.corpus.naming import KNOWN, is_tag, plain_name
from engine.corpus.table import NO_HEADER, n_of
from engine.errors import InputError

Row = Sequence[str]
LOOKED_AT = 25  # rows in which a header or a hashtag row may stand
VALUE = re.compile(
    r"""\s*(?:[-+]?\d[\d.,:/\s%-]*          # numbers, dates, times
                       |\d{4}-\d\d-\d\d[T ].*              # time stamps
                       |https?://\S+|@\w+)\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header row is (None: there is none), the column names, where the data starts."""

    row: int | None
    names: tuple[str, ...]
    data_from: int
    warnings: tuple[str, ...] = ()


def find_header(rows: Sequence[Row], forced: int | None = None) -> Header:
    """The header of `rows` (at least one row). `forced`: the row to take, or `NO_HEADER`.

    Raises `InputError` if the forced row is not there.
    """
    width = max(map(len, rows))
    if forced is not None:
        return _forced(rows, width, forced)
    tags = _tag_row(rows)
    if tags is not None:
        above = rows[tags - 1] if tags else ()
        names = [
            cell.strip() or (above[i].strip() if i < len(above) else "")
            for i, cell in enumerate(rows[tags])
        ]
        note = f"Row {tags + 1} holds HXL hashtags: they name the columns" + (
            f", and the {n_of(tags, 'row')} above {'is' if tags == 1 else 'are'} not data."
            if tags
            else "."
        )
        return Header(tags, distinct_names(names, width), tags + 1, (note,))
    start = _after_banner(rows)
    if not _is_header(rows[start], rows[start + 1 : start + 201]):
        note = "The file has no header row; its columns are numbered."
        return Header(None, distinct_names((), width), 0, (note,) if width > 1 else ())
    notes = (f"{n_of(start, 'row')} above the header left out.",) if start else ()
    return Header(start, distinct_names(rows[start], width), start + 1, notes)


def _forced(rows: Sequence[Row], width: int, forced: int) -> Header:
    if forced == NO_HEADER:
        return Header(None, distinct_names((), width), 0)
    if not 0 <= forced < len(rows):
        raise InputError(
            f"Row {forced + 1} was named as the header, but the file has only "
            f"{n_of(len(rows), 'row')}.",
            "Choose a row that is there.",
        )
    return Header(forced, distinct_names(rows[forced], width), forced + 1)


def distinct_names(cells: Row, width: int) -> tuple[str, ...]:
    """One name a column: stripped, never empty, never twice."""
    names: list[str] = []
    taken: set[str] = set()
    for i in range(width):
        stem = " ".join(cells[i].replace("\ufeff", "").split()) if i < len(cells) else ""
        stem = stem or f"column {i + 1}"
        name, n = stem, 1
        while name in taken:
            n += 1
            name = f"{stem} ({n})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _tag_row(rows: Sequence[Row]) -> int | None:
    for i, row in enumerate(rows[:LOOKED_AT]):
        filled = [cell for cell in row if cell.strip()]
        tags = sum(map(is_tag, filled))
        if tags and tags >= 0.5 * len(filled) and (len(row) > 1 or i <= 1):
            return i
    return None


def _after_banner(rows: Sequence[Row]) -> int:
    """Index of the first row about as full as the rest: titles above a header fill few cells."""
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows[:200]]
    usual = median(counts[1:] or counts)
    if counts[0] > 0.6 * usual or usual < 3:
        return 0
    for i, row in enumerate(rows[:LOOKED_AT]):
        if counts[i] >= 0.8 * usual and all(len(cell) <= 80 for cell in row):
            return i
    return 0


def _is_header(row: Row, below: Sequence[Row]) -> bool:
    filled = [cell.strip() for cell in row if cell.strip()]
    if not filled:
        return False
    known = sum(plain_name(cell) in KNOWN for cell in filled)
    values = sum(bool(VALUE.fullmatch(cell[:100])) for cell in filled)
    again = sum(
        any(i < len(r) and r[i].strip() == cell.strip() for r in below)
        for i, cell in enumerate(row)
        if cell.strip()
    )
    if known > 2 * max(values, again) and known >= 0.25 * len(filled):
        return all(len(cell) <= 60 for cell in filled)
    if any(VALUE.fullmatch(cell[:100]) or len(cell) > 80 or "\n" in cell for cell in filled):
        return False
    if not below:
        return len(filled) > 1
    clues = 0
    for i, cell in enumerate(row):
        column = [r[i].strip() for r in below if i < len(r) and r[i].strip()]
        if not cell.strip() or not column:
            continue
        if sum(bool(VALUE.fullmatch(value[:100])) for value in column) > 0.6 * len(column):
            clues += 2  # a word above numbers, dates or addresses
        elif column.count(cell.strip()) > 0:
            clues -= 2  # the same word again further down: a value
        elif median(map(len, column)) > max(25, 2 * len(cell)):
            clues += 2  # a short word above long texts
        elif len(cell) > 30:
            clues -= 1
    return clues > 0 or (
        clues == 0
        and len(filled) > 1
        and len(set(filled)) == len(filled)
        and all(len(cell.split()) <= 4 for cell in filled)
    )
