"""Excel and OpenDocument workbooks as a table: the sheet with the data, its header, its cells as text.

Formulas give the values that were stored with them. What the program that wrote a workbook has changed
or lost (dates kept as numbers, rounded identifiers) is mended where it can be, and always told.
"""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from statistics import median

from engine.corpus.formats.workbooks import Cell, Merged, Sheet, Workbook, kind_of, open_workbook
from engine.corpus.headers import Header, distinct_names, find_header
from engine.corpus.naming import DATE, is_tag, plain_name, rank
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Row, Rows, Table, n_of
from engine.errors import InputError

HELD = 16_000_000  # bytes of cells held in memory; more are read anew for every pass
FIRST = 500  # rows in which a header is looked for
DEEPEST = 5  # rows that a header may take
HIGHEST = 25  # rows that may stand above it
LAST = 10  # rows in which the word alone makes a row of totals
ROUNDED = 1e15  # a number has 15 digits in a workbook; further ones are lost
SERIALS = (20_000, 80_000)  # days since 1900, from 1954 to 2119
TOTALS = re.compile(
    r"(?:grand |sub[ -]?|overall )?totals?|(?:grand |gran |sous-)?total(?: g[eé]n[eé]ral| geral)?|sum|summe|"
    r"gesamt(?:summe)?|insgesamt|somme|suma|soma|toplam|итого|всего|ال?مجموع(?: الكلي)?|ال[إا]جمالي",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[-+]?[\d.,\s%]+")
SAYS_DATE = frozenset(("date", "datetime", "fecha", "datum", "تاريخ", "التاريخ"))
BESIDE = re.compile(
    r"read ?me|about|notes?|info(?:rmation)?|meta ?data|lists?|look ?ups?|codes?|code ?book|dictionary|"
    r"instructions?|legend|cover|l[eé]eme|notas|instrucciones|leyenda|listas|lisez[- ]moi|l[eé]gende|listes",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the first rows of a sheet tell: how much is in it, and how likely it is the one to read."""

    sheet: Sheet
    filled: float
    score: float

    @property
    def holds_data(self) -> bool:
        return self.sheet.rows > 1 and self.filled >= 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the rows of a sheet are read; columns are numbered as in the sheet."""

    data_from: int
    kept: tuple[int, ...]
    serial: frozenset[int]


class _CellRows:
    """The rows under the header as text, one cell for each column, read anew each time."""

    def __init__(self, book: Workbook, sheet: Sheet, layout: _Layout, length: int) -> None:
        self._book, self._sheet, self._layout, self._length = book, sheet, layout, length
        weakref.finalize(self, book.close)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        kept, serial = self._layout.kept, self._layout.serial
        for row in _data(self._book, self._sheet, self._layout.data_from):
            n = len(row)
            yield tuple(
                "" if i >= n else _moment(row[i]) if i in serial else text_of_cell(row[i]) for i in kept
            )


def is_spreadsheet(head: bytes, source: Source) -> bool:
    """Whether a file is a workbook of Excel (XLSX, XLSB, XLS) or OpenDocument (ODS), by its content."""
    return kind_of(head, source) is not None


def table_from_spreadsheet(source: Source, options: ReadOptions) -> Table:
    """The sheet with the data, or the one that was asked for.

    Raises `InputError` if the workbook is damaged, locked, empty or too large, or has no such sheet;
    `SpaceError` if there is no room to unpack it; and `OSError`.
    """
    book = open_workbook(source, options)
    try:
        table = _table(book, source, options)
    except BaseException:
        book.close()
        raise
    if isinstance(table.rows, list):
        book.close()
    return table


def _table(book: Workbook, source: Source, options: ReadOptions) -> Table:
    surveys = [_survey(book, sheet) for sheet in book.sheets]
    sheet, notes = _chosen(surveys, source, options)
    first = [list(map(text_of_cell, row)) for row in islice(book.rows(sheet), FIRST)]
    header = header_over_merged(first, sheet.merged, options.header_row)
    count = sheet.rows - header.data_from
    if count > options.max_rows:
        raise InputError(
            f"Sheet “{sheet.name}” has {n_of(count, 'row')}; up to {options.max_rows:,} can be read at once "
            "(setting `max_rows`).",
            "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
        )
    totals = count
    layout, names, count, found = _look_through(book, sheet, header)
    totals -= count
    rows: Rows = _CellRows(book, sheet, layout, count)
    if not count:
        raise InputError(
            f"Sheet “{sheet.name}” has a header but no rows under it.",
            "Choose a sheet with one document a row under the header.",
        )
    if book.uncalculated:
        notes.append(
            f"Formulas without a stored value read as empty ({book.uncalculated:,} in this workbook): open "
            "it in a spreadsheet program and save it to get the values."
        )
    shown = sorted(book.sheets, key=lambda one: not one.visible)
    return Table(
        kind_of(source.head(), source) or "xlsx",
        "",
        None,
        sheet.name,
        header.row,
        names,
        list(rows) if sheet.end - sheet.start <= HELD else rows,
        (*notes, *header.warnings, *found),
        sheets=tuple(one.name for one in shown),
        set_aside={"totals row": totals} if totals else {},
    )


def _survey(book: Workbook, sheet: Sheet) -> _Survey:
    tags = 0
    columns: dict[int, list[int]] = {}
    rows = list(islice(book.rows(sheet), FIRST))
    for row in rows:
        for i, cell in enumerate(row):
            if cell != "":
                seen = columns.setdefault(i, [0, 0])
                seen[0] += 1
                if isinstance(cell, str):
                    tags += is_tag(cell)
                    seen[1] += len(cell) >= 12 and 2 * sum(map(str.isalpha, cell)) >= len(cell)
    filled = sum(count for count, _ in columns.values())
    texts = sum(long >= 0.3 * len(rows) for _, long in columns.values())
    wide = sum(count >= 0.3 * len(rows) for count, _ in columns.values()) > 1
    total = filled * sheet.rows / max(1, len(rows))
    score = sheet.rows * total * (10 if texts else 1) * (10 if wide else 1) * (10 if tags > 1 else 1)
    return _Survey(sheet, total, score / (100 if BESIDE.fullmatch(sheet.name.strip()) else 1))


def _chosen(surveys: list[_Survey], source: Source, options: ReadOptions) -> tuple[Sheet, list[str]]:
    """The sheet to read, and what should be known about the others."""
    names = ", ".join(f"“{one.sheet.name}”" for one in surveys[:30])
    notes = [f"Sheet “{one.sheet.name}” is damaged and was not read." for one in surveys if one.sheet.damaged]
    if options.sheet is not None:
        asked = options.sheet.strip().casefold()
        same = [one for one in surveys if one.sheet.name == options.sheet] or [
            one for one in surveys if one.sheet.name.strip().casefold() == asked
        ]
        if not same:
            raise InputError(f"There is no sheet “{options.sheet}” in “{source.name}”.",
                             f"Its sheets are {names}.")  # fmt: skip
        best = same[0]
    else:
        filled = [one for one in surveys if one.filled]
        if not filled:
            what = "damaged: no sheet can be read" if notes else "an empty workbook: no cell is filled"
            raise InputError(f"“{source.name}” is {what}.", "Choose a file with one document a row.")
        best = max(filled, key=lambda one: (one.holds_data, one.sheet.visible, one.score))
    if not best.sheet.rows:
        what = "is damaged" if best.sheet.damaged else "is empty"
        raise InputError(f"Sheet “{best.sheet.name}” {what}.", f"The sheets of this file are {names}.")
    others = [one for one in surveys if one.holds_data and one is not best]
    if not best.sheet.visible and options.sheet is None:
        notes.append(f"The sheet that was read, “{best.sheet.name}”, is hidden: no visible sheet holds data.")
    if others:
        listed = ", ".join(
            f"“{one.sheet.name}” ({n_of(one.sheet.rows, 'row')}{'' if one.sheet.visible else ', hidden'})"
            for one in others[:10]
        )
        more = f" and {len(others) - 10:,} more" if len(others) > 10 else ""
        notes.append(f"Sheet “{best.sheet.name}” was read; there is also data in {listed}{more}.")
    return best.sheet, notes


def header_over_merged(rows: Sequence[Sequence[str]], merged: Sequence[Merged], forced: int | None) -> Header:
    """The header of rows with merged cells: it ends where they end; a name holds for all its columns.

    Raises `InputError` as `find_header` does.
    """
    deep = _deep_header(rows, merged) if forced is None else None
    header = deep or (_below_banner(rows, merged) if forced is None else find_header(rows, forced))
    if header.row is None or any(map(is_tag, rows[header.row])):
        return header
    cells = list(rows[header.row or 0])
    for row, left, right, _ in merged:
        if row == header.row and left < len(cells):
            right = min(right, len(header.names) - 1)
            cells += [""] * (right + 1 - len(cells))
            cells[left : right + 1] = [cell or cells[left] for cell in cells[left : right + 1]]
    return replace(header, names=distinct_names(cells, len(header.names)))


def _deep_header(rows: Sequence[Sequence[str]], merged: Sequence[Merged]) -> Header | None:
    """A header of several rows: some of its cells are merged downwards, others across."""
    across = {row for row, left, right, _ in merged if right > left}
    for row, _, _, bottom in sorted(merged):
        if row in across and row < bottom < min(row + DEEPEST, len(rows)):
            below = find_header(rows[bottom:])
            if below.row == 0:
                note = f"The header takes {bottom - row + 1} rows; the last of them names the columns."
                above = (f"{n_of(row, 'row')} above the header left out.",) if row else ()
                return replace(find_header(rows, bottom), warnings=(*above, note))
    return None


def _below_banner(rows: Sequence[Sequence[str]], merged: Sequence[Merged]) -> Header:
    """The header, looked for below rows at the top that fill far fewer cells than the others do."""
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = median(counts)
    across = {row for row, left, right, _ in merged if right > left and counts[row : row + 1] == [1]}
    banner = {i for i, count in enumerate(counts) if usual >= 3 and count < 0.6 * usual} | across
    start = next((i for i in range(len(rows)) if i not in banner), 0)
    tagged = any(is_tag(cell) for row in rows[: HIGHEST + 1] for cell in row)
    if tagged or not 0 < start <= HIGHEST:
        return find_header(rows)
    header = find_header(rows[start:])
    row = header.row if header.row is None else header.row + start
    note = f"{n_of(start + (header.row or 0), 'row')} above the header left out."
    kept = header.warnings if row is None else ()
    return Header(row, header.names, header.data_from + start, (note, *kept))


def _look_through(
    book: Workbook, sheet: Sheet, header: Header
) -> tuple[_Layout, tuple[str, ...], int, tuple[str, ...]]:
    """The columns that hold anything, their names, how many rows there are, and warnings."""
    numbers: dict[int, list[float]] = {}  # by column: how many, least, greatest, how many rounded
    width, length = len(header.names), 0
    filled = {i for i, name in enumerate(header.names) if name != f"column {i + 1}"}
    for row in _data(book, sheet, header.data_from):
        width, length = max(width, len(row)), length + 1
        for i, cell in enumerate(row):
            if cell == "":
                continue
            filled.add(i)
            if isinstance(cell, (int, float)) and not isinstance(cell, bool):
                seen = numbers.setdefault(i, [0, cell, cell, 0])
                seen[0] += 1
                seen[1], seen[2] = min(seen[1], cell), max(seen[2], cell)
                seen[3] += abs(cell) >= ROUNDED and cell == cell // 1
    names = distinct_names(header.names, width)
    notes, serial = [], set()
    for i, (count, least, greatest, rounded) in sorted(numbers.items()):
        if rounded:
            notes.append(
                f"Column “{names[i]}” holds numbers of 16 and more digits ({n_of(int(rounded), 'cell')}). A "
                "workbook keeps 15: the last ones are lost, and different documents may have the same number."
            )
        if _says_date(names[i]) and SERIALS[0] <= least and greatest < SERIALS[1]:
            serial.add(i)
            notes.append(
                f"Column “{names[i]}” is named as a date: {n_of(int(count), 'number')} in it "
                f"{'was' if count == 1 else 'were'} read as a date, such as {least:.15g} as {_moment(least)}."
            )
    kept = tuple(sorted(filled))
    layout = _Layout(header.data_from, kept, frozenset(serial))
    return layout, tuple(names[i] for i in kept), length, tuple(notes)


def _data(book: Workbook, sheet: Sheet, data_from: int) -> Iterator[list[Cell]]:
    """The rows under the header that are not totals."""
    for i, row in enumerate(book.rows(sheet)):
        if i >= data_from and not _is_total(row, i >= sheet.rows - LAST):
            yield row


def _is_total(row: list[Cell], at_the_end: bool) -> bool:
    at = next(i for i, cell in enumerate(row) if cell != "")
    first = row[at]
    if not isinstance(first, str) or len(first) > 40 or not TOTALS.fullmatch(first.strip(" :*：\u00a0\n")):
        return False
    rest = [cell for cell in row[at + 1 :] if cell != ""]
    if any(isinstance(cell, tuple) or isinstance(cell, str) and not NUMBER.fullmatch(cell) for cell in rest):
        return False
    return bool(rest) or at_the_end


def _says_date(name: str) -> bool:
    return rank(name, DATE) is not None or not SAYS_DATE.isdisjoint(plain_name(name).split())


def _moment(cell: Cell) -> str:
    """A number of days since 1900 as a date, with its time if it has one; other cells as they are."""
    if isinstance(cell, (bool, str, tuple)):
        return text_of_cell(cell)
    at = datetime(1899, 12, 30) + timedelta(seconds=round(cell * 86_400))
    return at.isoformat().removesuffix("T00:00:00")


def text_of_cell(cell: Cell) -> str:
    """A cell as text: whole numbers without a fraction, others to the 15 digits that a workbook keeps."""
    if isinstance(cell, str):
        return cell.replace("\0", "") if "\0" in cell else cell
    if isinstance(cell, tuple):
        return cell[0]
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    if not math.isfinite(cell):
        return ""
    if abs(cell) < ROUNDED:
        return str(int(cell)) if cell.is_integer() else f"{cell:.15g}"
    return format(Decimal(repr(cell)), "f") if abs(cell) < 1e25 else repr(cell)
