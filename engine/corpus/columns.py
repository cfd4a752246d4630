"""Documents as columns: a million of them in little memory, each made when it is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import overload

import pyarrow as pa

from engine.records import Document

BLOCK = 10_000  # documents turned into objects at once
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("original", pa.string()),  # null where it is the text itself
        ("group", pa.string()),
        ("meta", pa.string()),  # JSON, null where there is nothing
        ("parent", pa.string()),  # null for a whole document
    ]
)


class DocumentColumns(Sequence[Document]):
    """A sequence of documents over an Arrow table of `SCHEMA`; equal to any sequence of the same."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.num_rows

    @overload
    def __getitem__(self, at: int) -> Document: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Document, ...]: ...

    def __getitem__(self, at: int | slice) -> Document | tuple[Document, ...]:
        if isinstance(at, slice):
            first, end, step = at.indices(len(self))
            if step != 1:
                return tuple(self[i] for i in range(first, end, step))
            return tuple(_documents(self.table.slice(first, max(0, end - first))))
        at = range(len(self))[at]
        return next(_documents(self.table.slice(at, 1)))

    def __iter__(self) -> Iterator[Document]:
        for first in range(0, len(self), BLOCK):
            yield from _documents(self.table.slice(first, BLOCK))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def _documents(table: pa.Table) -> Iterator[Document]:
    columns = [table.column(name).to_pylist() for name in SCHEMA.names]
    for id_, text, original, group, meta, parent in zip(*columns, strict=True):
        yield Document(id_, text, text if original is None else original, group,
                       json.loads(meta) if meta else {}, parent or "")
