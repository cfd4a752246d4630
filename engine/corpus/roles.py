"""Guesses what each column holds, by its name, else by its cells; with the reason in words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from engine.corpus import naming
from engine.corpus.naming import plain_name, rank
from engine.corpus.table import ROLES, ReadOptions, Role, Row, Table, n_of
from engine.errors import InputError

LOOKED_AT = 2_000  # rows, spread over the table
FEW = 20  # a short column with fewer distinct values looks like a label
LONG = 40  # characters: a cell longer than this reads as text
SCORED_ONLY = "kept for scoring only; no model learns from it"
BESIDE = "kept beside each document; models do not read it"

DATE = re.compile(
    r"""\s*(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*
    |\d{1,2}\s+\w{3,12}\.?,?\s+\d{4}.*|\w{3,12}\.?\s+\d{1,2},?\s+\d{4}.*|\d{14}
    |\w{3}\s\w{3}\s\d{1,2}\s\d\d:\d\d.*\d{4}|\w{3},\s\d{1,2}\s\w{3}\s\d{4}.*)\s*""",
    re.VERBOSE,
)
NUMBER = re.compile(r"\s*[-+]?[\d.,:%\s]+(?:[eE][-+]?\d+)?\s*")
IDENTIFIER = re.compile(
    r"""\s*['"\[(]*[A-Za-z]{0,6}[-_/#:]?\d[\w-]*['"\])]*\s*|\s*[0-9a-fA-F-]{16,40}\s*"""
)
LINK = re.compile(r"\s*(?:https?://|www\.)\S+\s*")
CODE = re.compile(r"\s*[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?\s*")


@dataclass(frozen=True, slots=True)
class ColumnRole:
    """What a column is taken for, and why."""

    column: str
    role: Role
    because: str


@dataclass(frozen=True, slots=True)
class _Cells:
    """What can be said of a column by looking at it; shares are of its filled cells."""

    name: str
    filled: int
    rows: int
    distinct: int
    length: float  # median, characters
    letters: float  # share of letters among characters that are not white space
    long: float  # share of cells longer than LONG
    dates: float
    numbers: float
    identifiers: float
    links: float
    codes: float
    words: float  # median words

    @property
    def distinct_share(self) -> float:
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def one_value(self) -> bool:
        return self.distinct == 1 < self.filled

    @property
    def few_values(self) -> bool:
        return 0 < self.distinct < FEW and self.length <= LONG and self.distinct_share <= 0.5

    @property
    def reads_as_text(self) -> bool:
        return (
            self.filled >= 0.3 * self.rows > 0
            and not self.few_values
            and self.letters >= 0.5
            and self.length >= 12
            and self.distinct_share >= 0.3
            and max(self.dates, self.numbers, self.identifiers, self.links) < 0.6
        )


def guess_roles(table: Table, options: ReadOptions | None = None, *,
                alone: bool = True) -> tuple[ColumnRole, ...]:
    """One role a column, in column order; exactly one of them is `text`.

    `alone`: whether this is the whole upload; a category that is the same in all of it can check nothing, but
    in one of several files it may tell these apart.
    What `options` says about columns wins. Raises `InputError` if a named column is not there, or
    if no column holds text.
    """
    options = options or ReadOptions()
    rows = table.sample(LOOKED_AT)
    cells = [_look(table, rows, i) for i in range(len(table.columns))]
    chosen: dict[int, ColumnRole] = {}
    said = [
        (options.text_column, "text"),
        (options.id_column, "id"),
        *((label, "label") for label in options.label_columns or ()),
        *((name, role) for name, role in options.roles.items() if name in table.columns),
    ]
    for name, role in said:
        if role not in ROLES:
            raise InputError(f"“{role}” is no role of a column.", f"The roles are {', '.join(ROLES)}.")
        if name is not None:
            index = column_named(table, name)
            if index in chosen and chosen[index].role != role:
                raise InputError(
                    f"Column “{table.columns[index]}” was chosen as {chosen[index].role} and "
                    f"as {role}.",
                    "Give each column one role.",
                )
            note = f"chosen by you; {SCORED_ONLY}" if role == "label" else "chosen by you"
            chosen[index] = ColumnRole(table.columns[index], role, note)
    for name, (role, because) in table.known.items():
        index = table.columns.index(name)
        taken = any(known.role == role for known in chosen.values())
        constant = alone and role == "label" and cells[index].one_value
        taken = constant or taken and role in ("text", "id")
        if index not in chosen and not taken and cells[index].filled:
            chosen[index] = ColumnRole(name, role, because)
    texts = [i for i, known in chosen.items() if known.role == "text"]
    if len(texts) > 1:
        raise InputError("Two columns were chosen as the text.", "Choose one column as the text.")
    if not texts:
        free = [i for i in range(len(cells)) if i not in chosen]
        text = _text_column(cells, free, table)
        chosen[text[0]] = ColumnRole(table.columns[text[0]], "text", text[1])
    roles = [chosen.get(i) or _other(cells[i], options, alone) for i in range(len(cells))]
    return tuple(_one_each(roles, chosen, cells))


