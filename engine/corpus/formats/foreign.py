"""Names, by their first bytes, the formats that are refused in plain words."""

from __future__ import annotations

import re

from engine.errors import InputError

PICTURE = ("a picture", "Type or copy its text into a table, one document a row.")
PACKED = "Unpack it first, then upload what was inside."
SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old Word, PowerPoint or Outlook file", "Open it and save it as DOCX or text."),
    (b"SQLite format 3", "a database", "Export the table as CSV."),
    (b"{\\rtf", "a rich-text (RTF) document", "Save it as DOCX or plain text (.txt)."),
    (b"7z\xbc\xaf", "a compressed (7-Zip) file", PACKED),
    (b"Rar!\x1a", "a compressed (RAR) file", PACKED),
    (b"\x89PNG", *PICTURE),
    (b"\xff\xd8\xff", *PICTURE),
    (b"GIF8", *PICTURE),
    (b"\x00\x00\x00\x18ftyp", "a film or sound file", "Have it typed up first; text can be read."),
    (b"\x00\x00\x00\x20ftyp", "a film or sound file", "Have it typed up first; text can be read."),
    (b"ID3", "a sound file", "Have it typed up first; text can be read."),
    (b"OggS", "a sound file", "Have it typed up first; text can be read."),
)
ZIPPED = (
    (b"ppt/", "a PowerPoint file (PPTX)", "Save it as PDF, or copy its text into a .txt file."),
    (b"opendocument.text", "an OpenDocument text (ODT)", "Save it as DOCX or plain text (.txt)."),
    (b"opendocument.presentation", "an OpenDocument presentation (ODP)", "Save it as PDF."),
    (b"epub+zip", "an e-book (EPUB)", "Save it as plain text (.txt)."),
)
READ = (
    "Tables (CSV, Excel, ODS, Parquet), JSON, PDF, DOCX, web pages, feeds, alerts, plain text, and ZIP "
    "archives of these can be read."
)


def refuse_foreign(head: bytes, name: str) -> None:
    """Raise `InputError` naming the format if a file of a known format is not read here."""
    found = _foreign(head)
    if found:
        title, fix = found
        posing = name.lower().endswith((".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".xls", ".docx"))
        raise InputError(
            f"“{name}” is {title}{', whatever its name says' if posing else ''}. That cannot be read here.",
            f"{fix} {READ}",
        )


def refuse_foreign_markup(start: str, name: str) -> None:
    """Raise `InputError` for XML that is none of the kinds read here: its tags are no text."""
    if re.match(r"\s*<(?:\?xml|!doctype\s+(?!html)\w|\w+:?\w* xmlns)[\s=>]", start, re.IGNORECASE):
        raise InputError(
            f"“{name}” is an XML file of a kind that is not known here.",
            f"Export it as CSV or JSON. Of XML, RSS and Atom feeds and CAP alerts are read. {READ}",
        )


def _foreign(head: bytes) -> tuple[str, str] | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        for mark, title, fix in ZIPPED:
            if mark in head:
                return title, fix
        return "a ZIP archive that could not be unpacked", PACKED
    if head.startswith(b"\xd0\xcf\x11\xe0") and "EncryptedPackage".encode("utf-16-le") in head:
        return "locked with a password", "Open it, save it without a password, then upload it again."
    for signature, title, fix in SIGNATURES:
        if head.startswith(signature):
            return title, fix
    return None
