"""Predictions as a table: CSV for spreadsheets, JSON lines and Parquet for programs.

CSV is written for the program analysts open it with: UTF-8 with a byte-order mark (else Excel
garbles accents), and every text in quotes. Message texts come from strangers, and a spreadsheet
*runs* a cell that starts with = + - @, a tab or a line break; such cells get a leading apostrophe,
which makes them text (OWASP, "CSV Injection"). Numbers, also those that come as text ("-72.3364"), JSON
lines and Parquet stay as they are.

To read such a CSV back exactly: of every text that starts with apostrophes and goes on like a formula,
take off one apostrophe. (A text that looked so before it was written got one more.)

Does not: shorten texts (Excel itself cuts a cell at 32,767 characters), nor keep Excel from showing
long digit-only ids as 1.2E+17: take JSON lines or Parquet to programs.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import InputError
from engine.spreadsheet import would_run
from engine.workspace import write_atomic

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "parquet")

_NUMBER = re.compile(r"-[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
Cell = Any


def table_format(path: Path) -> Format:
    """Which of the three a file name asks for; InputError for any other. Ask before predicting."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise InputError(
            f"“{path.name}” does not say what kind of table to write.",
            "End the name in .csv (Excel and other spreadsheets), .jsonl (one JSON object a line) "
            "or .parquet (data tools), for example “predictions.csv”.",
        )
    if path.is_dir():
        raise InputError(f"“{path.name}” is a folder.", "Choose a file name inside it.")
    return suffix


def write_predictions(
    path: Path, rows: Sequence[Mapping[str, Cell]], *, columns: Sequence[str] | None = None
) -> None:
    """Write rows as a table, in the format its suffix names, whole or not at all.

    Values: text, numbers, booleans, None, and lists or mappings of them (JSON text in CSV); numpy
    values too. Anything else is written as `str` gives it, NaN and infinity as empty. Columns:
    `columns`, else all keys in the order they first appear; a row without one has it empty. Half a
    character (a lone surrogate, as broken scrapers leave) becomes �, since no UTF-8 file can hold
    it. In Parquet a column that mixes kinds becomes text. Raises InputError (suffix, nothing to
    write, not a path for a file), SpaceError (disk full, no permission).
    """
    kind = table_format(path)
    names = list(dict.fromkeys(key for row in rows for key in row) if columns is None else columns)
    if not names:
        raise InputError("There are no predictions to write.",
                         "Choose a file with documents in it.")
    plain = [{name: _plain(row.get(name)) for name in names} for row in rows]
    writers: dict[Format, Callable[[Path, list[str], list[dict[str, Cell]]], None]] = {
        "csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}
    try:
        write_atomic(path, lambda temporary: writers[kind](temporary, names, plain))
    except (NotADirectoryError, FileExistsError) as error:
        raise InputError(f"“{path.parent}” is a file, not a folder.",
                         "Choose a place inside a folder.") from error


def safe_cell(text: str) -> str:
    """The text as a spreadsheet may hold it: with a leading apostrophe if it would be run."""
    runs = would_run(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def _plain(value: Cell) -> Cell:
    """Numpy to plain Python, NaN to None, text that UTF-8 can hold; inside lists, mappings too."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, int) else _plain(str(value))


def _cell(value: Cell) -> Cell:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return safe_cell(value) if isinstance(value, str) else value


def _write_csv(path: Path, names: list[str], rows: list[dict[str, Cell]]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as out:
        # Every text quoted: a spreadsheet set to semicolons must not find a new cell inside one.
        table = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
        table.writerow([safe_cell(_plain(name)) for name in names])
        table.writerows([_cell(row[name]) for name in names] for row in rows)


def _write_jsonl(path: Path, names: list[str], rows: list[dict[str, Cell]]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(_plain(row), ensure_ascii=False, allow_nan=False) + "\n")


def _write_parquet(path: Path, names: list[str], rows: list[dict[str, Cell]]) -> None:
    table = pa.table({_plain(name): _column([row[name] for row in rows]) for name in names})
    pq.write_table(table, path)


def _column(values: list[Cell]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # mixed kinds
        return pa.array([value if value is None or isinstance(value, str)
                         else json.dumps(value, ensure_ascii=False) for value in values])
