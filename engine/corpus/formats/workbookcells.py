"""The process in which one workbook is opened: its cells go to standard output as lines of JSON.

    python -m engine.corpus.formats.workbookcells BYTES MEMORY < WORKBOOK > CELLS

Each sheet's rows, then one line that says where each sheet lies, then where that line starts.
"""

from __future__ import annotations

import errno
import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

TOP = 25  # rows for which merged cells are told: those where a header may stand
BLOCK = 1 << 20
SHEETS = 1_000
PASSWORD, DAMAGED, TOO_LARGE, DISK_FULL = 3, 4, 5, 6
"""How the process says, by its exit status, what is wrong."""
TAIL = 21  # bytes of the last line
ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError,
)  # fmt: skip
_UNCALCULATED = re.compile(rb"(?:</f>|<f\b[^<>]*/>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_LAST = datetime.max - timedelta(seconds=1)


def main(most: int, memory: int) -> int:
    """Write all cells of the workbook on standard input to standard output, as lines of JSON."""
    import python_calamine as calamine

    _limit_memory(memory)
    data = sys.stdin.buffer.read()
    out, written, index = sys.stdout.buffer, 0, []
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            tabs = [tab for tab in book.sheets_metadata if tab.typ == calamine.SheetTypeEnum.WorkSheet]
            for tab in tabs[:SHEETS]:
                visible = tab.visible == calamine.SheetVisibleEnum.Visible
                entry: dict[str, Any] = {"name": tab.name, "visible": visible, "damaged": False, "rows": 0,
                                         "start": written, "merged": []}  # fmt: skip
                index.append(entry)
                try:
                    sheet = book.get_sheet_by_name(tab.name)
                except calamine.CalamineError:
                    entry.update(damaged=True, end=written)
                    continue
                for line in _lines(sheet.iter_rows(), sheet.merged_cell_ranges or (), entry):
                    written += out.write(line)
                    if written > most:
                        return TOO_LARGE
                entry["end"] = written
        head = {"sheets": index, "uncalculated": _uncalculated(data)}
        out.write(json.dumps(head).encode() + b"\n" + b"%020d\n" % written)
        out.flush()
    except calamine.PasswordError:
        return PASSWORD
    except calamine.CalamineError:
        return DAMAGED
    except OSError as error:
        return DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else DAMAGED
    return 0


def _limit_memory(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _lines(rows: Iterable[list[Any]], merged: Iterable[Any], entry: dict[str, Any]) -> Iterator[bytes]:
    """Rows with anything of their own, merged cells filled downwards; `entry` learns what is in them."""
    starting: dict[int, list[tuple[int, int, int]]] = {}
    for (top, left), (bottom, right) in merged:
        starting.setdefault(top, []).append((left, right, bottom))
    filling: dict[int, tuple[int, Any]] = {}  # by column: down to which row, with what
    above: list[list[int]] = []
    for at, row in enumerate(rows):
        own = any(not isinstance(cell, str) or cell.strip() for cell in row)
        for column, (bottom, value) in list(filling.items()):
            if at > bottom:
                del filling[column]
            elif own and row[column] == "":
                row[column] = value
        for left, right, bottom in starting.get(at, ()):
            if bottom > at and left < len(row):
                filling[left] = (bottom, row[left])
            if own and entry["rows"] < TOP:
                above.append([entry["rows"], left, right, bottom])
        if not own:
            continue
        if entry["rows"] < 2 * TOP:
            for corner in above:
                if corner[3] >= at:
                    corner[4:] = [entry["rows"]]
        while row and row[-1] == "":
            row.pop()
        entry["rows"] += 1
        yield json.dumps([_plain(cell) for cell in row], separators=(",", ":")).encode() + b"\n"
    entry["merged"] = [[row, left, right, last[0] if last else row] for row, left, right, _, *last in above]


def _plain(cell: Any) -> Any:  # noqa: ANN401 (whatever the library hands out)
    if isinstance(cell, datetime):
        # A time is kept as a fraction of a day, which is never quite exact.
        cell = min(cell, _LAST) + timedelta(microseconds=500)
        at = cell.isoformat(timespec="milliseconds" if cell.microsecond >= 1_000 else "seconds")
        return [at.removesuffix("T00:00:00")]
    if isinstance(cell, date):
        return [cell.isoformat()]
    if isinstance(cell, time):
        return [cell.isoformat(timespec="seconds")]
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return [f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"]
    return cell


def _uncalculated(data: bytes) -> int:
    count = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                    with packed.open(name) as part:
                        before = b""
                        while block := part.read(BLOCK):
                            block = before + block
                            count += len(_UNCALCULATED.findall(block))
                            before = block[block.rfind(b"</c>") + 4 :][-BLOCK:]
    except ZIP_FAULTS:
        return count
    return count


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))
