"""CSV and its relatives: finds the delimiter, reads quoted line ends, keeps ragged rows.

A large file is read anew for every pass over its rows and never held; a small one is a list.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from engine.corpus.decoding import Text
from engine.corpus.headers import distinct_names, find_header
from engine.corpus.table import ReadOptions, Row, Rows, Table, n_of
from engine.errors import InputError

DELIMITERS = ",;\t|"
SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE = 200_000  # characters looked at to find the delimiter
RUNAWAY = 100  # line ends inside one quoted field that mean: a quote was never closed
SWALLOWED = 2  # lines inside one quoted field with all the cells of a row that make one ask the same
HELD = 16_000_000  # bytes of a file whose rows are held in memory
FIRST = 500  # rows in which a header and the usual number of cells are looked for
UNCLOSED = (
    "A quotation mark was opened and never closed; quotation marks were read as ordinary characters."
)
MAYBE_UNCLOSED = (
    "A quotation mark in row {row} is closed only {lines} lines further on, and those lines look like rows "
    "of their own: they are now part of one document. Look at that row, and take its quotation mark out if "
    "they are."
)
UNQUOTED = "Quotation marks do not enclose cells in this file; they were read as ordinary characters."
Cells = list[str]


def sniff_delimiter(text: str) -> tuple[str | None, float]:
    """The delimiter and how consistent it is, 0..1; (None, 0) where no candidate parts the rows."""
    sample = _sample(text)
    best: tuple[float, str | None] = (0.0, None)
    for delimiter in DELIMITERS:
        if delimiter in sample:
            score = _consistency(sample, delimiter)
            if score > best[0]:
                best = (score, delimiter)
    return best[1], min(1.0, best[0])


def _sample(text: str) -> str:
    text = _line_ends(text)
    if len(text) <= SAMPLE:
        return text
    return text[: text.rfind("\n", 0, SAMPLE) + 1 or SAMPLE]


def _consistency(sample: str, delimiter: str) -> float:
    """Share of rows with the usual number of cells; a bonus for many cells and for `","` seams."""
    counts = [len(row) for row in _parse(sample, delimiter)[:500] if row]
    if not counts:
        return 0.0
    usual, agreeing = Counter(counts).most_common(1)[0]
    if usual < 2:
        # A minority of rows with the delimiter: only words tell, so a faint score.
        split = sum(count > 1 for count in counts) / len(counts)
        return 0.1 * split if counts[0] > 1 else 0.0
    quoted_seams = len(re.findall(rf'"{re.escape(delimiter)}|{re.escape(delimiter)}"', sample))
    return agreeing / len(counts) * (0.85 + 0.01 * min(usual, 10)) + min(
        0.1, quoted_seams / len(counts)
    )


def _line_ends(text: str) -> str:
    r"""A lone \r ends rows in old Mac files; where rows end with \n it is a stray inside a cell."""
    lone = len(re.findall(r"\r(?!\n)", text))
    if lone and text.count("\n") >= lone:
        return re.sub(r"\r(?!\n)", " ", text)
    return text


def _parse(text: str, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> list[Cells]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the rows of one file are read; `rows()` starts from the top each time."""

    text: Text
    delimiter: str  # "\x1f" for a file of one column: a sign that no text holds
    hinted: bool  # the first line is Excel's `sep=`
    stray: bool  # a lone \r is no end of a row
    quoting: int = csv.QUOTE_MINIMAL

    def rows(self) -> Iterator[Cells]:
        """Rows that hold anything at all."""
        csv.field_size_limit(max(csv.field_size_limit(), 1 << 40))
        lines = self._lines()
        if self.hinted:
            next(lines, None)
        return (row for row in csv.reader(lines, delimiter=self.delimiter, quoting=self.quoting)
                if row and row != [""])

    def ends_every_quote(self) -> bool:
        """Whether each quoted cell ends where its row goes on, and the last one before the file ends."""
        try:
            for _ in csv.reader(self._lines(), delimiter=self.delimiter, strict=True):
                pass
        except csv.Error:
            return False
        return True

    def _lines(self) -> Iterator[str]:
        if not self.stray:
            yield from self.text.lines()
        else:
            for line in self.text.lines("\n"):
                yield line.replace("\r\n", "\n").replace("\r", " ") if "\r" in line else line


@dataclass(frozen=True, slots=True)
class _Squared:
    """The rows under the header, each with one cell for each column."""

    reader: _Reader
    data_from: int
    width: int
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Row]:
        width = self.width
        for row in islice(self.reader.rows(), self.data_from, None):
            n = len(row)
            if n == width:
                yield tuple(row)
            else:
                yield (*row, *[""] * (width - n)) if n < width else tuple(row[:width])


@dataclass(slots=True)
class _Seen:
    """What one pass over a file tells of it."""

    first: list[Cells]
    lengths: Counter[int]
    runaway: bool  # a quotation mark was opened and never closed
    swallows: tuple[int, int]  # a row (from 1) that may have swallowed others, and how many lines; or zeros
    broken: bool  # a cell holds a line end


