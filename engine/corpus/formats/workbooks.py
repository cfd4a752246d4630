"""Opens Excel and OpenDocument workbooks, each in a process of its own, and hands out their stored cells.

The library lays out every cell between the first and the last one of a sheet. Where a damaged or
hostile workbook has two cells far apart it asks for more memory than there is, and the process that
asked ends at once: that must not be the one in which everything else is read.
Does not: say which sheet holds the documents, or what a cell means.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from engine.corpus.formats.workbookcells import (
    DAMAGED,
    DISK_FULL,
    PASSWORD,
    TAIL,
    TOO_LARGE,
    ZIP_FAULTS,
)  # fmt: skip
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions
from engine.errors import InputError, SpaceError

Cell = str | bool | int | float | tuple[str]
"""A tuple holds a date, a time or a duration, as ISO text."""
Merged = tuple[int, int, int, int]
"""Row, first column, last column, last row of merged cells; rows counted without blank ones."""

ROOT = Path(__file__).resolve().parents[3]
BLOCK = 1 << 20
OLE = b"\xd0\xcf\x11\xe0"  # how files in Microsoft's old container start
GB = 1_000_000_000
BASE, EACH, MOST = 2 * GB, 10, 10 * GB  # memory: BASE + EACH times the unpacked size, up to MOST
LONGEST, SLOW = 1_200, 7  # seconds for one workbook, and the status of one that took more
_AGAIN = "Open it in a spreadsheet program and save it anew, or export the sheet as CSV."


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: rows that are not blank, and where they lie among what was taken out of the workbook."""

    name: str
    visible: bool
    damaged: bool
    rows: int
    start: int
    end: int
    merged: tuple[Merged, ...]


class Workbook:
    """The sheets of a workbook, to be gone through again and again; nothing is held in memory.

    `uncalculated`: formulas without a stored value.
    """

    def __init__(self, file: IO[bytes], sheets: tuple[Sheet, ...], uncalculated: int) -> None:
        self.sheets, self.uncalculated = sheets, uncalculated
        self._file = file

    def rows(self, sheet: Sheet) -> Iterator[list[Cell]]:
        """The rows of a sheet that are not blank; merged cells are filled downwards."""
        at = sheet.start
        while at < sheet.end:
            self._file.seek(at)
            lines = self._file.read(min(BLOCK, sheet.end - at))
            if at + len(lines) < sheet.end:
                lines += self._file.readline()
            at += len(lines)
            for line in lines.splitlines():
                yield [(cell[0],) if isinstance(cell, list) else cell for cell in json.loads(line)]

    def close(self) -> None:
        """Let go of what was taken out of the workbook."""
        self._file.close()


def kind_of(head: bytes, source: Source) -> str | None:
    """What kind of workbook a file is: "xlsx", "xlsb", "xls" or "ods"; None for everything else."""
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(head, source)
    if not head.startswith(OLE):
        return None
    names = _inside_ole(source)
    if names & {"workbook", "book"} or (not names and source.suffix in (".xls", ".xlt")):
        return "xls"
    # A password wraps every kind of office file alike: here only the name tells.
    office = (".docx", ".docm", ".pptx", ".pptm")
    return "xlsx" if "encryptedpackage" in names and source.suffix not in office else None


def open_workbook(source: Source, options: ReadOptions) -> Workbook:
    """Take the cells out of a workbook; to be closed by the caller.

    Raises `InputError` if it is damaged, needs a password or is too large; `SpaceError`; `OSError`.
    """
    if source.head(4) == OLE and "encryptedpackage" in _inside_ole(source):
        raise _refusal(PASSWORD, source, options)
    most = options.max_unpacked_mb * 1_000_000
    unpacked = _unpacked_size(source)
    if unpacked > most:
        raise _too_large(source, options, f"unpacks to {unpacked / 1e6:,.0f} MB")
    taken = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the rows are read)
    try:
        code = _take_out(source, taken, most, min(MOST, BASE + EACH * max(unpacked, source.size)))
        if code:
            raise _refusal(code, source, options)
        taken.seek(-TAIL, io.SEEK_END)
        taken.seek(int(taken.readline()))
        index = json.loads(taken.readline())
    except BaseException:
        taken.close()
        raise
    sheets = tuple(
        Sheet(**{**entry, "merged": tuple(map(tuple, entry["merged"]))}) for entry in index["sheets"]
    )
    return Workbook(taken, sheets, index["uncalculated"])


def _take_out(source: Source, into: IO[bytes], most: int, memory: int) -> int:
    command = [sys.executable, "-m", "engine.corpus.formats.workbookcells", str(most), str(memory)]
    said: dict[str, Any] = {"stdout": into, "stderr": subprocess.DEVNULL, "cwd": ROOT, "timeout": LONGEST}
    try:
        if source.path is None:
            return subprocess.run(command, input=source.read(), **said).returncode
        with source.open() as opened:
            return subprocess.run(command, stdin=opened, **said).returncode
    except subprocess.TimeoutExpired:
        return SLOW


