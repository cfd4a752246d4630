"""Store: what is saved comes back; what is unfinished or damaged is said in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.corpus.ingest import ingest
from engine.corpus.store import (
    load_corpus,
    load_gold,
    load_manifest,
    load_receipt,
    save_corpus,
)
from engine.errors import InputError

LABELLED = "id,text,label,place\n1,Water in the hall,help,Selmor\n2,Soup at the pier,offer,\n"
PLAIN = "id,text\n1,Water in the hall\n2,Soup at the pier\n"


def test_round_trip(write: Callable[..., Path], tmp_path: Path) -> None:
    made = ingest([write("a.csv", LABELLED)])
    folder = tmp_path / "corpora" / "a"
    save_corpus(folder, made)
    assert load_corpus(folder) == made.corpus
    assert load_receipt(folder) == made.receipt.to_json()
    gold = load_gold(folder)
    assert gold == made.golds[0]
    assert load_gold(folder, "label") == gold
    assert load_manifest(folder)["digest"] == made.corpus.digest
    assert b"offer" not in (folder / "documents.arrow").read_bytes()
    with pytest.raises(InputError, match="no labels “mood”"):
        load_gold(folder, "mood")


def test_without_labels_there_is_no_file_for_them(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    save_corpus(folder, ingest([write("a.csv", LABELLED)]))
    save_corpus(folder, ingest([write("b.csv", PLAIN)]))  # replaced
    assert not (folder / "labels.parquet").exists()
    assert load_gold(folder) is None
    assert len(load_corpus(folder)) == 2


def test_unfinished_and_damaged(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished documents"):
        load_corpus(tmp_path / "nowhere")
    folder = tmp_path / "c"
    made = ingest([write("a.csv", LABELLED)])
    save_corpus(folder, made)
    save_corpus(tmp_path / "d", ingest([write("b.csv", LABELLED.replace("Water", "Mud"))]))
    (folder / "documents.arrow").write_bytes((tmp_path / "d" / "documents.arrow").read_bytes())
    with pytest.raises(InputError, match="damaged"):
        load_corpus(folder)
    (folder / "documents.arrow").write_bytes(b"PAR1 rubbish")
    with pytest.raises(InputError, match="damaged"):
        load_corpus(folder)
