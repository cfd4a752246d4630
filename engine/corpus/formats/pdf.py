"""PDF: the text of all pages as one document, put back into paragraphs, without headers and footers.

Does not: read pictures of text (that is said), or change the order in which the file holds its text.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.corpus.formats.paragraphs import Line, joined, normal, without_repeated
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Role, Table, n_of
from engine.errors import InputError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

COLUMNS = ("title", "text", "date", "pages")
KNOWN: dict[str, tuple[Role, str]] = {
    "title": ("title", "the document's title"),
    "text": ("text", "the text of all its pages"),
    "date": ("date", "when the PDF was made"),
}
LETTERS_A_PAGE = 20  # on average; fewer: pictures of pages
HYPHENS = "\x02\ufffe"  # how the library gives a hyphen at the end of a line
PASSWORD = (4, 5)  # the library's numbers for "needs a password" and "protected in a way not known"
NO_TITLE = re.compile(
    r"untitled.*|\(?anonymous\)?|.*\.(?:docx?|pdf|indd|pptx?|xlsx?|odt|rtf|pub|tmp)|microsoft word.*|"
    r"(?:microsoft )?powerpoint.*|(?:document|dokument|documento|title|titre|slide)\s*\d*|[\W\d_]*",
    re.IGNORECASE | re.DOTALL,
)
# One file at a time: the library must not be entered twice at once.
ALONE = threading.Lock()


def is_pdf(head: bytes, source: Source) -> bool:
    """Whether a file that starts so is a PDF; rubbish before its mark is common."""
    at = head[:1024].find(b"%PDF-")
    return at == 0 or (at > 0 and (source.suffix == ".pdf" or not head[:at].strip(b"\0\r\n\t \xef\xbb\xbf")))


def table_from_pdf(source: Source, options: ReadOptions) -> Table:
    """One row: title, text, date and number of pages.

    Raises `InputError` if the file is damaged, needs a password, has too many pages or no text layer.
    """
    with ALONE, _opened(source) as document:
        count = len(document)
        if count > options.max_pdf_pages:
            raise InputError(
                f"“{source.name}” has {n_of(count, 'page')}; up to {options.max_pdf_pages:,} can be read "
                "(setting `max_pdf_pages`).",
                "Split it into parts, or raise the limit in settings.yaml (README, “Settings”).",
            )
        named, made = _metadata(document)
        pages, size, damaged = [], 0, []
        for i in range(count):
            lines = _page_lines(document, i)
            if lines is None:
                damaged.append(i + 1)
            pages.append(lines or [])
            size += sum(len(line.text) for line in pages[-1])
            if size > options.max_unpacked_mb * 1_000_000:
                raise InputError(
                    f"“{source.name}” unpacks to more than {options.max_unpacked_mb:,} MB of text "
                    "(setting `max_unpacked_mb`).",
                    "Split it into parts, or raise the limit in settings.yaml (README, “Settings”).",
                )
    if len(damaged) == count:
        raise _damaged(source)
    letters = [sum(sum(map(str.isalpha, line.text)) for line in lines) for lines in pages]
    if sum(letters) < LETTERS_A_PAGE * count:
        raise InputError(
            f"“{source.name}” holds pictures of pages, no text: it needs OCR (text recognition).",
            "Open it in a PDF program with “recognise text” (OCR), save it, and upload it again.",
        )
    notes = []
    if damaged:
        notes.append(f"{n_of(len(damaged), 'damaged page')} left out: {_listed(damaged)}.")
    blank = [i + 1 for i, found in enumerate(letters) if not found and i + 1 not in damaged]
    if blank:
        notes.append(
            f"No text on {'page' if len(blank) == 1 else 'pages'} {_listed(blank)}: if something is "
            "written there, it is a picture and was not read."
        )
    pages, removed = without_repeated(pages)
    if removed:
        shown = removed.most_common(1)[0][0]
        notes.append(
            f"{n_of(removed.total(), 'repeated header or footer line', 'repeated header and footer lines')} "
            f"left out, such as “{shown[:80]}”."
        )
    text = joined(pages)
    marks = sum(1 for c in text if c == "\ufffd" or unicodedata.category(c) == "Co")
    if marks > 0.02 * len(text):
        notes.append(
            "Some letters of this PDF cannot be told (its fonts do not say what they mean): look at its text."
        )
    row = (_title(named, text, source), text, made, str(count))
    return Table("pdf", "", None, None, None, COLUMNS, [row], tuple(notes), known=KNOWN)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(f"{number}" for number in numbers[:10])
    return f"{shown} and {len(numbers) - 10:,} more" if len(numbers) > 10 else shown


@contextmanager
def _opened(source: Source) -> Iterator[PdfDocument]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source.read() if source.path is None else source.path)
    except pypdfium2.PdfiumError as error:
        if error.err_code in PASSWORD:
            raise InputError(
                f"“{source.name}” needs a password.",
                "Open it with its password, save or print it as a PDF without one, and upload that.",
            ) from error
        raise _damaged(source) from error
    try:
        yield document
    finally:
        document.close()


def _damaged(source: Source) -> InputError:
    return InputError(
        f"“{source.name}” is a damaged PDF: it cannot be opened.",
        "Fetch or save it again: it may have been cut off.",
    )


def _metadata(document: PdfDocument) -> tuple[str, str]:
    """Its title, and when it was made (ISO), as the file says; "" where it does not."""
    said = []
    for key in ("Title", "CreationDate"):
        try:
            said.append(document.get_metadata_value(key).strip())
        except UnicodeDecodeError:
            said.append("")
    found = re.match(r"(?:D:)?(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d'?\d\d)?", said[1])
    if not found or not ("01" <= found[2] <= "12" and "01" <= found[3] <= "31"):
        return said[0], ""
    made = f"{found[1]}-{found[2]}-{found[3]}"
    if found[4]:
        zone = (found[7] or "").replace("'", "")
        zone = f"{zone[:3]}:{zone[3:]}" if len(zone) == 5 else zone
        made += f"T{found[4]}:{found[5]}:{found[6] or '00'}{zone}"
    return said[0], made


def _title(named: str, text: str, source: Source) -> str:
    if 3 <= len(named) <= 300 and not NO_TITLE.fullmatch(named):
        return " ".join(normal(named).split())
    for line in text.split("\n"):
        if sum(map(str.isalpha, line)) >= 12:
            return line[:200].strip()
    return source.stem


def _page_lines(document: PdfDocument, number: int) -> list[Line] | None:
    """The lines of one page; None if it is damaged."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None
    try:
        return list(_lines(page))
    except PdfiumError:
        return None
    finally:
        page.close()


