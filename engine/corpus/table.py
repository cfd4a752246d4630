"""What a file is once it is read: a table of text cells; and how the user may steer the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

NO_HEADER = -1
"""Value of `ReadOptions.header_row` that says: the file has no header row."""

Role = Literal["text", "title", "date", "place", "id", "language", "label", "ignore"]
ROLES: tuple[Role, ...] = get_args(Role)
Row = tuple[str, ...]


class Rows(Protocol):
    """Rows that can be gone through again and again: a list, or a large file read anew each time."""

    def __iter__(self) -> Iterator[Row]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user said about a file, where None means "guess"; and the limits of what is read.

    `header_row` counts from 0 over the rows that are not blank (`NO_HEADER`: there is none).
    Columns are named as in `Table.columns`; `roles` says for any of them what it holds, and
    `label_columns=()` that no column holds labels. `repair`: mend letters that were encoded twice.
    `each_line`: whether each line of a plain text is a document, or the whole is one.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    text_column: str | None = None
    id_column: str | None = None
    label_columns: tuple[str, ...] | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    repair: bool = False
    each_line: bool | None = None
    max_upload_mb: int = 500
    max_rows: int = 2_000_000
    max_unpacked_mb: int = 2_000
    max_files: int = 10_000
    max_nesting: int = 3
    max_pdf_pages: int = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of one file, as text. Every row has one cell for each column.

    `sheets`: the sheets one may choose from. `unreadable`: rows of the file that could not be read
    at all (broken JSON lines), and why by `unreadable_why`. `set_aside`: records that are not
    documents by nature (service messages, notices), by reason; not among `rows`.
    `known`: roles the format itself is sure of, by column, with the reason.
    """

    format: str
    encoding: str
    delimiter: str | None
    sheet: str | None
    header_row: int | None
    columns: tuple[str, ...]
    rows: Rows
    warnings: tuple[str, ...] = ()
    unreadable: int = 0
    sheets: tuple[str, ...] = ()
    set_aside: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, tuple[Role, str]] = field(default_factory=dict)

    def column(self, index: int) -> list[str]:
        """All cells of one column."""
        return [row[index] for row in self.rows]

    def sample(self, most: int) -> list[Row]:
        """Up to about `most` rows spread evenly over the table (exactly: every k-th)."""
        if isinstance(self.rows, list):
            return self.rows[:: max(1, len(self.rows) // most)]
        return spread(self.rows, most)


def spread(rows: Iterable[Row], most: int) -> list[Row]:
    """Every k-th of the rows, k a power of two, so that `most` to `2 * most` are kept if there are."""
    kept: list[Row] = []
    step = 1
    for i, row in enumerate(rows):
        if i % step == 0:
            kept.append(row)
            if len(kept) > 2 * most:
                kept, step = kept[::2], 2 * step
    return kept


def n_of(count: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: "1 row", "1,200 rows"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
