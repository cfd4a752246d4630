"""What was read, kept and set aside, and why: one receipt for each upload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.corpus.archives import Refusal
from engine.corpus.cleaning import StepReport
from engine.corpus.privacy import PrivacyReport, mask
from engine.corpus.repair import Doubled
from engine.corpus.roles import ColumnRole


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """One file; `rows_read` = `documents` + all of `dropped`.

    `preview`: its first documents as models read them; `rows`: its first rows as they stand in the file.
    """

    name: str
    format: str
    encoding: str
    delimiter: str | None
    sheet: str | None
    header_row: int | None
    text_column: str
    rows_read: int
    documents: int
    duplicates: int
    dropped: Mapping[str, int]
    warnings: tuple[str, ...]
    labels_found: tuple[str, ...]
    columns: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    roles: tuple[ColumnRole, ...] = ()
    preview: tuple[Mapping[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the receipt's keys."""
        return _jsonable(asdict(self))


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Documents that say the same: how many, and up to three of their texts."""

    group: str
    size: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """All files of an upload together.

    `duplicates`: documents that are not the first of their group. `in_pieces`: long documents, cut into
    pieces that models can read; `pieces`: whole documents and pieces in all; `shortened`: documents whose
    end was not read, because they would have given too many pieces. `private`: private details found in a
    sample; `doubled`: signs that letters were encoded twice, if any; `repaired`: those were mended.
    """

    files: tuple[FileReceipt, ...]
    cleaning: tuple[StepReport, ...] = ()
    groups: tuple[DuplicateGroup, ...] = ()
    shortened: int = 0
    in_pieces: int = 0
    pieces: int = 0
    refused: tuple[Refusal, ...] = ()
    private: PrivacyReport | None = None
    doubled: Doubled | None = None
    repaired: bool = False
    warnings: tuple[str, ...] = field(default=())

    @property
    def rows_read(self) -> int:
        """Rows of all files."""
        return sum(file.rows_read for file in self.files)

    @property
    def documents(self) -> int:
        """Documents kept, duplicates included."""
        return sum(file.documents for file in self.files)

    @property
    def duplicates(self) -> int:
        """Documents that are not the first of their group."""
        return sum(file.duplicates for file in self.files)

    @property
    def dropped(self) -> dict[str, int]:
        """Rows set aside, by reason."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.dropped)
        return dict(total)

    @property
    def labels_found(self) -> tuple[str, ...]:
        """Columns of labels, each once, in the order they were met."""
        return tuple(dict.fromkeys(label for file in self.files for label in file.labels_found))

    @property
    def remarks(self) -> list[str]:
        """What was guessed, mended or left out in reading the files, each with its name where several are."""
        several = len(self.files) > 1
        return [f"{file.name}: {note}" if several else note for file in self.files for note in file.warnings]

    def to_json(self) -> dict[str, Any]:
        """One file: its keys at the top. Several: `files`, and the totals under the same keys."""
        shared = _jsonable(
            {
                "cleaning": [asdict(step) for step in self.cleaning],
                "groups": [asdict(group) for group in self.groups],
                "shortened": self.shortened,
                "in_pieces": self.in_pieces,
                "pieces": self.pieces,
                "refused": [asdict(refusal) for refusal in self.refused],
                "private": asdict(self.private) if self.private else None,
                "doubled": asdict(self.doubled) if self.doubled else None,
                "repaired": self.repaired,
                "warnings": [*self.remarks, *self.warnings],
            }
        )
        if len(self.files) == 1:
            return {**self.files[0].to_json(), **shared}
        return {
            "files": [file.to_json() for file in self.files],
            "rows_read": self.rows_read,
            "documents": self.documents,
            "duplicates": self.duplicates,
            "dropped": self.dropped,
            "labels_found": list(self.labels_found),
            **shared,
        }


def _jsonable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    return value


SHOWN = ("preview", "rows", "examples", "before", "after")  # where a receipt shows words of documents


def masked(value: Any, words: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """A receipt (its JSON) with private details masked wherever it shows words of documents."""
    if isinstance(value, Mapping):
        return {key: masked(inner, words or key in SHOWN) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner, words) for inner in value]
    return mask(value) if words and isinstance(value, str) else value
