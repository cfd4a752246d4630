"""Web pages: the largest table of data on them (many systems export one under an .xls name), or their text.

Does not: fetch anything, run scripts, or tell menus from text where a page does not mark them.
"""

from __future__ import annotations

import re

from engine.corpus.formats.markup import Grid, Page, text_of_html, walk, without_tags
from engine.corpus.formats.spreadsheets import header_over_merged
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Row, Table, n_of
from engine.errors import InputError

__all__ = ["is_web_page", "table_from_web_page", "text_of_html"]

SUFFIXES = (".html", ".htm", ".xhtml", ".xls", ".xlsx", ".mht")
ENOUGH = 200  # characters of a page's main part that make it the text
PROSE = 4  # a table is read unless there is this many times as much text beside it
_BEFORE = r"(?:\s|\ufeff|<!--.*?-->|<\?xml\b[^<>]*\?>)*"
_PAGE = re.compile(_BEFORE + r"<(?:!doctype\s+html\b|html\b|head\b|body\b)", re.IGNORECASE | re.DOTALL)
_PIECE = re.compile(
    _BEFORE + r"<(?:table|meta|style|title|link|div|p|h\d|ul|ol|center|font|script|span|tr|b|br)\b[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_TABLE = re.compile(_BEFORE + r"<table\b[^<>]*>.{0,5000}?<t[rhd]\b", re.IGNORECASE | re.DOTALL)


def is_web_page(head: bytes, source: Source) -> bool:
    """Whether a file that starts so (as UTF-8) is HTML: a whole page, a table, or a piece of that name."""
    start = head[:20_000].decode("utf-8", "replace")
    if _PAGE.match(start) or _TABLE.match(start):
        return True
    return source.suffix in SUFFIXES and bool(_PIECE.match(start))


def table_from_web_page(text: str, encoding: str, source: Source, options: ReadOptions) -> Table:
    """The rows of the largest table of data on a page; or the page as one document, `title` and `text`.

    Raises `InputError` if there is neither, if a table that was asked for is not there, or if it is too
    large.
    """
    page = walk(text, most=options.max_unpacked_mb * 1_000_000)
    if page.too_large:
        raise _too_large(source, options)
    grids = [grid for grid in page.tables if _holds_data(grid)]
    names = _names(grids)
    cut = ["The page is nested too deeply to be read to its end; some of it is missing."] if page.cut else []
    if options.sheet is not None:
        return _from_grid(_asked(options.sheet, names, source), grids, names, encoding, source, options, cut)
    if grids:
        best = max(range(len(grids)), key=lambda i: (sum(map(len, grids[i].rows)), -i))
        beside = len(page.text) - sum(grid.size for grid in grids)
        if source.suffix in (".xls", ".xlsx") or beside < PROSE * grids[best].size:
            return _from_grid(best, grids, names, encoding, source, options, cut)
    if page.cut and not page.text:
        page.text = without_tags(text)
    return _from_text(page, names, encoding, source, cut)


def _holds_data(grid: Grid) -> bool:
    """Rows and columns that are filled: not a frame that only puts the parts of a page in their places."""
    wide = sum(len(row) > 1 for row in grid.rows)
    if grid.headed and not wide:
        return len(grid.rows) > 2  # a list under a heading
    return not grid.layout and wide > 1 and 2 * wide >= len(grid.rows)


def _names(grids: list[Grid]) -> tuple[str, ...]:
    names: list[str] = []
    for i, grid in enumerate(grids):
        name = grid.name.strip()[:80]
        names.append(name if name and name not in names else f"table {i + 1}")
    return tuple(names)


def _asked(asked: str, names: tuple[str, ...], source: Source) -> int:
    if asked in names:
        return names.index(asked)
    listed = ", ".join(f"“{name}”" for name in names[:30])
    raise InputError(
        f"There is no table “{asked}” in “{source.name}”.",
        f"Its tables are {listed}." if names else "It has no table of data.",
    )


def _from_grid(
    at: int, grids: list[Grid], names: tuple[str, ...], encoding: str, source: Source, options: ReadOptions,
    cut: list[str],
) -> Table:  # fmt: skip
    grid = grids[at]
    if len(grid.rows) > options.max_rows + 50:  # a header may take some
        raise _too_many(len(grid.rows), source, options)
    filled = sorted({column for row in grid.rows for column in row})
    if len(filled) * len(grid.rows) * 8 > options.max_unpacked_mb * 1_000_000:
        raise _too_large(source, options)
    place = {column: i for i, column in enumerate(filled)}
    rows: list[Row] = [tuple(row.get(column, "") for column in filled) for row in grid.rows]
    spans = [
        (row, place[left], max(place[i] for i in range(left, right + 1) if i in place), bottom)
        for row, left, right, bottom in grid.spans
        if left in place
    ]
    header = header_over_merged(rows[:500], spans, options.header_row)
    data = rows[header.data_from :]
    if not data:
        raise InputError(
            "This table has a header but no rows under it.",
            "Choose a file with one document a row under the header.",
        )
    if len(data) > options.max_rows:
        raise _too_many(len(data), source, options)
    others = [f"“{name}” ({n_of(len(grids[i].rows), 'row')})" for i, name in enumerate(names) if i != at]
    notes = [f"The page is a web page; its {'largest ' if others else ''}table was read."]
    if others:
        more = f" and {len(others) - 10:,} more" if len(others) > 10 else ""
        notes = [f"“{names[at]}” on this web page was read; there is also {', '.join(others[:10])}{more}."]
    return Table("html", encoding, None, names[at], header.row, header.names, data,
                 (*cut, *notes, *header.warnings), sheets=names)  # fmt: skip


def _from_text(
    page: Page, names: tuple[str, ...], encoding: str, source: Source, cut: list[str]
) -> Table:
    text = page.main if len(page.main) >= ENOUGH else page.text
    if not text:
        raise InputError(
            f"“{source.name}” is a web page without a table and without text.",
            "If the page fills itself when it is opened, save what you see as PDF or copy it as text.",
        )
    notes = ["This web page is one document; menus and footers were left out."]
    if names:
        listed = ", ".join(f"“{name}”" for name in names[:10])
        notes.append(f"It reads as text; to read a table on it instead, choose it: {listed}.")
    title = (page.title or page.heading or source.stem)[:200]
    return Table("html", encoding, None, None, None, ("title", "text"), [(title, text)], (*cut, *notes),
                 sheets=names, known={"title": ("title", "the page's title"),
                                      "text": ("text", "the text of the page")})  # fmt: skip


def _too_large(source: Source, options: ReadOptions) -> InputError:
    return InputError(
        f"The tables of “{source.name}” take more than {options.max_unpacked_mb:,} MB once they are laid out "
        "(setting `max_unpacked_mb`).",
        "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
    )


def _too_many(count: int, source: Source, options: ReadOptions) -> InputError:
    return InputError(
        f"“{source.name}” has {n_of(count, 'row')}; up to {options.max_rows:,} can be read at once (setting "
        "`max_rows`).",
        "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
    )
