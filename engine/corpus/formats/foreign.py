"""Names, by their first bytes, the formats that are refused in plain words."""

from __future__ import annotations

import re

from engine.errors import InputError

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF file", "Copy its text into a .txt file, one document a line."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Open it and save it as CSV (UTF-8)."),
    (b"PAR1", "a Parquet file", "Export it as CSV or JSON lines."),
    (b"SQLite format 3", "a database", "Export the table as CSV."),
    (b"{\\rtf", "a rich-text (RTF) document", "Save it as plain text (.txt)."),
    (b"\x1f\x8b", "a compressed (gzip) file", "Unpack it first, then upload what was inside."),
    (b"7z\xbc\xaf", "a compressed (7-Zip) file", "Unpack it first, then upload what was inside."),
    (b"Rar!\x1a", "a compressed (RAR) file", "Unpack it first, then upload what was inside."),
    (b"BZh9", "a compressed (bzip2) file", "Unpack it first, then upload what was inside."),
    (b"\xfd7zXZ", "a compressed (xz) file", "Unpack it first, then upload what was inside."),
    (b"\x89PNG", "a picture", "Type or copy its text into a table, one document a row."),
    (b"\xff\xd8\xff", "a picture", "Type or copy its text into a table, one document a row."),
    (b"GIF89a", "a picture", "Type or copy its text into a table, one document a row."),
)
ZIPPED = (
    (b"xl/", "an Excel workbook (XLSX)", "In Excel: File, Save as, “CSV UTF-8”."),
    (b"word/", "a Word document (DOCX)", "Save it as plain text (.txt)."),
    (b"ppt/", "a PowerPoint file (PPTX)", "Copy its text into a .txt file."),
    (b"opendocument.spreadsheet", "an OpenDocument sheet (ODS)", "Save it as CSV."),
    (b"opendocument.text", "an OpenDocument text (ODT)", "Save it as plain text (.txt)."),
)
READ = "CSV, TSV, JSON lines and plain text can be read."


def refuse_foreign(data: bytes, name: str) -> None:
    """Raise `InputError` naming the format if `data` is of a known format that is not read here."""
    found = _foreign(data)
    if found:
        title, fix = found
        posing = name.lower().endswith((".csv", ".tsv", ".txt", ".json", ".jsonl"))
        raise InputError(
            f"“{name}” is {title}{', whatever its name says' if posing else ''}. "
            "That cannot be read here yet.",
            f"{fix} {READ}",
        )


def _foreign(data: bytes) -> tuple[str, str] | None:
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        # The directory of a zip stands at its end, the first entries at its start.
        names = data[:4096] + data[-65536:]
        for mark, title, fix in ZIPPED:
            if mark in names:
                return title, fix
        return "a ZIP archive", "Unpack it first, then upload what was inside."
    for signature, title, fix in SIGNATURES:
        if data.startswith(signature):
            return title, fix
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().replace(b"\0", b"")
    start = start.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML)", "Copy its text into a .txt file, or export the data as CSV."
    if re.match(rb"<(\?xml|!doctype|rss|feed|alert)[\s>]", start):
        return "an XML file", "Export it as CSV or JSON lines."
    return None
