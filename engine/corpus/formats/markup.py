"""Walks through HTML once: its tables as cells in rows and columns, its text as lines, its title.

Does not: raise anything for hostile or broken markup; what is nested too deeply is left out, and told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

UNSEEN = frozenset(("script", "style", "template", "noscript", "head", "svg", "iframe", "object", "canvas"))
AROUND = frozenset(("nav", "footer", "aside", "button", "select", "header", "dialog", "menu"))
_BLOCKS = """
    address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol option p pre section
    summary table tbody tfoot thead title tr ul
    """
BLOCKS = frozenset(_BLOCKS.split())
A_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
_SPACE, _IN_A_LINE = re.compile(r"\s+"), re.compile(r"[^\S\n]+")
_ACROSS, _DOWN = 1_000, 65_534  # what a browser takes a cell to span at most
_TOP = 50  # rows for which spans are told: those where a header may stand


Span = tuple[int, int, int, int]
"""Row, first column, last column, last row."""


@dataclass(slots=True)
class Lines:
    """Text as it is seen: white space is one space, blocks are lines."""

    parts: list[str] = field(default_factory=list)

    def say(self, words: str, as_is: bool = False) -> None:
        """Add text; `as_is` keeps its line ends."""
        self.parts.append(words if as_is else _SPACE.sub(" ", words))

    def text(self) -> str:
        """The lines that are not blank."""
        lines = [_IN_A_LINE.sub(" ", line).strip() for line in "".join(self.parts).split("\n")]
        return "\n".join(filter(None, lines))


@dataclass(slots=True)
class Grid:
    """A table: `rows` hold cells by column; `spans` tell which header cells reach how far.

    `size`: characters laid out, those that spans repeat among them.
    """

    name: str = ""
    rows: list[dict[int, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    layout: bool = False  # says of itself that it holds no data
    headed: bool = False
    size: int = 0
    caption: Lines | None = None
    cell: Lines | None = None
    _place: tuple[int, int, bool] = (1, 1, False)
    _row: list[tuple[str, int, int]] | None = None
    _down: dict[int, tuple[int, str]] = field(default_factory=dict)

    def start_cell(self, columns: str | None, rows: str | None, heads: bool) -> None:
        """Open a cell; what was open before is closed."""
        self.end_cell()
        if self._row is None:
            self._row = []
        self._place = (_span(columns, _ACROSS), _span(rows, _DOWN), heads)
        self.cell = Lines()

    def end_cell(self) -> None:
        """Close the open cell, if there is one."""
        if self.cell is not None and self._row is not None:
            self._row.append((self.cell.text(), self._place[0], self._place[1]))
            self.headed = self.headed or self._place[2]
        self.cell = None

    def start_row(self) -> None:
        """Open a row; what was open before is closed."""
        self.end_row()
        self._row = []

    def end_row(self) -> None:
        """Put the cells of the open row in their columns, beside those that reach down from above."""
        self.end_cell()
        if self._row is None:
            return
        placed: dict[int, str] = {}
        reaching = self._down
        self._down = {at: (left - 1, text) for at, (left, text) in reaching.items() if left > 1}
        at, row, spans = 0, len(self.rows), list[Span]()
        for text, width, height in self._row:
            while at in reaching:
                at += 1
            right = at + width - 1
            placed[at] = text
            if height > 1:
                self._down[at] = (height - 1, text)
                for covered in range(at + 1, right + 1):
                    self._down[covered] = (height - 1, "")
            if row < _TOP and (width > 1 or height > 1):
                spans.append((row, at, right, row + height - 1))
            at = right + 1
        if any(placed.values()):
            for column, (_, text) in reaching.items():
                placed.setdefault(column, text)
            self.rows.append({column: text for column, text in sorted(placed.items()) if text})
            self.spans += spans
            self.size += sum(len(text) + 8 for text in self.rows[-1].values())
        self.size += 100 * len(reaching)  # the work that hostile spans make
        self._row = None


@dataclass(slots=True)
class Page:
    """What a page holds. `main`: the text of its main or article element, where it has one."""

    title: str
    heading: str
    text: str
    main: str
    tables: list[Grid]
    cut: bool  # nested too deeply to be read to its end
    too_large: bool


def text_of_html(fragment: str) -> str:
    """The text of a piece of HTML: a line a block or list item; scripts and styles left out."""
    fragment = fragment.replace("\0", "")
    if not A_TAG.search(fragment):
        lines = (line.strip() for line in html.unescape(fragment).splitlines())
        return "\n".join(line for line in lines if line)
    page = walk(fragment, whole=True)
    return without_tags(fragment) if page.cut else page.text


def without_tags(markup: str) -> str:
    """The text between tags, for markup that is nested too deeply for anything better."""
    seen = re.split(r"<(?:script|style)\b.*?(?:</(?:script|style)\s*>|\Z)", markup, flags=re.I | re.S)
    lines = (" ".join(line.split()) for line in html.unescape(A_TAG.sub("\n", "\n".join(seen))).split("\n"))
    return "\n".join(line for line in lines if line)


def walk(markup: str, whole: bool = False, most: int = 1 << 40) -> Page:
    """Read a page. `whole`: its text includes menus, headers and footers.

    `most`: characters that tables may be laid out to, spans counted.
    """
    from lxml import etree

    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True, recover=True
    )
    try:
        root = etree.fromstring(markup.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        root = None
    cut = any(entry.type_name in ("ERR_RESOURCE_LIMIT", "ERR_NO_MEMORY") for entry in parser.error_log)
    walker = _Walker(whole, most)
    if root is not None:
        for event, element in etree.iterwalk(root, events=("start", "end")):
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                walker.start(tag, element)
                walker.say(element.text)
            else:
                walker.end(tag)
                walker.say(element.tail)
            if walker.laid_out > most:
                break
    return walker.page(cut)


class _Walker:
    """Takes the elements one after the other, and knows what it is in."""

    def __init__(self, whole: bool, most: int) -> None:
        self.whole, self.most, self.laid_out = whole, most, 0
        self.title, self.heading, self.all, self.main = Lines(), Lines(), Lines(), Lines()
        self.grids: list[Grid] = []
        self.open: list[Grid] = []
        self.inside: dict[str, int] = {}
        self.unseen = self.around = 0
        self.headed = False

    def start(self, tag: str, element: object) -> None:
        """An element begins."""
        get = element.get  # type: ignore[attr-defined]
        self.inside[tag] = self.inside.get(tag, 0) + 1
        self.unseen += tag in UNSEEN
        self.around += tag in AROUND
        grid = self.open[-1] if self.open else None
        if tag == "table" and not self.unseen:
            grid = Grid(get("summary") or get("id") or "", layout=get("role") in ("presentation", "none"))
            self.open.append(grid)
            self.grids.append(grid)
        elif grid is not None and tag == "tr":
            grid.start_row()
        elif grid is not None and tag in ("td", "th"):
            grid.start_cell(get("colspan"), get("rowspan"), tag == "th")
        elif grid is not None and tag == "caption":
            grid.caption = Lines()
        self._break(tag)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.inside[tag] -= 1
        self.unseen -= tag in UNSEEN
        self.around -= tag in AROUND
        if self.open and not self.unseen:
            grid = self.open[-1]
            before = grid.size
            if tag in ("td", "th"):
                grid.end_cell()
            elif tag == "caption" and grid.caption is not None:
                grid.name, grid.caption = grid.caption.text().replace("\n", " ") or grid.name, None
            elif tag in ("tr", "table"):
                grid.end_row()
            self.laid_out += grid.size - before
            if tag == "table":
                self.open.pop()
        if tag in ("td", "th") and not self.unseen:
            self._apart(" ")  # of a piece of a table, too, whose <table> was cut away
        self.headed = self.headed or (tag == "h1" and bool(self.heading.text()))
        self._break(tag)

    def say(self, words: str | None) -> None:
        """Text where the walk is now."""
        if not words:
            return
        if self.inside.get("title") and not self.inside.get("svg"):
            self.title.say(words)
            return
        if self.unseen:
            return
        for lines in self._listening():
            lines.say(words, bool(self.inside.get("pre") or self.inside.get("textarea")))

    def page(self, cut: bool) -> Page:
        """All that was found."""
        for grid in self.open:
            grid.end_row()
        return Page(self.title.text().replace("\n", " "), self.heading.text().replace("\n", " "),
                    self.all.text(), self.main.text(), [grid for grid in self.grids if any(grid.rows)],
                    cut, self.laid_out > self.most)  # fmt: skip

    def _listening(self) -> Iterator[Lines]:
        if self.open:
            grid = self.open[-1]
            if grid.caption is not None:
                yield grid.caption
            elif grid.cell is not None:
                yield grid.cell
        in_main = self.inside.get("main") or self.inside.get("article")
        if self.whole or not self.around:
            yield self.all
            if in_main:
                yield self.main
        if self.inside.get("h1") and not self.headed:
            yield self.heading

    def _break(self, tag: str) -> None:
        if tag in BLOCKS:
            self._apart("\n")
            if self.open and self.open[-1].cell is not None:
                self.open[-1].cell.parts.append("\n")

    def _apart(self, sign: str) -> None:
        self.all.parts.append(sign)
        if self.main.parts:
            self.main.parts.append(sign)


def _span(said: str | None, most: int) -> int:
    match = re.match(r"\s*(\d{1,9})", said or "")
    return max(1, min(most, int(match[1]))) if match else 1