def column_named(table: Table, name: str) -> int:
    """Index of a column, forgiving about case and `_`. Raises `InputError` if there is none."""
    if name in table.columns:
        return table.columns.index(name)
    for i, column in enumerate(table.columns):
        if plain_name(column) == plain_name(name):
            return i
    near = difflib.get_close_matches(name, table.columns, n=1)
    listed = ", ".join(f"“{column}”" for column in table.columns[:12])
    raise InputError(
        f"There is no column “{name}” in this file.",
        (f"Did you mean “{near[0]}”? " if near else "") + f"Its columns are {listed}.",
    )


def _look(table: Table, rows: Sequence[Row], index: int) -> _Cells:
    column = [row[index].strip() for row in rows]
    filled = [cell for cell in column if cell]
    n = len(filled) or 1

    def share(pattern: re.Pattern[str]) -> float:
        return sum(bool(pattern.fullmatch(cell[:200])) for cell in filled) / n

    dense = [c for cell in filled for c in cell[:300] if not c.isspace()]
    return _Cells(
        table.columns[index],
        len(filled),
        len(column),
        len(set(filled)),
        median(map(len, filled)) if filled else 0,
        sum(map(str.isalpha, dense)) / max(1, len(dense)),
        sum(len(cell) > LONG for cell in filled) / n,
        share(DATE),
        share(NUMBER),
        share(IDENTIFIER),
        share(LINK),
        share(CODE),
        median(len(cell.split()) for cell in filled) if filled else 0,
    )


def _text_column(cells: Sequence[_Cells], free: Sequence[int], table: Table) -> tuple[int, str]:
    """The text column and the reason: known names in order, then the cells, then a title."""
    named = sorted(
        (place, i) for i in free if (place := rank(cells[i].name, naming.TEXT)) is not None
    )
    usable = [(place, i) for place, i in named if not _clearly_not_text(cells[i])]
    if len(table.columns) == 1 and free and cells[0].filled and not _clearly_not_text(cells[0]):
        return 0, "the only column"
    for _, i in usable:
        if cells[i].filled:
            return i, f"its name says so; {_length_in_words(cells[i])}"
    texts = [i for i in free if cells[i].reads_as_text and not _named_otherwise(cells[i])]
    if texts:
        best = max(texts, key=lambda i: (cells[i].length * min(1.0, cells[i].letters + 0.2), -i))
        return best, f"{_length_in_words(cells[best])}, mostly letters and mostly different"
    for i in free:
        if rank(cells[i].name, naming.TITLE) is not None and cells[i].reads_as_text:
            return i, "no longer text in this file, so its titles are read"
    if usable:
        return usable[0][1], "its name says so, but its cells are empty"
    raise InputError(
        "No column in this file holds text: "
        + "; ".join(f"“{c.name}” {_why_not(c)}" for c in cells[:8])
        + ".",
        "If one of them does hold the documents, choose it as the text column; if the file "
        "holds only identifiers, get the texts first.",
    )


def _clearly_not_text(cells: _Cells) -> bool:
    return cells.filled > 0 and (
        max(cells.dates, cells.numbers, cells.identifiers, cells.links) >= 0.9
        or cells.few_values
        and cells.length < 12
    )


