"""Plain text and Markdown: one document a line when lines look like messages, else one document."""

from __future__ import annotations

import re
from statistics import median

from engine.corpus.decoding import Text
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Row, Table, n_of

LONG_LINE = 600  # characters: a line longer than this is prose, not a message
A_DOCUMENT = 20  # lines of a text file among others that is still one document
SENTENCE_END = (".", "!", "?", "…", ":", ";", '"', "”", "»", ")", "。", "！", "？", "؟", "۔", "।")


def table_from_plain(text: Text, source: Source, options: ReadOptions) -> Table:
    """One column, `text`: a row a line, or the whole as one document; a warning says which."""
    whole = text.text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    lines = [line.strip() for line in whole.split("\n")]
    filled = [line for line in lines if line]
    markdown = source.suffix in (".md", ".markdown") or _is_markdown(lines)
    # In a folder or an archive a text file is a document; a long list of lines still is a list.
    a_document = "/" in source.name and len(filled) <= A_DOCUMENT
    guessed = not markdown and not a_document and _are_messages(lines, filled)
    if guessed if options.each_line is None else options.each_line:
        note = f"Each line is a document ({n_of(len(filled), 'line')})."
        return _table(text, [(line,) for line in filled], ("text",), note if len(filled) > 1 else "")
    note = "This reads as one longer text, not as a list of messages: it is one document."
    note = "" if "/" in source.name else note  # among others, a file is a document as a matter of course
    title = next((line.lstrip("# ").strip() for line in filled if line.startswith("# ")), source.stem)
    return _table(text, [(title[:200], whole.strip())], ("title", "text"), note)


def _is_markdown(lines: list[str]) -> bool:
    """A heading on the first filled line and another sign of structure further down."""
    filled = [line for line in lines if line]
    headings = sum(bool(re.match(r"#{1,6} \S", line)) for line in filled)
    marks = sum(bool(re.match(r"(?:[-*+] |\d+\. |> |\|.*\|$)", line)) for line in filled)
    return bool(filled) and filled[0].startswith("# ") and headings + marks >= 3


def _are_messages(lines: list[str], filled: list[str]) -> bool:
    if not filled:
        return True
    if max(map(len, filled)) > 3 * LONG_LINE or median(map(len, filled)) > LONG_LINE:
        return False
    # Prose with hard line breaks: most lines run on into the next one, in blocks.
    running_on = sum(
        1
        for line, following in zip(lines, lines[1:], strict=False)
        if line and following and not line.endswith(SENTENCE_END) and following[0].islower()
    )
    followed = sum(
        1 for line, following in zip(lines, lines[1:], strict=False) if line and following
    )
    return followed < 3 or running_on < 0.4 * followed


def _table(text: Text, rows: list[Row], columns: tuple[str, ...], note: str) -> Table:
    notes = (*text.warnings, note) if note else text.warnings
    return Table("txt", text.encoding, None, None, None, columns, rows, notes)
