"""What a file is once it is read: a table of text cells; and how the user may steer the reading."""

from __future__ import annotations

from dataclasses import dataclass

NO_HEADER = -1
"""Value of `ReadOptions.header_row` that says: the file has no header row."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user said about a file; None means "guess".

    `header_row` counts from 0 over the rows that are not blank (`NO_HEADER`: there is none).
    Columns are named as in `Table.columns`. `label_columns=()` means that no column holds labels.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    text_column: str | None = None
    id_column: str | None = None
    label_columns: tuple[str, ...] | None = None
    max_upload_mb: int = 200
    max_rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of one file, as text. Every row has one cell for each column.

    `unreadable`: rows of the file that could not be read at all (broken JSON lines).
    `pieces_of_one`: the rows are paragraphs of one longer text rather than messages.
    """

    format: str
    encoding: str
    delimiter: str | None
    sheet: str | None
    header_row: int | None
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    warnings: tuple[str, ...] = ()
    unreadable: int = 0
    pieces_of_one: bool = False

    def column(self, index: int) -> list[str]:
        """All cells of one column."""
        return [row[index] for row in self.rows]


def n_of(count: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: "1 row", "1,200 rows"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
