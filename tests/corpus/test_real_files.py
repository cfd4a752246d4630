"""Real and hostile files, where they are on the machine: what each must give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.corpus.ingest import Ingested, ingest
from engine.corpus.reading import read_table
from engine.corpus.splits import split
from engine.corpus.table import ReadOptions
from engine.errors import InputError


def receipt(path: Path) -> dict[str, Any]:
    made = ingest([path]).receipt.to_json()
    assert made["rows_read"] == made["documents"] + sum(made["dropped"].values())
    return made


@pytest.mark.parametrize(
    ("name", "rows", "documents", "text_column"),
    [
        ("01_utf16le_bom_tab.csv", 40, 40, "message"),
        ("02_cp1256_arabic_semicolon.csv", 12, 12, "النص"),
        ("04_hxl_three_header_rows.csv", 15, 15, "#description+need"),
        ("05_twitter_v11.jsonl", 14, 12, "text"),
        ("09_bare_cr_and_nul.csv", 3, 3, "text"),
        ("15_95pct_near_duplicates.csv", 400, 400, "tweet_text"),
        ("16_mixed_scripts.csv", 29, 26, "msg"),
        ("27_pii.csv", 3, 3, "text"),
        ("28_label_leak.csv", 10, 10, "text"),
        ("30_prompt_injection.csv", 3, 3, "text"),
    ],
)
def test_hostile_files(
    shared_data: Path, name: str, rows: int, documents: int, text_column: str
) -> None:
    made = receipt(shared_data / "nasty" / name)
    assert (made["rows_read"], made["documents"], made["text_column"]) == (
        rows,
        documents,
        text_column,
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("11_ids_only.csv", "No column in this file holds text"),
        ("12_empty.csv", "is empty"),
        ("13_header_only.csv", "no rows under it"),
        ("14_all_blank_text.csv", "None of the 5 rows"),
        ("19_cap_entities.xml", "entities"),
    ],
)
def test_hostile_files_refused(shared_data: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ingest([shared_data / "nasty" / name])


def test_one_huge_text(shared_data: Path) -> None:
    made = receipt(shared_data / "nasty" / "18_one_huge_doc.txt")
    assert (made["documents"], made["in_pieces"]) == (1, 1)
    assert 140 < made["pieces"] < 400
    assert any("longer text" in note for note in made["warnings"])


def test_workbooks_archives_and_exports(shared_data: Path) -> None:
    nasty = shared_data / "nasty"
    for name in ("24_messy.xlsx", "25_xlsx_named_csv.csv"):
        made = receipt(nasty / name)
        assert made["documents"] == 17
        assert made["header_row"] == 1  # blank rows are not counted
        assert any("are lost" in note for note in made["warnings"])
    chat = receipt(nasty / "07_telegram_result.json")
    assert (chat["format"], chat["documents"]) == ("telegram", 3)
    reports = receipt(nasty / "08_reliefweb_api.json")
    assert (reports["format"], reports["documents"]) == ("reliefweb", 2)
    assert any("title" in note for note in reports["warnings"])
    folder = ingest([nasty / "21_folder.zip"])
    assert folder.receipt.documents == 4
    assert any("Région touchée: Grand’Anse" in d.text for d in folder.corpus.documents)
    slip = receipt(nasty / "22_zip_slip.zip")
    assert slip["documents"] == 1
    assert len(slip["refused"]) == 2


def test_copies_and_leaked_labels(shared_data: Path) -> None:
    copies = receipt(shared_data / "nasty" / "15_95pct_near_duplicates.csv")
    assert copies["duplicates"] == 396
    assert any("copies" in note for note in copies["warnings"])
    same = ingest([shared_data / "nasty" / "28_label_leak.csv"])
    assert same.receipt.labels_found == ()  # every row is a request: nothing can be checked by that
    both = ReadOptions(label_columns=("class_label", "predicted_label"))
    leak = ingest([shared_data / "nasty" / "28_label_leak.csv"], both)
    assert leak.receipt.labels_found == ("class_label", "predicted_label")
    assert all("class_label" not in d.meta for d in leak.corpus.documents)


@pytest.mark.parametrize(
    "name",
    [
        "input-valid.csv",
        "input-valid-latin1.csv",
        "input-valid.ssv",
        "input-valid.json",
        "input-valid.hxl",
        "input-valid.tsv",
    ],
)
def test_hashtag_rows(shared_data: Path, name: str) -> None:
    read = read_table(shared_data / "hxl_samples" / name)
    assert "#country" in read.columns
    assert read.rows[0][1] == "WASH"
    assert read.rows[0][read.columns.index("#country")] == "Panamá"


@pytest.fixture(scope="module")
def crisislex() -> Ingested:
    """Two events of CrisisLexT26."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "crisislex_t26"
    if not folder.is_dir():
        pytest.skip("the shared test material is not on this machine")
    return ingest(sorted(folder.glob("2012_*_earthquake*.csv")))


def test_crisislex(crisislex: Ingested) -> None:
    made = crisislex.receipt.to_json()
    assert [file["text_column"] for file in made["files"]] == ["Tweet Text"] * len(made["files"])
    assert made["labels_found"] == ["Information Source", "Information Type", "Informativeness"]
    assert made["rows_read"] == made["documents"] + sum(made["dropped"].values())
    assert 0.05 < made["duplicates"] / made["documents"] < 0.6
    parts = split(crisislex.corpus, seed=1)
    documents = crisislex.corpus.documents
    different = {document.group for document in documents}
    aside = {documents[i].group for i in parts.kept_aside}
    assert abs(len(aside) / len(different) - 0.20) < 0.02


def test_every_crisislex_file_keeps_its_rows(shared_data: Path) -> None:
    rows = sum(len(read_table(path).rows) for path in (shared_data / "crisislex_t26").glob("*.csv"))
    assert rows == 27_933


def test_disaster_response_messages(shared_data: Path) -> None:
    made = receipt(shared_data / "disaster_response_messages" / "disaster_response_test.csv")
    assert made["text_column"] == "message"
    assert {"request", "offer", "related"} <= set(made["labels_found"])
    assert not {"genre", "split", "original", "event"} & set(made["labels_found"])
