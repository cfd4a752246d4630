"""The upload in hand: what was said about how to read it, and what the controls of the page show.

Does not: read files, nor touch components; plain values only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from engine.studio import DEFAULT_STEPS, Reading, ReadOptions
from ui import columns_table
from ui import wording_documents as words
from ui.columns_table import Said
from ui.receipts import PRIVATE, Receipt, files_of

HOW = ("encoding", "delimiter", "sheet", "header", "lines", "named", "repair", "mask", "steps")
"""Names of the controls below the table of columns, in order."""
NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Given:
    """Values of all controls; "" means: decide for me."""

    columns: Said = NOTHING_SAID
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header: str = ""
    lines: str = ""
    named: str = ""
    repair: bool = False
    mask: bool = False
    steps: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Sequence[Any]) -> Given:
        """From what the page sends: the table's choices, then `HOW`."""
        slots = columns_table.SLOTS
        roles, (labels, left_out, *how) = values[:slots], values[slots:]
        *plain, repair, mask, steps = how
        return cls(Said(tuple(role or None for role in roles), tuple(labels or ()), tuple(left_out or ())),
                   *(value or "" for value in plain), bool(repair), bool(mask), tuple(steps or ()))


class Turn:
    """Changes to one upload, one after the other; the browser sends some of them twice at once.

    `asked`: what was last read with success; `latest`: the upload as it stands then. `filled`: the upload as
    the form showed it, by the mark that travels with the form: what the page sends may be older than what it
    is held against.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.filled: dict[str, Held] = {}
        self.asked: tuple[Any, ...] | None = None
        self.latest: Held | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Turn:
        return self


@dataclass(frozen=True, slots=True)
class Held:
    """One upload in hand. `chosen`: fields of `ReadOptions` that the analyst set; `steps`: of cleaning;
    `beside`: what becomes of the documents in use, in words.

    `reading` is None while nothing in it could be read. `private`: what was found before it was masked.
    """

    visitor: str
    paths: tuple[str, ...]
    beside: str = ""
    steps: tuple[str, ...] = DEFAULT_STEPS
    chosen: Mapping[str, Any] = field(default_factory=dict)
    reading: Reading | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    shown: Given = Given()
    private: Mapping[str, Any] | None = None
    turn: Turn = field(default_factory=Turn, compare=False, repr=False)

    @property
    def options(self) -> ReadOptions:
        """How the engine is to read."""
        return ReadOptions(**self.chosen)


def put_right(held: Held, given: Given, form: Held | None = None) -> Held:
    """The upload with what was changed in the page; `held` itself if nothing was.

    `form`: the upload as the form showed it, where that is not `held`.
    """
    form = form or held
    before, said = form.shown, dict(held.chosen)
    if _alike(given, before):
        return held
    if given.encoding != before.encoding:
        said["encoding"] = given.encoding or None
    if given.delimiter != before.delimiter:
        said["delimiter"] = given.delimiter or None
    if given.header != before.header:
        said["header_row"] = int(given.header) if given.header else None
    if given.sheet != before.sheet:
        said |= {"sheet": given.sheet or None, "header_row": None}  # another sheet has its own header
    if given.lines != before.lines:
        said["each_line"] = {"line": True, "file": False}.get(given.lines)
    if given.named != before.named:
        said["text_column"] = given.named.strip() or None
    if given.repair != before.repair or "repair" not in said:
        said["repair"] = given.repair
    said["roles"] = columns_table.chosen(said.get("roles", {}), form.order, before.columns, given.columns)
    if (given.mask, sorted(given.steps)) == (before.mask, sorted(before.steps)):
        return replace(held, chosen=said)
    steps = tuple(name for name in held.titles if name in given.steps) if held.titles else \
        tuple(name for name in held.steps if name != PRIVATE)
    return replace(held, chosen=said, steps=(*steps, PRIVATE) if given.mask else steps)


def _alike(given: Given, before: Given) -> bool:
    """The same choices; ticks and lists may come in another order."""
    def plain(value: Given) -> Given:
        columns = value.columns
        return replace(value, steps=tuple(sorted(value.steps)), columns=replace(
            columns, labels=tuple(sorted(columns.labels)), left_out=tuple(sorted(columns.left_out))))
    return plain(given) == plain(before)


def after_reading(held: Held, reading: Reading) -> Held:
    """The upload with what was read, and the controls as the page will show them."""
    receipt = reading.receipt
    columns = columns_table.columns_of(receipt)
    order = columns_table.arranged(columns, held.order)
    said = dict(held.chosen)
    if said.pop("text_column", None):  # from here on the table says it
        said["roles"] = {**said.get("roles", {}), files_of(receipt)[0]["text_column"]: "text"}
    titles = {**held.titles, **{step["name"]: step["title"] for step in receipt["cleaning"]
                                if step["name"] != PRIVATE}}
    masked = PRIVATE in held.steps
    held = replace(held, chosen=said, reading=reading, titles=titles, order=order,
                   private=held.private if masked else receipt["private"])
    return replace(held, shown=shown(held, columns_table.said(columns, order)))


def shown(held: Held, columns: Said = NOTHING_SAID) -> Given:
    """The values that controls have while nothing is changed."""
    said = held.chosen
    header, lines = said.get("header_row"), said.get("each_line")
    return Given(columns, said.get("encoding") or "", said.get("delimiter") or "", said.get("sheet") or "",
                 "" if header is None else str(header), "" if lines is None else "line" if lines else "file",
                 said.get("text_column") or "", bool(said.get("repair")), PRIVATE in held.steps,
                 tuple(name for name in held.steps if name != PRIVATE))


def decided(receipt: Receipt, fact: str) -> str:
    """What the program decided about a file, where it is the same for all of them."""
    found = {file[fact] for file in files_of(receipt)}
    only = found.pop() if len(found) == 1 else None
    if only is None or only == "":
        return ""
    if fact == "delimiter":
        return next((name for name, sign in words.DOCUMENTS_DELIMITERS.items() if sign == only), only)
    if fact == "header_row":
        return words.documents_row(only) if only >= 0 else words.DOCUMENTS_NO_HEADER
    return str(only)
