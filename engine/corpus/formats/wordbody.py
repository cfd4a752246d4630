"""The body of a Word document as a reader sees it: paragraphs by kind, tables as grids of cells.

Does not: open the file. Deleted, hidden and replaced text is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.corpus.formats.paragraphs import normal

if TYPE_CHECKING:
    from docx.document import Document

LEFT_OUT = ("del", "moveFrom", "Fallback", "instrText", "rPr", "pPr", "sectPr", "tblPr", "trPr", "tcPr")
SIGNS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": " "}
REPEATED = 200  # characters: a longer cell over several rows stands in the first of them alone
MOST_COLUMNS = 63  # of a Word table


@dataclass(slots=True)
class Block:
    """A paragraph (`kind` "heading", "item" or "text"), or a table with its `rows`."""

    kind: str
    text: str = ""
    rows: list[list[str]] = field(default_factory=list)


def blocks_of(document: Document) -> Iterator[Block]:
    """The paragraphs and tables of a document in their order, those in text boxes included."""
    return _Reader(document).blocks()


class _Reader:
    """Walks one document's body in order."""

    def __init__(self, document: Document) -> None:
        self.body = document.element.body
        self.kinds = _style_kinds(document)

    def blocks(self) -> Iterator[Block]:
        return self._blocks(self.body)

    def _blocks(self, parent: Any) -> Iterator[Block]:  # noqa: ANN401 - an lxml element
        for child in parent:
            name = _name(child)
            if name == "p":
                yield self._paragraph(child)
                for boxed in _boxes(child):
                    yield from self._blocks(boxed)
            elif name == "tbl":
                yield Block("table", rows=list(self._rows(child)))
            elif name not in LEFT_OUT:  # content controls, inserted text: what they wrap counts
                yield from self._blocks(child)

    def _paragraph(self, element: Any) -> Block:  # noqa: ANN401 - an lxml element
        style, listed = None, False
        for part in element.iterfind("{*}pPr/*"):
            style = _value(part) if _name(part) == "pStyle" else style
            listed = listed or (_name(part) == "numPr" and _is_numbered(part))
        kind = self.kinds.get(style, "text")
        if kind == "text" and listed:
            kind = "item"
        return Block(kind, _said(element))

    def _rows(self, table: Any) -> Iterator[list[str]]:  # noqa: ANN401 - an lxml element
        """Cells as a grid: a cell over several columns in the first, one over several rows in each."""
        above: dict[int, str] = {}
        for row in _found(table, "tr"):
            cells: list[str] = [""] * _number(row.find("{*}trPr/{*}gridBefore"))
            for cell in _found(row, "tc"):
                at = len(cells)
                merged = cell.find("{*}tcPr/{*}vMerge")
                if merged is not None and _value(merged) != "restart":
                    text = above.get(at, "")
                else:
                    text = self._cell(cell)
                above[at] = text if merged is not None and len(text) <= REPEATED else ""
                cells.extend([text, *[""] * (max(1, _number(cell.find("{*}tcPr/{*}gridSpan"))) - 1)])
            yield cells

    def _cell(self, cell: Any) -> str:  # noqa: ANN401 - an lxml element
        parts = []
        for block in self._blocks(cell):
            parts.append(block.text)
            parts.extend(" ".join(row) for row in block.rows)
        return "\n".join(filter(None, parts))


def _style_kinds(document: Document) -> dict[str | None, str]:
    """What a paragraph of each style is: "heading" or "item", by the style or one it is based on."""
    own: dict[str | None, tuple[str, str | None]] = {}
    try:
        styles = document.styles.element
    except (KeyError, AttributeError, ValueError):
        return {}
    for style in styles.iterfind("{*}style"):
        name = (_value(style.find("{*}name")) or "").lower()
        numbered = style.find("{*}pPr/{*}numPr")
        outlined = style.find("{*}pPr/{*}outlineLvl")
        if name == "title" or name.startswith("heading") or (outlined is not None and _number(outlined) < 9):
            kind = "heading"
        elif (numbered is not None and _is_numbered(numbered)) or name.startswith("list "):
            kind = "text" if name.startswith("list paragraph") and numbered is None else "item"
        else:
            kind = ""
        own[_attribute(style, "styleId")] = (kind, _value(style.find("{*}basedOn")))
    kinds: dict[str | None, str] = {}
    for start in own:
        at, seen = start, set()
        while at in own and at not in seen and not own[at][0]:
            seen.add(at)
            at = own[at][1]
        kinds[start] = own[at][0] if at in own and own[at][0] else "text"
    return kinds


def _said(paragraph: Any) -> str:  # noqa: ANN401 - an lxml element
    """Its text as a reader sees it: without what was deleted or hidden, and without text boxes in it."""
    parts: list[str] = []
    pending = [iter(paragraph)]
    while pending:
        child = next(pending[-1], None)
        if child is None:
            pending.pop()
            continue
        name = _name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in SIGNS:
            parts.append(SIGNS[name])
        elif name not in LEFT_OUT and name != "txbxContent" and not (name == "r" and _is_hidden(child)):
            pending.append(iter(child))
    return normal("".join(parts))


def _is_hidden(run: Any) -> bool:  # noqa: ANN401 - an lxml element
    hidden = run.find("{*}rPr/{*}vanish")
    return hidden is not None and _value(hidden) not in ("0", "false", "off")


def _is_numbered(properties: Any) -> bool:  # noqa: ANN401 - an lxml element
    return _value(properties.find("{*}numId")) != "0"  # 0 takes the number of the style away


def _boxes(paragraph: Any) -> Iterator[Any]:  # noqa: ANN401 - lxml elements
    """Text boxes anchored in a paragraph; of two versions for old and new programs, the new one."""
    for box in paragraph.iter("{*}txbxContent"):
        within = itertools.takewhile(lambda parent: parent is not paragraph, box.iterancestors())
        if not {"Fallback", "txbxContent"}.intersection(map(_name, within)):
            yield box


def _found(parent: Any, name: str) -> Iterator[Any]:  # noqa: ANN401 - lxml elements
    """Rows of a table or cells of a row, also inside content controls; not those of tables within."""
    for child in parent:
        if _name(child) == name:
            yield child
        elif _name(child) in ("sdt", "sdtContent", "ins", "customXml", "smartTag"):
            yield from _found(child, name)


def _name(element: Any) -> str:  # noqa: ANN401 - an lxml element, or a comment
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "pPr"


def _attribute(element: Any, name: str) -> str | None:  # noqa: ANN401 - an lxml element
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def _value(element: Any) -> str | None:  # noqa: ANN401 - an lxml element or None
    return None if element is None else _attribute(element, "val")


def _number(element: Any) -> int:  # noqa: ANN401 - an lxml element or None
    value = _value(element) or "0"
    return min(int(value), MOST_COLUMNS) if value.isdecimal() else 0
