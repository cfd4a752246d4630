"""Documents: reading without keeping, putting guesses right, refusals in words, and use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.studio import EXAMPLE, Studio
from engine.workspace import Workspace
from ui import receipts, wording
from ui.pages import documents

NAMES = ("status", "held", "in_use", "bring", "preview", "read", "roles_box", "more", "numbers", "remarks",
         "rows", "roles", "changes", "copies", "copies_box", "receipt", "text_column", "encoding",
         "delimiter", "header", "labels", "steps")
HOSTILE = '<img src=x onerror=alert(1)> & {{ 7*7 }}'


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "river <b>watch.csv"
    rows = [f"{i};RT @who: Water is {i} cm high at bridge number {i}, send boats;short {i};"
            f"{('flood', 'storm')[i % 2]}" for i in range(30)]
    path.write_text("\n".join(["id;message;note;category", *rows, f"30;{HOSTILE} near the old mill;x;flood",
                               "31;;empty;flood", "32;!!!;none;storm"]), encoding="utf-8")
    return path


def read(*paths: Path, project: str = "") -> dict[str, Any]:
    return named(documents._read_files("", project, [str(p) for p in paths]))


def again(before: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """What the page sends when a control was changed, the others being as last shown."""
    shown = before["held"]["shown"]
    using = before["held"]["using"]
    controls = {"text_column": shown["text_column"], "encoding": shown["encoding"],
                "delimiter": shown["delimiter"], "header": shown["header"], "labels": shown["labels"],
                "using": list(before["held"]["steps"]) if using is None else using} | changed
    return named(documents._read_again("", before["held"], *controls.values()))


def named(values: tuple[Any, ...]) -> dict[str, Any]:
    assert len(values) == documents.READ_OUT == len(NAMES)
    return dict(zip(NAMES, values, strict=True))


def test_a_drop_is_read_and_nothing_is_kept(table: Path, workspace: Workspace) -> None:
    shown = read(table)
    assert wording.DOCUMENTS_NOT_YET.split(",")[0] in shown["status"]
    assert "<b>33</b>" in shown["numbers"] and "<b>31</b>" in shown["numbers"]
    assert "1 without text, 1 without a single word" in shown["numbers"]
    assert shown["text_column"].value == "message"
    assert wording.documents_labels(["category"]) in shown["remarks"]
    assert wording.documents_kept_aside(31) in shown["remarks"]
    assert not workspace.projects.exists()


def test_text_of_files_is_shown_never_interpreted(table: Path) -> None:
    shown = read(table)
    assert "river &lt;b&gt;watch.csv" in shown["numbers"]
    everything = "".join(v for v in shown.values() if isinstance(v, str))
    assert "<img" not in everything and "<b>watch" not in everything
    used = documents._use("", "", shown["held"], 0)
    note, rows = documents._search("", used[0], "OLD MILL")
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; {{ 7*7 }} near the old mill" in rows
    assert "1 of 31 documents" in note


def test_the_receipt_follows_when_a_guess_is_put_right(table: Path) -> None:
    first = read(table)
    other = again(first, text_column="note")
    assert other["text_column"].value == "note" and "short 0" in other["rows"]
    relabelled = again(other, labels=[])
    assert relabelled["text_column"].value == "note"  # the earlier choice stays
    assert "Labels found" not in relabelled["remarks"]
    no_header = again(relabelled, header="-1")
    assert no_header["text_column"].value != "note"  # that column has another name now
    assert "<b>34</b>" in no_header["numbers"]


def test_a_cleaning_step_can_be_left_out_and_comes_back(table: Path) -> None:
    first = read(table)
    steps = list(first["held"]["steps"])
    assert "@who" not in first["rows"]
    without = again(first, using=[s for s in steps if s not in ("retweets", "handles")])
    assert "RT @who: Water" in without["rows"]
    label = {name: said for said, name in without["steps"].choices}["retweets"]
    assert label.endswith("(left out)")
    assert "@who" not in again(without, using=steps)["rows"]


def test_what_was_chosen_is_what_is_used(table: Path, workspace: Workspace) -> None:
    chosen = again(again(read(table), text_column="note"), labels=[])
    project, stamp, run, status, _ = documents._use("", "", chosen["held"], 6)
    studio = Studio(workspace)
    assert studio.corpus(project).texts[0] == "short 0"
    assert studio.receipt(project)["labels_found"] == []
    assert (stamp, run) == (7, "") and wording.documents_kept(32) in status
    assert studio.project(project).title == table.stem


@pytest.mark.parametrize("content", ["", "id\n1\n2\n3\n"], ids=["empty", "no text"])
def test_a_refusal_is_said_in_the_page_and_offers_what_could_help(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    shown = read(path)
    assert wording.FRAME_NOTICE["problem"] in shown["status"]
    assert shown["preview"].visible and not shown["read"].visible  # the controls, without *Use*
    assert shown["held"]["paths"] == [str(path)]


def test_a_refusal_after_a_reading_leaves_everything_as_it_was(table: Path) -> None:
    first = read(table)
    refused = again(first, text_column="no such column")
    assert "no such column" in refused["status"]
    assert all(value == gr.skip() for name, value in refused.items() if name != "status")


def test_own_documents_never_replace_the_example(table: Path, workspace: Workspace) -> None:
    studio = Studio(workspace)
    project, *_ = documents._example("", 0)
    assert project == EXAMPLE
    shown = read(table, project=project)
    assert wording.DOCUMENTS_OWN_PROJECT in shown["status"]
    used = documents._use("", project, shown["held"], 0)[0]
    assert used != EXAMPLE
    assert len(studio.corpus(EXAMPLE)) == 470 and len(studio.corpus(used)) == 31


def test_documents_of_an_open_project_are_replaced_in_it(table: Path, workspace: Workspace) -> None:
    made = Studio(workspace).create_project("Mine")
    shown = read(table, project=made.id)
    project, _, run, *_ = documents._use("", made.id, shown["held"], 0)
    assert project == made.id and run == gr.skip()


def test_several_files_are_one_upload(table: Path, tmp_path: Path) -> None:
    second = tmp_path / "more.csv"
    second.write_text("text\n" + "\n".join(f"Shelter {i} has run out of blankets" for i in range(5)),
                      encoding="utf-8")
    shown = read(table, second)
    assert "<b>36</b>" in shown["numbers"]
    assert "more.csv: text" in shown["roles"]
    assert not shown["text_column"].visible  # their columns differ


def test_the_receipt_can_be_downloaded(table: Path) -> None:
    path = Path(read(table)["receipt"])
    assert path.name == "receipt-river-b-watch.json"
    assert json.loads(path.read_text(encoding="utf-8"))["documents"] == 31


def test_the_page_shows_documents_in_use_and_skips_while_nothing_changes(workspace: Workspace) -> None:
    Studio(workspace).open_example()
    values = documents._refresh("", EXAMPLE, "", "")
    now = values[1]
    assert now.startswith(f"{EXAMPLE}/") and values[3].visible and not values[5].visible
    assert documents._refresh("", EXAMPLE, "", now) == gr.skip()


def test_an_empty_workspace_shows_the_drop_zone() -> None:
    values = documents._refresh("", "", "", "?")
    assert not values[3].visible and values[4].open


def test_copies_are_shown_as_groups(tmp_path: Path) -> None:
    path = tmp_path / "copies.csv"
    path.write_text("text\n" + "\n".join(["RT @a: The dam at Arda has failed, run"] * 3 + [
        f"Road {i} is closed by snow until further notice" for i in range(25)]), encoding="utf-8")
    shown = read(path)
    assert wording.documents_group(3) in shown["copies"] and "dam at Arda" in shown["copies"]


def test_nasty_files_end_in_words(shared_data: Path) -> None:
    for path in sorted((shared_data / "nasty").glob("*")):
        if path.name == "MANIFEST.tsv":
            continue
        shown = read(path)
        assert shown["status"], path.name
        if wording.FRAME_NOTICE["problem"] not in shown["status"]:
            assert "<b>" in shown["numbers"], path.name


def test_a_table_has_a_cell_for_every_head() -> None:
    shown = receipts.documents([("a", HOSTILE, ""), ("b", "two", "x")])
    assert shown.count("<td") == 6 and "<img" not in shown