def _lines(page: PdfPage) -> Iterator[Line]:
    """The lines of a page in the file's order, blank ones left out."""
    from ctypes import byref, c_double

    import pypdfium2.raw as pdfium

    turn = page.get_rotation()
    found = page.get_textpage()
    x, y = c_double(), c_double()

    def upright(i: int) -> tuple[float, float]:
        pdfium.FPDFText_GetCharOrigin(found.raw, i, byref(x), byref(y))
        turned = {90: (y.value, -x.value), 180: (-x.value, -y.value), 270: (-y.value, x.value)}
        return turned.get(turn, (x.value, y.value))

    def line(start: int, end: int, broken: bool) -> Iterator[Line]:
        seen = [i for i in range(start, end) if codes[i] > 32]
        if seen:
            text = "".join(map(chr, codes[start:end])).encode("utf-16-le", "surrogatepass")
            (left, base), (right, _) = upright(seen[0]), upright(seen[-1])
            size = pdfium.FPDFText_GetFontSize(found.raw, seen[0])
            clean = normal(text.decode("utf-16-le", "replace"))
            hyphen = re.search(r"\xad$|(?<=\w)-$", clean)
            if hyphen:
                clean, broken = clean[: hyphen.start()], True
            if clean:
                yield Line(clean, left, right, base, size, broken)

    try:
        count = found.count_chars()
        codes = [pdfium.FPDFText_GetUnicode(found.raw, i) for i in range(count)]
        start = 0
        for i, code in enumerate(codes):
            if chr(code) in HYPHENS or code in (10, 13):
                yield from line(start, i, chr(code) in HYPHENS)
                start = i + 1
        yield from line(start, count, False)
    finally:
        found.close()
