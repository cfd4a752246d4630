"""A corpus on disk: documents, labels found (apart), receipt; the manifest is written last.

<folder>/documents.arrow     the columns of `columns.SCHEMA`; mapped into memory, not read
<folder>/labels.parquet      id and a column for each column of labels: only if labels were found
<folder>/receipt.json        what was read, kept and set aside
<folder>/manifest.json       digest and counts: its existence means the rest is whole
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.corpus.columns import SCHEMA, DocumentColumns
from engine.corpus.ingest import Ingested
from engine.errors import InputError, disk_errors_in_words
from engine.records import Corpus, Document, Gold
from engine.workspace import read_json, write_atomic, write_json

DOCUMENTS, LABELS = "documents.arrow", "labels.parquet"
RECEIPT, MANIFEST = "receipt.json", "manifest.json"
VERSION = 2
AGAIN = "Add the documents again."


def save_corpus(folder: Path, ingested: Ingested) -> None:
    """Write all files of a corpus into `folder` (made if needed); one that is there is replaced.

    Raises `SpaceError` where the disk is full or may not be written.
    """
    with disk_errors_in_words("the documents"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        (folder / LABELS).unlink(missing_ok=True)
    corpus = ingested.corpus
    write_atomic(folder / DOCUMENTS, lambda temporary: _write_columns(corpus.documents, temporary))
    labels = [name for name in ingested.labels.column_names if name != "id"]
    if labels:
        write_atomic(folder / LABELS,
                     lambda temporary: pq.write_table(ingested.labels, temporary, compression="zstd"))
    write_json(folder / RECEIPT, ingested.receipt.to_json())
    write_json(
        folder / MANIFEST,
        {
            "version": VERSION,
            "id": corpus.id,
            "digest": corpus.digest,
            "documents": ingested.receipt.documents,
            "pieces": len(corpus),
            "groups": ingested.receipt.documents - ingested.receipt.duplicates,
            "labels": labels,
        },
    )


def _write_columns(documents: Sequence[Document], path: Path) -> None:
    assert isinstance(documents, DocumentColumns)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        writer.write_table(documents.table, max_chunksize=20_000)


def load_manifest(folder: Path) -> dict[str, Any]:
    """`version, id, digest, documents, pieces, groups, labels` of a stored corpus.

    Raises `InputError` if there is none (or it was not finished).
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"There are no finished documents in {folder.name}.",
            f"{AGAIN} If they were being added when the machine stopped, nothing else was lost.",
        )
    manifest = read_json(path)
    if manifest.get("version") != VERSION:
        raise InputError(
            f"The documents in {folder.name} were stored by another version of this program.", AGAIN
        )
    return manifest


def load_corpus(folder: Path) -> Corpus:
    """The corpus stored in `folder`. Raises `InputError` if missing, unfinished or damaged."""
    manifest = load_manifest(folder)
    try:
        with pa.memory_map(str(folder / DOCUMENTS)) as file:
            columns = pa.ipc.open_file(file).read_all()
        corpus = Corpus(manifest["id"], DocumentColumns(columns))
        if columns.schema != SCHEMA or corpus.digest != manifest["digest"]:
            raise _damaged(folder / DOCUMENTS)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged(folder / DOCUMENTS) from error
    return corpus


def load_receipt(folder: Path) -> dict[str, Any]:
    """The receipt of a stored corpus, as JSON. Raises `InputError` if the corpus is not there."""
    load_manifest(folder)
    return read_json(folder / RECEIPT)


def load_gold(folder: Path, column: str | None = None) -> Gold | None:
    """Labels that came with the documents: only evaluation may call this, no training ever does.

    `column`: which of them; None takes the first. None comes back if the upload carried no labels.
    Raises `InputError` for a column that is not among them.
    """
    named = gold_column(folder, column)
    if named is None:
        return None
    try:
        return _read_gold(folder / LABELS, named)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(folder / LABELS) from error


def gold_column(folder: Path, column: str | None = None) -> str | None:
    """The name of the labels that `load_gold` would load. Raises as that does, without reading them."""
    found: list[str] = load_manifest(folder)["labels"]
    if column is not None and column not in found:
        raise InputError(
            f"There are no labels “{column}” with these documents.",
            f"There are: {', '.join(found)}." if found else "They came without labels.",
        )
    return column or next(iter(found), None)


def keep_gold(path: Path, gold: Gold) -> None:
    """Keep labels in a file of their own, as they are now."""
    table = pa.table({"id": pa.array(list(gold.by_id), pa.string()),
                      gold.column: pa.array(list(gold.by_id.values()), pa.string())})
    write_atomic(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def kept_gold(path: Path) -> Gold:
    """Labels kept by `keep_gold`. Raises `InputError` where the file is damaged."""
    try:
        return _read_gold(path, pq.read_schema(path).names[1])
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path) from error


def _read_gold(path: Path, column: str) -> Gold:
    read = pq.read_table(path, columns=["id", column])
    cells = zip(read["id"].to_pylist(), read[column].to_pylist(), strict=True)
    return Gold(column, {i: label for i, label in cells if label is not None})


def gold_from_csv(path: Path) -> Gold:
    """Labels kept in a file of their own, a CSV with the columns `id` and `label`: for scoring only."""
    with open(path, newline="", encoding="utf-8") as lines:
        return Gold("label", {row["id"]: row["label"] for row in csv.DictReader(lines)})


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} in {path.parent.name} is missing or damaged.", AGAIN)
