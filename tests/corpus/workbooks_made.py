"""Workbooks of every kind for the tests, made by other libraries than the one that reads them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table as OdfTable
from odf.table import TableCell, TableRow
from odf.text import P
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from engine.corpus.formats.spreadsheets import is_spreadsheet, table_from_spreadsheet
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table

HEADER = ["id", "date", "message", "place"]
MESSAGES = [
    [i, dt.datetime(2024, 5, 1, 9, i), f"The water at house number {i} is rising fast", "Ward 4"]
    for i in range(1, 9)
]
Fill = Callable[[Worksheet], None]


def saved(book: Any) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def xlsx(sheets: dict[str, Iterable[Sequence[object]]], change: Fill | None = None, **hidden: str) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = hidden.get(name, "visible")
        if change:
            change(sheet)
    return saved(book)


def ods(rows: Iterable[Sequence[object]]) -> bytes:
    book = OpenDocumentSpreadsheet()
    sheet = OdfTable(name="Messages")
    for row in rows:
        line = TableRow()
        for cell in row:
            if isinstance(cell, dt.datetime):
                made = TableCell(valuetype="date", datevalue=cell.isoformat())
            elif isinstance(cell, (int, float)):
                made = TableCell(valuetype="float", value=str(cell))
            else:
                made = TableCell(valuetype="string")
                made.addElement(P(text=str(cell)))
            line.addElement(made)
        sheet.addElement(line)
    book.spreadsheet.addElement(sheet)
    return saved_odf(book)


def saved_odf(book: Any) -> bytes:
    target = io.BytesIO()
    book.write(target)
    return target.getvalue()


def xls(rows: Iterable[Sequence[object]]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Messages")
    moment = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            sheet.write(i, j, cell, *([moment] if isinstance(cell, dt.datetime) else []))
    return saved(book)


def read(data: bytes, name: str = "file.bin", **said: Any) -> Table:
    source = Source(name, data=data)
    assert is_spreadsheet(source.head(), source)
    return table_from_spreadsheet(source, ReadOptions(**said))


def column(table: Table, name: str) -> list[str]:
    return table.column(table.columns.index(name))


def told(table: Table) -> str:
    return " ".join(table.warnings)


def part_changed(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, change(old.read(entry)) if entry == name else old.read(entry))
    return target.getvalue()