def _refusal(code: int, source: Source, options: ReadOptions) -> InputError | SpaceError:
    if code == PASSWORD:
        return InputError(
            f"“{source.name}” is protected by a password.",
            "Open it in the program that made it, take the password off, save it, and try again.",
        )
    if code == DAMAGED:
        return InputError(f"“{source.name}” is damaged: it cannot be opened as a workbook.", _AGAIN)
    if code == TOO_LARGE:
        return _too_large(source, options, "unpacks to more than can be read")
    if code == SLOW:
        return InputError(f"“{source.name}” takes longer than {LONGEST // 60} minutes to open.", _AGAIN)
    if code == DISK_FULL:
        return SpaceError(f"The disk is full: there was no room to read “{source.name}”.",
                          "Free some space, then try again.")  # fmt: skip
    return InputError(
        f"“{source.name}” cannot be opened: it is damaged, or its cells lie so far apart that there is not "
        "enough memory for the empty ones between them.",
        _AGAIN,
    )


def _too_large(source: Source, options: ReadOptions, why: str) -> InputError:
    return InputError(
        f"“{source.name}” {why}; the limit is {options.max_unpacked_mb:,} MB (setting `max_unpacked_mb`).",
        "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
    )


def _kind_of_zip(head: bytes, source: Source) -> str | None:
    try:
        with source.open() as opened, zipfile.ZipFile(opened) as packed:
            names = {name.replace("\\", "/").lower() for name in packed.namelist()}
            mimetype = b""
            if "mimetype" in packed.namelist():
                with packed.open("mimetype") as entry:
                    mimetype = entry.read(200)
    except ZIP_FAULTS:  # cut off: what is left of it tells
        names = {name for name in ("xl/workbook.xml", "xl/workbook.bin") if name.encode() in head}
        if not names and b"[Content_Types].xml" in head and re.search(rb"\bxl/\w", head):
            names.add("xl/workbook.xml")
        mimetype = head[38:200] if head[30:38] == b"mimetype" else b""
    if b"opendocument.spreadsheet" in mimetype:
        return "ods"
    if "xl/workbook.bin" in names:
        return "xlsb"
    declared = "[content_types].xml" in names and any(name.startswith("xl/") for name in names)
    return "xlsx" if declared or "xl/workbook.xml" in names else None


def _unpacked_size(source: Source) -> int:
    """What a ZIP says its files take unpacked; the library reads no more than was said."""
    try:
        with source.open() as opened:
            if opened.read(2) != b"PK":
                return source.size
            with zipfile.ZipFile(opened) as packed:
                return sum(entry.file_size for entry in packed.infolist())
    except ZIP_FAULTS:
        return source.size


def _inside_ole(source: Source) -> set[str]:
    """Names (small letters) at the top of a file in Microsoft's old container; empty if it is damaged."""
    with source.open() as file:
        head = file.read(512)
        shift = int.from_bytes(head[30:32], "little")
        if len(head) < 512 or shift not in (9, 12):
            return set()
        listed = _directory(file, head, 1 << shift, source.size >> shift)
    entries = [listed[i : i + 128] for i in range(0, len(listed) - 127, 128)]
    names: set[str] = set()
    seen: set[int] = set()
    ahead = [int.from_bytes(entries[0][76:80], "little")] if entries else []
    while ahead:
        at = ahead.pop()
        if at < len(entries) and at not in seen:
            seen.add(at)
            entry = entries[at]
            length = min(64, int.from_bytes(entry[64:66], "little"))
            names.add(entry[: max(0, length - 2)].decode("utf-16-le", "replace").lower())
            ahead += [int.from_bytes(entry[68:72], "little"), int.from_bytes(entry[72:76], "little")]
    return names


def _directory(file: BinaryIO, head: bytes, size: int, sectors: int) -> bytes:
    """The container's list of contents: its blocks, each found in a table of which block comes next."""

    def number(data: bytes, at: int) -> int:
        return int.from_bytes(data[at : at + 4], "little")

    def block(at: int) -> bytes:
        file.seek((at + 1) * size)
        return file.read(size)

    tables = [number(head, at) for at in range(76, 512, 4)]
    more, left = number(head, 68), min(number(head, 72), sectors)
    while more < sectors and left > 0:
        listed = block(more)
        tables += [number(listed, at) for at in range(0, size - 4, 4)]
        more, left = number(listed, size - 4), left - 1
    found, at, seen = [], number(head, 48), set[int]()
    while at < sectors and at not in seen:
        seen.add(at)
        found.append(block(at))
        table = at // (size // 4)
        if table >= len(tables) or tables[table] >= sectors:
            break
        at = number(block(tables[table]), at % (size // 4) * 4)
    return b"".join(found)
