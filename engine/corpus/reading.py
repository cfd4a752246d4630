"""The door: opens a file, decides by its content what it is, and hands out a table.

Does not: trust the file's name. A format joins by one entry in `FORMATS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.corpus.decoding import Decoded, decode
from engine.corpus.formats.delimited import sniff_delimiter, table_from_delimited
from engine.corpus.formats.foreign import refuse_foreign
from engine.corpus.formats.jsonlines import looks_like_json, table_from_json
from engine.corpus.formats.plain import table_from_plain
from engine.corpus.table import NO_HEADER, ReadOptions, Table, n_of
from engine.errors import InputError

__all__ = [
    "FORMATS",
    "NO_HEADER",
    "Format",
    "ReadOptions",
    "Table",
    "read_table",
    "table_from_bytes",
]

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".ssv", ".hxl")


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: how to tell it (by text, the name only as a hint) and how to read it."""

    name: str
    title: str
    fits: Callable[[Decoded, str, ReadOptions], bool]
    read: Callable[[Decoded, ReadOptions], Table]


def _is_delimited(decoded: Decoded, suffix: str, options: ReadOptions) -> bool:
    if options.delimiter or suffix in TABLE_SUFFIXES:
        return True
    if re.match(r"\"?sep=.\"?[ \t]*[\r\n]", decoded.text, re.IGNORECASE):
        return True
    delimiter, consistency = sniff_delimiter(decoded.text)
    # Running text has commas too: outside a .csv a comma must part every row alike.
    needed = 0.86 if delimiter == "," else 0.8
    return consistency >= needed and len(decoded.text.strip().splitlines()) > 1


FORMATS: tuple[Format, ...] = (
    Format(
        "json",
        "JSON or JSON lines",
        lambda decoded, _suffix, _options: looks_like_json(decoded.text),
        table_from_json,
    ),
    Format("csv", "CSV, TSV and relatives", _is_delimited, table_from_delimited),
    Format(
        "txt",
        "plain text",
        lambda _decoded, _suffix, _options: True,
        lambda decoded, _options: table_from_plain(decoded),
    ),
)


def read_table(path: Path, options: ReadOptions | None = None) -> Table:
    """Read one file.

    Raises `InputError` if it is missing, too large, empty, of a format not read here, or not text.
    """
    options = options or ReadOptions()
    try:
        size = path.stat().st_size
        if size > options.max_upload_mb * 1_000_000:
            raise InputError(
                f"“{path.name}” is {size / 1e6:,.0f} MB; files up to "
                f"{options.max_upload_mb:,} MB can be read.",
                "Split it into smaller files, or raise the limit in the settings.",
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no file “{path}”.", "Check its name and folder.") from error
    except IsADirectoryError as error:
        raise InputError(f"“{path.name}” is a folder.", "Choose the files inside it.") from error
    except OSError as error:
        raise InputError(
            f"“{path.name}” cannot be opened ({error.strerror}).",
            "Check that the file is not locked and that you may read it.",
        ) from error
    return table_from_bytes(data, path.name, options)


def table_from_bytes(data: bytes, name: str, options: ReadOptions | None = None) -> Table:
    """The table in `data`; `name` is used in messages and, as a weak hint, for its ending.

    Raises `InputError` as `read_table` does.
    """
    options = options or ReadOptions()
    if not data.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise InputError(f"“{name}” is empty.", "Choose a file with one document a row.")
    refuse_foreign(data, name)
    decoded = decode(data, options.encoding)
    if not decoded.text.strip():
        raise InputError(f"“{name}” is empty.", "Choose a file with one document a row.")
    suffix = Path(name).suffix.lower()
    chosen = next(format for format in FORMATS if format.fits(decoded, suffix, options))
    table = chosen.read(decoded, options)
    if len(table.rows) > options.max_rows:
        raise InputError(
            f"“{name}” has {n_of(len(table.rows), 'row')}; up to {options.max_rows:,} can be "
            "read at once.",
            "Split it into smaller files.",
        )
    return table
