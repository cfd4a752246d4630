"""CSV and its relatives: finds the delimiter, reads quoted line ends, keeps ragged rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable

from engine.corpus.decoding import Decoded
from engine.corpus.headers import find_header
from engine.corpus.table import ReadOptions, Table, n_of
from engine.errors import InputError

DELIMITERS = ",;\t|"
SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE = 200_000  # characters looked at to find the delimiter
RUNAWAY = 100  # line ends inside one quoted field that mean: a quote was never closed
Rows = list[list[str]]


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


def _parse(text: str, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> Rows:
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))


def table_from_delimited(decoded: Decoded, options: ReadOptions) -> Table:
    """Parse the text of a delimited file.

    Raises `InputError` if there is a header but nothing under it, or if an override cannot work.
    """
    text, hint = _sep_hint(decoded.text)
    warnings = list(decoded.warnings)
    delimiter = _chosen(options.delimiter) or hint or sniff_delimiter(text)[0]
    text = _line_ends(text)
    rows = _parse(text, delimiter or ",") if delimiter else [[line] for line in _one_column(text)]
    if delimiter and any(
        cell.count("\n") > RUNAWAY and cell.count(delimiter) > RUNAWAY
        for row in rows
        for cell in row
    ):
        rows = _parse(text, delimiter, csv.QUOTE_NONE)
        warnings.append(
            "A quotation mark was opened and never closed; quotation marks were read as "
            "ordinary characters."
        )
    rows = [row for row in rows if row and row != [""]]
    if not rows:
        raise InputError(
            "There are no rows in this file.", "Choose a file with one document a row."
        )
    header = find_header(rows, options.header_row)
    data = rows[header.data_from :]
    if not data:
        raise InputError(
            "This file has a header but no rows under it.",
            "Choose a file with one document a row under the header.",
        )
    warnings += header.warnings
    named = len(rows[header.row]) if header.row is not None else None
    warnings += _ragged(data, named)
    return Table(
        "tsv" if delimiter == "\t" else "csv",
        decoded.encoding,
        delimiter,
        None,
        header.row,
        header.names,
        _squared(data, len(header.names)),
        tuple(warnings),
    )


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


def _one_column(text: str) -> Iterable[str]:
    """Cells of a file with a single column: quoted cells may still hold line ends."""
    for row in _parse(text, "\x1f"):
        yield "\x1f".join(row)


def _ragged(rows: Rows, named: int | None) -> list[str]:
    usual = named or Counter(map(len, rows)).most_common(1)[0][0]
    longer = sum(len(row) > usual for row in rows)
    shorter = sum(len(row) < usual for row in rows)
    notes = []
    if longer:
        notes.append(
            f"{n_of(longer, 'row')} with more cells than the "
            f"{'header' if named else 'others'} ({usual}): the extra cells are kept in columns "
            "of their own."
        )
    if shorter:
        notes.append(
            f"{n_of(shorter, 'row')} with fewer cells than the "
            f"{'header' if named else 'others'} ({usual}): the missing ones are empty."
        )
    return notes


def _squared(rows: Rows, width: int) -> list[tuple[str, ...]]:
    return [
        tuple(row)
        if len(row) == width
        else (*row, *[""] * (width - len(row)))
        if len(row) < width
        else tuple(row[:width])
        for row in rows
    ]
