"""A corpus on disk: documents, labels found (apart), receipt; the manifest is written last.

<folder>/documents.parquet   id, text, original, group, meta (JSON)
<folder>/labels.parquet      id, column, label: only if labels were found
<folder>/receipt.json        what was read, kept and set aside
<folder>/manifest.json       digest and counts: its existence means the rest is whole
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.corpus.ingest import Ingested
from engine.errors import InputError, disk_errors_in_words
from engine.records import Corpus, Document, Gold
from engine.workspace import read_json, write_atomic, write_json

DOCUMENTS, LABELS = "documents.parquet", "labels.parquet"
RECEIPT, MANIFEST = "receipt.json", "manifest.json"
VERSION = 1
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
    _write(
        folder / DOCUMENTS,
        {
            "id": [d.id for d in corpus.documents],
            "text": [d.text for d in corpus.documents],
            "original": [d.original for d in corpus.documents],
            "group": [d.group for d in corpus.documents],
            "meta": [json.dumps(dict(d.meta), ensure_ascii=False) for d in corpus.documents],
        },
    )
    if ingested.golds:
        rows = [
            (i, gold.column, label) for gold in ingested.golds for i, label in gold.by_id.items()
        ]
        _write(
            folder / LABELS,
            {name: [row[k] for row in rows] for k, name in enumerate(("id", "column", "label"))},
        )
    write_json(folder / RECEIPT, ingested.receipt.to_json())
    write_json(
        folder / MANIFEST,
        {
            "version": VERSION,
            "id": corpus.id,
            "digest": corpus.digest,
            "documents": len(corpus),
            "groups": len({d.group for d in corpus.documents}),
            "labels": [gold.column for gold in ingested.golds],
        },
    )


def _write(path: Path, columns: dict[str, list[str]]) -> None:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    write_atomic(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def load_manifest(folder: Path) -> dict[str, Any]:
    """`version, id, digest, documents, groups, labels` of a stored corpus.

    Raises `InputError` if there is none (or it was not finished).
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"There are no finished documents in {folder.name}.",
            f"{AGAIN} If they were being added when the machine stopped, nothing else was lost.",
        )
    return read_json(path)


def load_corpus(folder: Path) -> Corpus:
    """The corpus stored in `folder`. Raises `InputError` if missing, unfinished or damaged."""
    manifest = load_manifest(folder)
    columns = _read(folder / DOCUMENTS)
    try:
        rows = zip(
            columns["id"],
            columns["text"],
            columns["original"],
            columns["group"],
            columns["meta"],
            strict=True,
        )
        documents = tuple(
            Document(i, text, original, group, json.loads(meta))
            for i, text, original, group, meta in rows
        )
    except (KeyError, ValueError) as error:
        raise _damaged(folder / DOCUMENTS) from error
    corpus = Corpus(manifest["id"], documents)
    if corpus.digest != manifest["digest"]:
        raise _damaged(folder / DOCUMENTS)
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
    found: list[str] = load_manifest(folder)["labels"]
    if column is None and not found:
        return None
    if column is not None and column not in found:
        raise InputError(
            f"There are no labels “{column}” with these documents.",
            f"There are: {', '.join(found)}." if found else "They came without labels.",
        )
    column = column or found[0]
    columns = _read(folder / LABELS)
    return Gold(
        column,
        {
            i: label
            for i, name, label in zip(
                columns["id"], columns["column"], columns["label"], strict=True
            )
            if name == column
        },
    )


def gold_from_csv(path: Path) -> Gold:
    """Labels kept in a file of their own, a CSV with the columns `id` and `label`: for scoring only."""
    with open(path, newline="", encoding="utf-8") as lines:
        return Gold("label", {row["id"]: row["label"] for row in csv.DictReader(lines)})


def _read(path: Path) -> dict[str, list[str]]:
    try:
        return pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} in {path.parent.name} is missing or damaged.", AGAIN)
