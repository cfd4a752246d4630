"""Word documents (DOCX): headings, paragraphs, lists and tables in their order; or one table of messages.

Does not: read headers, footers, notes, comments, deleted or hidden text, or the author's name.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from engine.corpus.formats.alerts import declares_entities
from engine.corpus.formats.paragraphs import normal
from engine.corpus.formats.wordbody import Block, blocks_of
from engine.corpus.headers import find_header
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Role, Row, Table, n_of
from engine.errors import InputError

if TYPE_CHECKING:
    from docx.document import Document

COLUMNS = ("title", "text", "date")
KNOWN: dict[str, tuple[Role, str]] = {
    "title": ("title", "the document's title"),
    "text": ("text", "all of its text"),
    "date": ("date", "when it was last saved"),
}
MAIN_PART = re.compile(r"word/document\d*\.xml")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".svg", ".mp4")
XML_SHARE = 0.1  # of what a file may unpack to: parsed, markup takes many times its own room
ONE_TABLE = 0.7  # share of the text in one table above which the table is what was meant
LEAST_ROWS = 5  # it must have more rows than this
NO_TITLE = ("", "word document", "untitled", "document", "microsoft word - document1")
# What the library runs into where a part is missing, cut off, or of another kind than it must be.
MISSING = (EOFError, RuntimeError, LookupError, AttributeError, TypeError, AssertionError)
PROTECTED = 0x1  # flag of a ZIP member that needs a password


def is_word(head: bytes, source: Source) -> bool:
    """Whether the file is a DOCX: a ZIP archive that holds a Word document's main part."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with source.open() as opened, zipfile.ZipFile(opened) as packed:
            return any(map(MAIN_PART.fullmatch, packed.namelist()))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return source.suffix == ".docx" or b"word/document" in head


def table_from_word(source: Source, options: ReadOptions) -> Table:
    """One row: title, text and date; or, if the document is one big table, the rows of that table.

    Raises `InputError` if the file is damaged, protected, holds no text, or unpacks to more than
    `max_unpacked_mb`.
    """
    _check_size(source, options)
    document = _opened(source)
    blocks = list(blocks_of(document))
    big = _one_table(blocks)
    if big is not None:
        return _as_rows(big, blocks, options)
    text = _as_text(blocks)
    if not any(map(str.isalpha, text)):
        raise InputError(
            f"“{source.name}” holds no text.",
            "If it holds pictures of text, have them typed up, or use OCR (text recognition) first.",
        )
    named, saved = _properties(document)
    heading = next((block.text for block in blocks if block.kind == "heading" and block.text), "")
    title = named or " ".join(heading.split())[:200] or source.stem
    note = ("Headers, footers and notes of the document are left out.",) if _has_more(document) else ()
    return Table("docx", "", None, None, None, COLUMNS, [(title, text, saved)], note, known=KNOWN)


def _check_size(source: Source, options: ReadOptions) -> None:
    try:
        with source.open() as opened, zipfile.ZipFile(opened) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise _damaged(source) from error
    if len(parts) > options.max_files:
        raise InputError(
            f"“{source.name}” is packed from {len(parts):,} parts; up to {options.max_files:,} can be read "
            "(setting `max_files`).",
            "Save it as plain text (.txt), or raise the limit in settings.yaml (README, “Settings”).",
        )
    most = options.max_unpacked_mb * 1_000_000
    size = sum(part.file_size for part in parts)
    markup = [part.file_size for part in parts if not part.filename.lower().endswith(PICTURES)]
    parsed = max(sum(markup), *(part.file_size for part in parts))
    if size > most or parsed > XML_SHARE * most:
        found, limit = (size, most) if size > most else (parsed, XML_SHARE * most)
        raise InputError(
            f"“{source.name}” unpacks to {found / 1e6:,.1f} MB{'' if size > most else ' of text'}; up to "
            f"{limit / 1e6:,.0f} MB can be read (setting `max_unpacked_mb`"
            f"{'' if size > most else ', of which text may be a tenth'}).",
            "Take its pictures out or save it as plain text (.txt), or raise the limit in settings.yaml "
            "(README, “Settings”).",
        )
    if any(part.flag_bits & PROTECTED for part in parts):
        raise InputError(f"“{source.name}” needs a password.", "Save it without one, and upload that.")


def _opened(source: Source) -> Document:
    import docx
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError

    try:
        with source.open() as opened:
            document = docx.Document(opened)
        if document.element.body is None:
            raise KeyError("body")
        if document.element.getroottree().docinfo.doctype:  # no program writes one
            raise declares_entities(source)
        return document
    except ValueError as error:
        if "content type is" in str(error):
            raise InputError(
                f"“{source.name}” is a Word file with macros, or a template.", "Save it as a plain DOCX."
            ) from error
        raise _damaged(source) from error
    except (OpcError, LxmlError, zipfile.BadZipFile, zlib.error, *MISSING) as error:
        raise _damaged(source) from error


def _damaged(source: Source) -> InputError:
    return InputError(
        f"“{source.name}” is a damaged Word document.",
        "Open it in Word or LibreOffice, which may repair it; save it, and upload it again.",
    )


def _properties(document: Document) -> tuple[str, str]:
    """Its title, and when it was last saved (ISO); "" where the file does not say (sensibly)."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    links = document.part.package.rels.values()
    if all(link.reltype != RELATIONSHIP_TYPE.CORE_PROPERTIES for link in links):
        return "", ""  # the library would make some up
    try:
        said = document.core_properties
        title, saved = " ".join(normal(said.title or "").split()), said.modified
    except (AttributeError, ValueError, LookupError):
        return "", ""
    return "" if title.lower() in NO_TITLE else title[:300], saved.isoformat() if saved else ""


def _has_more(document: Document) -> bool:
    kinds = ("header", "footer", "footnotes", "endnotes", "comments")
    return any((link.reltype or "").rpartition("/")[2] in kinds for link in document.part.rels.values())


def _one_table(blocks: list[Block]) -> Block | None:
    """The table that holds nearly all of the text, if there is one with enough rows."""
    sizes = [_size(block) for block in blocks]
    most = max(range(len(blocks)), key=sizes.__getitem__, default=None)
    if most is None or not blocks[most].rows or sizes[most] <= ONE_TABLE * sum(sizes):
        return None
    return blocks[most] if len(blocks[most].rows) > LEAST_ROWS else None


def _size(block: Block) -> int:
    return len(block.text) + sum(len(cell) for row in block.rows for cell in row)


def _as_rows(big: Block, blocks: list[Block], options: ReadOptions) -> Table:
    rows = [row for row in big.rows if any(row)]
    header = find_header(rows, options.header_row)
    width = len(header.names)
    data: list[Row] = [tuple([*row, *[""] * width][:width]) for row in rows[header.data_from :]]
    notes = [f"The document is one table of {n_of(len(data), 'row')}: each row is a document."]
    notes.extend(header.warnings)
    beside = sum(1 for block in blocks if block is not big and _size(block))
    if beside:
        notes.append(f"{n_of(beside, 'paragraph')} around the table left out.")
    return Table("docx", "", None, None, header.row, header.names, data, tuple(notes))


def _as_text(blocks: list[Block]) -> str:
    parts: list[str] = []
    before = ""
    for block in blocks:
        text = block.text
        if block.rows:
            lines = (" | ".join(" ".join(cell.split()) for cell in row) for row in block.rows if any(row))
            text = "\n".join(lines)
        if text:
            together = before == block.kind == "item"
            parts.append(("\n" if together else "\n\n") + ("- " if block.kind == "item" else "") + text)
            before = block.kind
    return "".join(parts).strip()