def _named_otherwise(cells: _Cells) -> bool:
    """Known by name as something that is not the text, and short enough to be it."""
    others = (
        naming.DATE,
        naming.PLACE,
        naming.IDENTIFIER,
        naming.LANGUAGE,
        naming.LABEL,
        naming.TITLE,
        naming.BESIDE,
    )
    return cells.length < 60 and any(rank(cells.name, names) is not None for names in others)


def _why_not(cells: _Cells) -> str:
    if not cells.filled:
        return "is empty"
    for share, words in (
        (cells.dates, "holds dates"),
        (cells.links, "holds links"),
        (cells.numbers, "holds numbers"),
        (cells.identifiers, "holds identifiers"),
    ):
        if share >= 0.6:
            return words
    return (
        f"has only {n_of(cells.distinct, 'different value')}"
        if cells.few_values
        else "is too short"
    )


def _length_in_words(cells: _Cells) -> str:
    if cells.long >= 0.5:
        return f"{100 * cells.long:.0f} % of its cells are longer than {LONG} characters"
    return f"its cells are {cells.length:.0f} characters long, as a rule"


def _other(cells: _Cells, options: ReadOptions, alone: bool) -> ColumnRole:
    """The role of a column that is not the text."""
    name = cells.name
    may_label = options.label_columns is None
    if not cells.filled:
        return ColumnRole(name, "ignore", "it is empty")
    numbered = max(cells.identifiers, cells.numbers) >= 0.9
    if rank(name, naming.IDENTIFIER) is not None and (numbered or not cells.few_values):
        return ColumnRole(name, "id", "its name says so")
    if rank(name, naming.LANGUAGE) is not None:
        return ColumnRole(name, "language", "its name says so")
    if (
        rank(name, naming.DATE) is not None and max(cells.dates, cells.numbers) >= 0.5
    ) or cells.dates >= 0.8:
        return ColumnRole(
            name,
            "date",
            f"{100 * cells.dates:.0f} % of its cells are dates"
            if cells.dates >= 0.5
            else "its name says so",
        )
    if rank(name, naming.PLACE) is not None and cells.length <= 80:
        return ColumnRole(name, "place", "its name says so")
    if rank(name, naming.TITLE) is not None:
        return ColumnRole(name, "title", "its name says so")
    labelled = rank(name, naming.LABEL) is not None and may_label and cells.length <= 80
    if labelled and not (alone and cells.one_value):
        return ColumnRole(name, "label", f"its name says so; {SCORED_ONLY}")
    if rank(name, naming.BESIDE) is not None:
        return ColumnRole(name, "ignore", BESIDE)
    if cells.one_value:
        where = "every row" if cells.filled == cells.rows else "every row that has it"
        return ColumnRole(name, "ignore",
                          f"it is the same in {where}, so nothing can be checked by it; {BESIDE}")
    if cells.few_values and may_label:
        return ColumnRole(
            name,
            "label",
            f"only {n_of(cells.distinct, 'different value')} in "
            f"{n_of(cells.rows, 'row')} looked at; {SCORED_ONLY}",
        )
    if cells.identifiers >= 0.9 and cells.distinct == cells.filled and cells.filled > 1:
        return ColumnRole(name, "id", "every cell is a different number or code")
    return ColumnRole(
        name, "ignore", BESIDE if cells.length <= 200 else "a second long text; not read"
    )


def _one_each(
    roles: Sequence[ColumnRole], chosen: dict[int, ColumnRole], cells: Sequence[_Cells]
) -> list[ColumnRole]:
    """At most one id column: the one chosen, else the best known and most complete one."""
    ids = [i for i, role in enumerate(roles) if role.role == "id"]
    result = list(roles)
    if len(ids) > 1:

        def worth(i: int) -> tuple[bool, float, int]:
            place = rank(roles[i].column, naming.IDENTIFIER)
            return (
                i in chosen,
                cells[i].distinct / max(1, cells[i].rows),
                -(99 if place is None else place),
            )

        best = max(ids, key=worth)
        for i in ids:
            if i != best:
                result[i] = replace(
                    roles[i],
                    role="ignore",
                    because=f"“{roles[best].column}” names the documents; {BESIDE}",
                )
    return result
