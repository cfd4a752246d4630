"""The door: opens a file, decides by its content what it is, and hands out a table.

Does not: trust the file's name. A format joins by one entry in `BINARY` or `TEXTUAL`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.corpus.decoding import START, Text, open_text
from engine.corpus.formats.alerts import is_alert, table_from_alert
from engine.corpus.formats.delimited import sniff_delimiter, table_from_delimited
from engine.corpus.formats.feeds import is_feed, table_from_feed
from engine.corpus.formats.foreign import refuse_foreign, refuse_foreign_markup
from engine.corpus.formats.jsonlines import looks_like_json, table_from_json
from engine.corpus.formats.parquet import is_parquet, table_from_parquet
from engine.corpus.formats.pdf import is_pdf, table_from_pdf
from engine.corpus.formats.plain import table_from_plain
from engine.corpus.formats.spreadsheets import is_spreadsheet, table_from_spreadsheet
from engine.corpus.formats.webtables import is_web_page, table_from_web_page
from engine.corpus.formats.word import is_word, table_from_word
from engine.corpus.sources import Source
from engine.corpus.table import NO_HEADER, ReadOptions, Table, n_of
from engine.errors import InputError

__all__ = [
    "BINARY",
    "NO_HEADER",
    "TEXTUAL",
    "ReadOptions",
    "Source",
    "Table",
    "read_source",
    "read_table",
    "table_from_bytes",
]

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".ssv", ".hxl")


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """A kind of file told by its bytes."""

    name: str
    fits: Callable[[bytes, Source], bool]
    read: Callable[[Source, ReadOptions], Table]


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A kind of file told by how its text starts (the name is a hint only)."""

    name: str
    fits: Callable[[str, Source, ReadOptions], bool]
    read: Callable[[Text, Source, ReadOptions], Table]


def _is_delimited(start: str, source: Source, options: ReadOptions) -> bool:
    if options.each_line is not None:
        return False
    if options.delimiter or source.suffix in TABLE_SUFFIXES:
        return True
    if re.match(r"\"?sep=.\"?[ \t]*[\r\n]", start, re.IGNORECASE):
        return True
    delimiter, consistency = sniff_delimiter(start)
    # Running text has commas too: outside a .csv a comma must part every row alike.
    needed = 0.86 if delimiter == "," else 0.8
    return consistency >= needed and len(start.strip().splitlines()) > 1


BINARY: tuple[BinaryFormat, ...] = (
    BinaryFormat("PDF", is_pdf, table_from_pdf),
    BinaryFormat("Parquet", is_parquet, table_from_parquet),
    BinaryFormat("Excel and OpenDocument sheets", is_spreadsheet, table_from_spreadsheet),
    BinaryFormat("Word", is_word, table_from_word),
)

TEXTUAL: tuple[TextFormat, ...] = (
    TextFormat(
        "JSON and JSON lines",
        lambda start, _source, _options: looks_like_json(start),
        lambda text, _source, options: table_from_json(text, options),
    ),
    TextFormat(
        "CAP alerts",
        lambda start, source, _options: is_alert(start, source),
        lambda text, source, options: table_from_alert(text.text, text.encoding, source, options),
    ),
    TextFormat(
        "RSS and Atom feeds",
        lambda start, source, _options: is_feed(start, source),
        lambda text, source, options: table_from_feed(text.text, text.encoding, source, options),
    ),
    TextFormat(
        "web pages",
        lambda start, source, _options: is_web_page(start[:65_536].encode(), source),
        lambda text, source, options: table_from_web_page(text.text, text.encoding, source, options),
    ),
    TextFormat("CSV, TSV and relatives", _is_delimited,
               lambda text, _source, options: table_from_delimited(text, options)),
    TextFormat(
        "plain text and Markdown",
        lambda _start, _source, _options: True,
        lambda text, source, options: table_from_plain(text, source, options),
    ),
)


def read_table(path: Path, options: ReadOptions | None = None) -> Table:
    """Read one file on disk.

    Raises `InputError` if it is missing, too large, empty, of a format not read here, or not text.
    """
    options = options or ReadOptions()
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise IsADirectoryError
        if size > options.max_upload_mb * 1_000_000:
            raise InputError(
                f"“{path.name}” is {size / 1e6:,.0f} MB; files up to {options.max_upload_mb:,} MB can "
                "be read (setting `max_upload_mb`).",
                "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
            )
        return read_source(Source(path.name, path), options)
    except FileNotFoundError as error:
        raise InputError(f"There is no file “{path}”.", "Check its name and folder.") from error
    except IsADirectoryError as error:
        raise InputError(f"“{path.name}” is a folder.", "Choose the files inside it.") from error
    except OSError as error:
        raise InputError(
            f"“{path.name}” cannot be opened ({error.strerror or error}).",
            "Check that the file is not locked and that you may read it.",
        ) from error


def table_from_bytes(data: bytes, name: str, options: ReadOptions | None = None) -> Table:
    """The table in `data`; `name` is used in messages and, as a weak hint, for its ending.

    Raises `InputError` as `read_table` does.
    """
    return read_source(Source(name, data=data), options or ReadOptions())


def read_source(source: Source, options: ReadOptions) -> Table:
    """The table in a file. Raises `InputError` as `read_table` does, and `OSError`."""
    head = source.head()
    if not head.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise _empty(source)
    for binary in BINARY:
        if binary.fits(head, source):
            return _within(binary.read(source, options), source, options)
    refuse_foreign(head, source.name)
    text = open_text(source, options.encoding)
    start = text.start(START)
    if not start.strip():
        raise _empty(source)
    chosen = next(format for format in TEXTUAL if format.fits(start, source, options))
    if chosen in TEXTUAL[-2:]:
        refuse_foreign_markup(start, source.name)
    table = chosen.read(text, source, options)
    untold = tuple(note for note in text.warnings if note not in table.warnings)
    return _within(replace(table, warnings=(*untold, *table.warnings)), source, options)


def _empty(source: Source) -> InputError:
    return InputError(f"“{source.name}” is empty.", "Choose a file with one document a row.")


def _within(table: Table, source: Source, options: ReadOptions) -> Table:
    if len(table.rows) > options.max_rows:
        raise InputError(
            f"“{source.name}” has {n_of(len(table.rows), 'row')}; up to {options.max_rows:,} can be read "
            "at once (setting `max_rows`).",
            "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
        )
    return table
