"""Workbooks that are no workbooks, damaged, locked, too large or made to do harm: refused in words."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from odf.opendocument import OpenDocumentText
from odf.text import P

from engine.corpus.formats.spreadsheets import is_spreadsheet, table_from_spreadsheet
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions
from engine.errors import EngineError, InputError
from tests.corpus.workbooks_made import (
    HEADER,
    MESSAGES,
    part_changed,
    read,
    saved_odf,
    xls,
    xlsx,
)


def test_other_archives_and_old_office_files_are_not_workbooks() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/notes.txt", "a folder that happens to be called xl")
    letter = OpenDocumentText()
    letter.text.addElement(P(text="A letter"))
    # The container of old office files, its only part renamed to that of a Word file.
    old_word = xls([["a"]]).replace("Workbook".encode("utf-16-le"), "WordFile".encode("utf-16-le"))
    for data in (packed.getvalue(), saved_odf(letter), old_word, b"PK\x03\x04", b"id,text\n1,a\n", b""):
        source = Source("file.xlsx", data=data)
        assert not is_spreadsheet(source.head(), source)


def test_a_large_old_file_is_known_by_its_list_of_contents_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "big.xls"
    path.write_bytes(xls([[f"a message of some length, number {i}" + "." * 400] for i in range(3_000)]))
    source = Source(path.name, path)
    assert b"W\0o\0r\0k\0b\0o\0o\0k\0" not in source.head()
    assert is_spreadsheet(source.head(), source)
    assert len(table_from_spreadsheet(source, ReadOptions()).rows) == 3_000


# Refusals


@pytest.mark.parametrize("rows", [[], [[]], [HEADER], [[None, " "]]])
def test_nothing_to_read(rows: list[list[object]]) -> None:
    with pytest.raises(InputError, match="empty workbook|no rows under it"):
        read(xlsx({"S": rows}))


def test_limits_are_named() -> None:
    data = xlsx({"S": [HEADER, *MESSAGES]})
    with pytest.raises(InputError, match="max_rows"):
        read(data, max_rows=7)
    assert len(read(data, max_rows=8).rows) == 8
    padded = part_changed(data, "xl/theme/theme1.xml", lambda xml: xml + b" " * 3_000_000)
    assert len(padded) < 100_000
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(padded, max_unpacked_mb=2)


def test_one_long_text_repeated_does_not_fill_the_disk() -> None:
    data = xlsx({"S": [["message", "n"], *[["long " * 6_000, i] for i in range(100)]]})
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(data, max_unpacked_mb=1)


def test_sizes_that_lie_are_found_out() -> None:
    data = bytearray(xlsx({"S": [HEADER, *MESSAGES]}))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        for found in re.finditer(re.escape(mark), bytes(data)):
            struct.pack_into("<I", data, found.start() + at, 10)
    with pytest.raises(InputError, match="damaged|cannot be opened"):
        read(bytes(data))


def test_two_cells_far_apart_end_neither_this_process_nor_the_upload() -> None:
    far = xlsx({"S": [HEADER, *MESSAGES]}, lambda sheet: sheet.cell(1_048_576, 16_384, "x"))
    with pytest.raises(InputError, match="memory"):
        read(far)


def test_a_wide_sheet_keeps_only_columns_that_hold_something() -> None:
    table = read(xlsx({"S": [HEADER, *MESSAGES]}, lambda sheet: sheet.cell(3, 16_384, "x")))
    assert len(table.columns) == 5


def test_passwords_are_told() -> None:
    # A password wraps the workbook in the container of the old files, under this name.
    locked = xls([["a"]]).replace(
        "Workbook".encode("utf-16-le") + bytes(32), "EncryptedPackage".encode("utf-16-le") + bytes(16)
    ).replace(struct.pack("<H", 18) + b"\x02", struct.pack("<H", 34) + b"\x02")  # fmt: skip
    source = Source("report.xlsx", data=locked)
    assert is_spreadsheet(source.head(), source)
    assert not is_spreadsheet(source.head(), Source("report.docx", data=locked))
    with pytest.raises(InputError, match="password"):
        table_from_spreadsheet(source, ReadOptions())


@pytest.mark.parametrize("make", [xls, lambda rows: xlsx({"S": rows})])
def test_damage_is_told_in_words(make: Callable[..., bytes]) -> None:
    data = make([HEADER, *MESSAGES])
    chance = random.Random(5)
    refused = 0
    for _ in range(4):
        broken = bytearray(data[: chance.choice((len(data), len(data) // 2))])
        for _ in range(40):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        try:
            read(bytes(broken), "file.xls")
        except EngineError as error:
            refused += 1
            assert error.fix
        except AssertionError:  # no longer a workbook
            refused += 1
    assert refused
