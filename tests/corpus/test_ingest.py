"""Ingest: files to a corpus, with a receipt that adds up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.gathering import PIECE_CHARACTERS
from engine.corpus.ingest import ingest
from engine.corpus.receipt import masked
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
    assert {stage for stage, _, _ in stages} == {"reading", "duplicates"}


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


def test_long_documents_are_cut_into_pieces_that_stay_together(write: Callable[..., Path]) -> None:
    paths = [
        write(f"{name}.txt", "\n\n".join(
            " ".join(f"In the {name} the {thing} number {i} was\nchecked by hand and\nclosed for the night."
                     for i in range(9))
            for thing in ("bridge", "market", "tunnel")))
        for name in ("north", "south", "east")
    ]
    out = ingest([*paths, write("short.csv", "id,text,label\nx,All is calm in the valley,calm\n")])
    documents = out.corpus.documents
    assert out.receipt.documents == out.receipt.rows_read == 4
    assert out.receipt.in_pieces == 3
    assert out.receipt.pieces == len(documents) > 9
    north = [d for d in documents if d.parent == "north"]
    assert [d.id for d in north] == [f"north#{i + 1}" for i in range(len(north))]
    assert {d.whole for d in documents} == {"north", "south", "east", "x"}
    assert len({d.group for d in north}) == 1
    assert all(len(d.text) <= PIECE_CHARACTERS and d.text.endswith(".") for d in north)
    assert "".join(d.original for d in north).count("checked") == 27
    assert out.golds[0].by_id == {"x": "calm"}


def test_pieces_of_which_cleaning_leaves_nothing_are_not_read(write: Callable[..., Path]) -> None:
    sentence, links = "The road to the bridge is under water.", " ".join(["https://t.co/abcdef"] * 140)
    out = ingest([write("a.txt", f"{' '.join([sentence] * 20)}\n\n{links}\n\n{' '.join([sentence] * 20)}")])
    documents = out.corpus.documents
    assert out.receipt.documents == 1 and len(documents) == out.receipt.pieces > 1
    assert all("bridge" in d.text for d in documents)
    numbers = [int(d.id.partition("#")[2]) for d in documents]
    assert numbers == sorted(numbers) and numbers[-1] > len(numbers)  # each keeps its own


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
    assert (receipt["in_pieces"], receipt["shortened"], receipt["documents"]) == (1, 0, 10)
    assert receipt["duplicates"] == 8
    assert any("Most documents are copies" in note for note in receipt["warnings"])


def test_nothing_usable_is_refused_in_words(write: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="None of the 2 rows"):
        ingest([write("a.csv", "id,text\n1,\n2,NaN\n")])
    with pytest.raises(InputError, match="No file"):
        ingest([])


def test_a_file_that_cannot_be_used_leaves_the_others(write: Callable[..., Path], tmp_path: Path) -> None:
    good, bad = write("a.csv", ROWS), write("b.csv", "id,text\n")
    receipt = ingest([bad, good, write("c.csv", "id,text\n1,\n")]).receipt.to_json()
    assert receipt["documents"] == 4
    assert [refused["name"] for refused in receipt["refused"]] == ["b.csv", "c.csv"]
    assert all(refused["what"] and refused["fix"] for refused in receipt["refused"])
    assert any("2 files could not be used" in note for note in receipt["warnings"])
    with pytest.raises(InputError, match="None of the 2 files"):
        ingest([bad, tmp_path / "c.csv"])


def test_totals_rows_are_set_aside(write: Callable[..., Path]) -> None:
    rows = "text,n\nWater reached the hall,3\nThe pier is closed tonight,2\nTotal,5\nTOTAL: 5,\n"
    assert ingest([write("a.csv", rows)]).receipt.dropped == {"totals row": 2}


def test_limits_name_their_setting(write: Callable[..., Path]) -> None:
    path = write("a.csv", ROWS)
    for limit in ({"max_rows": 3}, {"max_upload_mb": 0}):
        with pytest.raises(InputError) as caught:
            ingest([path], ReadOptions(**limit))
        assert next(iter(limit)) in caught.value.lines()
    receipt = ingest([path, write("b.csv", ROWS)], ReadOptions(max_rows=7)).receipt
    assert receipt.documents == 4 and "max_rows" in receipt.refused[0].what


def test_roles_can_be_chosen_one_by_one(write: Callable[..., Path]) -> None:
    path = write("a.csv", ROWS)
    out = ingest([path], ReadOptions(roles={"kind": "label", "label": "ignore", "id": "ignore"}))
    assert out.receipt.labels_found == ("kind",)
    assert out.corpus.documents[0].id == "row-1"
    assert out.corpus.documents[0].meta["label"] == "help"
    with pytest.raises(InputError, match="Two columns"):
        ingest([path], ReadOptions(roles={"text": "text", "place": "text"}))


def test_private_details_are_told_and_masked_only_on_demand(write: Callable[..., Path]) -> None:
    path = write("a.csv", "id,text\n1,Call my sister at +509 3412 5678 she is trapped\n2,All calm here now\n")
    told = ingest([path])
    assert "3412" in told.corpus.documents[0].text
    assert told.receipt.private and told.receipt.to_json()["private"]
    hidden = ingest([path], cleaning=[*DEFAULT_STEPS, "private"])
    assert "3412" not in hidden.corpus.documents[0].text
    assert "3412" in hidden.corpus.documents[0].original
    sent = json.dumps(masked(hidden.receipt.to_json()))
    assert "3412" not in sent and "trapped" in sent


def test_doubled_encoding_is_offered_and_mended_on_demand(write: Callable[..., Path]) -> None:
    rows = ["text", *(f"La señora de la casa {i} está bien y mañana habrá más agua" for i in range(30))]
    doubled = "\n".join(rows).encode().decode("cp1252").encode()
    told = ingest([write("a.csv", doubled)])
    assert told.receipt.doubled is not None
    assert "Ã±" in told.corpus.documents[0].text
    mended = ingest([write("a.csv", doubled)], ReadOptions(repair=True))
    assert mended.corpus.documents[0].text == rows[1]
    assert ingest([write("b.csv", "\n".join(rows))]).receipt.doubled is None


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


def test_first_rows_are_shown_as_they_stand_and_masked_when_sent_on(write: Callable[..., Path]) -> None:
    rows = "id,message,text\n7,Call +509 3412 5678 now please,help\n8,All is calm in the valley,none\n"
    roles = {"message": "text", "text": "ignore"}
    told = ingest([write("a.csv", rows)], ReadOptions(roles=roles)).receipt.to_json()
    assert told["rows"][0] == ["7", "Call +509 3412 5678 now please", "help"]
    assert told["preview"][0]["text"] == "Call +509 3412 5678 now please"  # not the column called “text”
    assert "3412" not in json.dumps(masked(told))


def test_what_cleaning_leaves_nothing_of_is_set_aside(write: Callable[..., Path]) -> None:
    empty = ["https:/…", "[+512 chars]", "&nbsp;", "@one @two https://t.co/x", "Read more"]
    texts = ["Boats at the pier", *empty, "Roof gone in the valley"]
    rows = [f"{i},{text},x{i}" for i, text in enumerate(texts)]
    out = ingest([write("a.csv", "\n".join(["id,text,label", *rows]))])
    assert [d.text for d in out.corpus.documents] == ["Boats at the pier", "Roof gone in the valley"]
    receipt = out.receipt.to_json()
    assert sum(receipt["dropped"].values()) == 5 and receipt["rows_read"] == 7
    assert out.golds[0].by_id == {"0": "x0", "6": "x6"}  # labels stay with their documents


def test_no_two_documents_of_any_files_have_one_id(tmp_path: Path) -> None:
    paths = []
    for folder, name, word in (("x", "a.csv", "fire"), ("y", "a.csv", "storm"), ("z", "a-2.csv", "flood"),
                               ("w", "a-2.csv", "quake")):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / name)
        paths[-1].write_text("id,text,label\n" + "\n".join(
            f"{i},The {word} in street {i * 7} is over,{word}" for i in range(3)))
    out = ingest(paths)
    ids = [d.id for d in out.corpus.documents]
    assert len(set(ids)) == len(ids) == 12
    for document in out.corpus.documents:
        assert out.golds[0].by_id[document.id] in document.text