def _look_through(reader: _Reader) -> _Seen:
    rows = reader.rows()
    first = list(islice(rows, FIRST))
    lengths: Counter[int] = Counter()
    runaway, broken, delimiter = False, False, reader.delimiter
    swallows, between = (0, 0), len(first[0]) - 1 if first else 0
    for number, row in enumerate(chain(first, rows), start=1):
        lengths[len(row)] += 1
        tall = [cell for cell in row if "\n" in cell]
        broken = broken or bool(tall)
        for cell in tall if between and not swallows[0] else ():
            inside = cell.split("\n")[1:-1]
            if sum(line.count(delimiter) == between for line in inside) >= max(SWALLOWED, len(inside) / 2):
                swallows = number, len(inside) + 1
        if not runaway:
            runaway = any(
                cell.count("\n") > RUNAWAY and cell.count(delimiter) > RUNAWAY
                for cell in row if len(cell) > RUNAWAY
            )
    return _Seen(first, lengths, runaway, swallows, broken)


def _agreeing(seen: _Seen) -> float:
    """The share of rows with as many cells as most."""
    return seen.lengths.most_common(1)[0][1] / seen.lengths.total() if seen.lengths else 0.0


def table_from_delimited(text: Text, options: ReadOptions) -> Table:
    """Parse the text of a delimited file.

    Raises `InputError` if there is a header but nothing under it, or if an override cannot work.
    """
    start = text.start()
    bare, hint = _sep_hint(start)
    warnings = list(text.warnings)
    delimiter = _chosen(options.delimiter) or hint or sniff_delimiter(bare)[0]
    reader = _Reader(text, delimiter or "\x1f", hint is not None, _stray_returns(text))
    seen = _look_through(reader)
    if delimiter and (seen.runaway or seen.swallows[0] or seen.broken and delimiter == "\t"):
        unquoted = replace(reader, quoting=csv.QUOTE_NONE)
        as_is = _look_through(unquoted)
        # Nothing else was quoted in this file, if every line by itself has the cells it should have.
        unclosed = seen.runaway or (seen.swallows[0] > 0 and _agreeing(as_is) >= _agreeing(seen)
                                    and not reader.ends_every_quote())
        # Programs that write tabs often do not quote: then every line by itself has all its cells.
        if unclosed or delimiter == "\t" and len(as_is.lengths) == 1:
            warnings.append(UNCLOSED if unclosed else UNQUOTED)
            reader, seen = unquoted, as_is
        elif seen.swallows[0]:
            row, lines = seen.swallows
            warnings.append(MAYBE_UNCLOSED.format(row=row, lines=lines))
    if not seen.first:
        raise InputError(
            "There are no rows in this file.", "Choose a file with one document a row."
        )
    header = find_header(seen.first, options.header_row)
    length = seen.lengths.total() - header.data_from
    if not length:
        raise InputError(
            "This file has a header but no rows under it.",
            "Choose a file with one document a row under the header.",
        )
    warnings += header.warnings
    below = seen.lengths - Counter(map(len, seen.first[: header.data_from]))
    named = len(seen.first[header.row]) if header.row is not None else None
    warnings += _ragged(below, named)
    width = max(len(header.names), *below)
    rows: Rows = _Squared(reader, header.data_from, width, length)
    return Table(
        "tsv" if delimiter == "\t" else "csv",
        text.encoding,
        delimiter,
        None,
        header.row,
        distinct_names(header.names, width),
        list(rows) if text.size <= HELD else rows,
        tuple(warnings),
    )


def _stray_returns(text: Text) -> bool:
    r"""Whether a lone \r is a stray inside a cell (rows end with \n), not the end of a row."""
    lone = ends = 0
    for block in text.blocks():
        pairs = block.count("\r\n")
        lone, ends = lone + block.count("\r") - pairs, ends + block.count("\n")
    return lone > 0 and ends >= lone


def _chosen(delimiter: str | None) -> str | None:
    if not delimiter:
        return None
    spoken = {name: sign for sign, name in SPOKEN.items()} | {"\\t": "\t", "pipe": "|"}
    sign = spoken.get(delimiter.strip().lower() or delimiter, delimiter)
    if len(sign) != 1 or sign in '\r\n"\0\ufeff':
        raise InputError(
            f"“{delimiter}” cannot part the columns of a file.",
            "Choose comma, semicolon, tab or |.",
        )
    return sign


def _sep_hint(text: str) -> tuple[str, str | None]:
    """Excel's first line `sep=;`."""
    match = re.match(r"\ufeff?\"?sep=(.)\"?[ \t]*(\r\n|\r|\n)", text, re.IGNORECASE)
    if match and match[1] not in '"\0':
        return text[match.end() :], match[1]
    return text, None


def _ragged(lengths: Counter[int], named: int | None) -> list[str]:
    usual = named or lengths.most_common(1)[0][0]
    longer = sum(n for length, n in lengths.items() if length > usual)
    shorter = sum(n for length, n in lengths.items() if length < usual)
    than = "header" if named else "others"
    notes = []
    if longer:
        notes.append(
            f"{n_of(longer, 'row')} with more cells than the {than} ({usual}): the extra cells are "
            "kept in columns of their own."
        )
    if shorter:
        notes.append(
            f"{n_of(shorter, 'row')} with fewer cells than the {than} ({usual}): the missing ones "
            "are empty."
        )
    return notes
