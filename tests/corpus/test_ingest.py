"""Ingest: files to a corpus, with a receipt that adds up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.corpus.ingest import ingest
from engine.corpus.table import ReadOptions
from engine.errors import InputError

ROWS = """id,kind,place,text,label
a1,sms,Selmor,"Water is in the kitchen, we go upstairs",help
a2,sms,,N/A,help
a3,social,Lurino,RT @desk: Boats at the pier &amp; soup at the hall https://t.co/k1,offer
a4,social,Lurino,https://t.co/only,other
a5,social,Lurino,Boats at the pier & soup at the hall,offer
a6,news,Selmor,The minister will visit the valley on Friday,
a7,news,Selmor,😭😭,other
"""


def test_a_receipt_that_adds_up(write: Callable[..., Path]) -> None:
    stages: list[tuple[str, int, int]] = []
    out = ingest([write("week one.csv", ROWS)], on_progress=lambda *stage: stages.append(stage))
    receipt = out.receipt.to_json()
    json.dumps(receipt)
    assert receipt["rows_read"] == 7 == receipt["documents"] + sum(receipt["dropped"].values())
    assert receipt["dropped"] == {"empty": 1, "no letters": 2}
    assert (receipt["documents"], receipt["duplicates"]) == (4, 1)
    assert receipt["text_column"] == "text"
    assert receipt["labels_found"] == ["label"]
    assert {
        key: receipt[key] for key in ("format", "encoding", "delimiter", "sheet", "header_row")
    } == {"format": "csv", "encoding": "utf-8", "delimiter": ",", "sheet": None, "header_row": 0}
    assert len(receipt["preview"]) == 3
    assert receipt["groups"][0]["size"] == 2
    assert {role["column"]: role["role"] for role in receipt["roles"]}["kind"] == "ignore"
    assert {stage for stage, _, _ in stages} == {"reading", "cleaning", "duplicates"}


def test_documents_carry_original_group_and_facts_but_never_labels(
    write: Callable[..., Path],
) -> None:
    out = ingest([write("a.csv", ROWS)])
    first, second, third, fourth = out.corpus.documents
    assert [d.id for d in out.corpus.documents] == ["a1", "a3", "a5", "a6"]
    assert second.text == "Boats at the pier & soup at the hall"
    assert second.original.startswith("RT @desk")
    assert second.group == third.group != first.group
    assert first.meta == {"kind": "sms", "place": "Selmor"}
    assert out.golds[0].column == "label"
    assert out.golds[0].by_id == {"a1": "help", "a3": "offer", "a5": "offer"}
    again = ingest([write("a.csv", ROWS)])
    assert again.corpus == out.corpus
    assert "help" not in repr(out.corpus)
    assert fourth.meta["kind"] == "news"


def test_cleaning_can_be_chosen(write: Callable[..., Path]) -> None:
    out = ingest([write("a.csv", ROWS)], cleaning=["entities"])
    assert out.corpus.documents[1].text.startswith("RT @desk: Boats at the pier & soup")
    assert [step.name for step in out.receipt.cleaning] == ["entities"]


def test_ids_that_repeat_or_were_rounded_are_replaced(write: Callable[..., Path]) -> None:
    text = "id,text\n2.62597E+17,Fire above the village\n2.62597E+17,Smoke in the pass\n"
    out = ingest([write("a.csv", text)])
    assert [d.id for d in out.corpus.documents] == ["row-1", "row-2"]
    assert any("rounded by a spreadsheet" in note for note in out.receipt.to_json()["warnings"])


def test_several_files_keep_ids_apart_and_sum_up(write: Callable[..., Path]) -> None:
    a, b = (
        write("a.csv", ROWS),
        write("b.txt", "Water is in the kitchen, we go upstairs\nAll calm here\n"),
    )
    out = ingest([a, b])
    receipt = out.receipt.to_json()
    assert [file["documents"] for file in receipt["files"]] == [4, 2]
    assert receipt["rows_read"] == 9 == receipt["documents"] + sum(receipt["dropped"].values())
    assert receipt["duplicates"] == 2  # one inside a.csv, one across
    assert [file["duplicates"] for file in receipt["files"]] == [1, 1]
    both = ingest([a, write("c.csv", ROWS)])
    assert len({d.id for d in both.corpus.documents}) == 8
    assert both.corpus.documents[0].id == "a:a1"


def test_paragraphs_of_one_text_stay_together_when_there_are_several_texts(
    write: Callable[..., Path],
) -> None:
    paths = []
    for name in ("north", "south", "east"):
        blocks = [
            f"In the {name} the {thing} was\nchecked by hand and then\nclosed for the night."
            for thing in ("bridge", "market", "tunnel")
        ]
        paths.append(write(f"{name}.txt", "\n\n".join(blocks)))
    out = ingest(paths)
    groups = [d.group for d in out.corpus.documents]
    assert len(groups) == 9
    assert groups[0] == groups[1] == groups[2]


def test_a_title_stands_in_for_a_missing_text(write: Callable[..., Path]) -> None:
    records = [
        {"title": "Flash update", "body": "The river is over its banks"},
        {"title": "Map of the valley", "body": ""},
    ]
    out = ingest([write("a.json", json.dumps(records))])
    assert [d.text for d in out.corpus.documents] == [
        "The river is over its banks",
        "Map of the valley",
    ]
    assert any("title is read instead" in note for note in out.receipt.to_json()["warnings"])


def test_broken_lines_are_counted(write: Callable[..., Path]) -> None:
    lines = ['{"text": "Fire in the hills"}', '{"text": "Sm', '{"text": "Smoke over town"}']
    receipt = ingest([write("a.jsonl", "\n".join(lines))]).receipt.to_json()
    assert receipt["dropped"] == {"unreadable line": 1}
    assert receipt["rows_read"] == 3


def test_copies_and_long_documents_are_noted(write: Callable[..., Path]) -> None:
    texts = (
        ["text"] + ["The pier is closed because of the storm tonight"] * 9 + ["long tale " * 900]
    )
    receipt = ingest([write("a.csv", "\n".join(texts))]).receipt.to_json()
    assert receipt["shortened"] == 1
    assert any("Most documents are copies" in note for note in receipt["warnings"])


def test_nothing_usable_is_refused_in_words(write: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="None of the 2 rows"):
        ingest([write("a.csv", "id,text\n1,\n2,NaN\n")])
    with pytest.raises(InputError, match="No file"):
        ingest([])
    with pytest.raises(InputError, match=r"b\.csv"):
        ingest([write("a.csv", ROWS), write("b.csv", "id,text\n")])


def test_options_reach_the_file(write: Callable[..., Path]) -> None:
    path = write(
        "a.csv", "n;kept;other\n1;Roof gone;The roof of the school is gone entirely\n2;Ok;Ok then\n"
    )
    out = ingest([path], ReadOptions(delimiter=";", text_column="kept", id_column="n"))
    assert [(d.id, d.text) for d in out.corpus.documents] == [("1", "Roof gone"), ("2", "Ok")]


def test_the_example_reads_right() -> None:
    folder = Path(__file__).resolve().parents[2] / "assets" / "example"
    path = folder / "documents.csv"
    if not path.is_file():
        pytest.skip("the example is not there yet")
    out = ingest([path])
    assert out.golds == ()
    assert out.receipt.to_json()["text_column"] == "text"
    assert "kind" in out.corpus.documents[0].meta
    assert not out.corpus.documents[0].id.startswith("row-")
