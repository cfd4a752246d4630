"""Documents put in use, searched and left: what is kept, what is left behind, what the page shows."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr

from engine.studio import EXAMPLE, Studio
from engine.workspace import Workspace
from tests.ui.uploads import (
    HOSTILE,
    PROBLEM,
    again,
    controls,
    incoming,
    mark,
    read,
    role,
    use,
)
from ui import receipts
from ui import wording_documents as words
from ui.pages import documents


def test_what_was_chosen_is_what_is_used(table: Path, workspace: Workspace) -> None:
    chosen = again(again(read(table), columns={"note": "text"}), columns={"category": "ignore"})
    used = use(chosen, stamp=6)
    studio = Studio(workspace)
    assert studio.corpus(used["project"]).texts[0] == "short 0"
    assert studio.receipt(used["project"])["labels_found"] == []
    assert (used["stamp"], used["run"], used["held"]) == (7, "", None)
    assert words.documents_kept(32) in used["status"]
    assert studio.project(used["project"]).title == table.stem


def test_readings_and_their_receipts_are_not_left_behind(table: Path, workspace: Workspace,
                                                        downloads: Path) -> None:
    shown = read(table)
    for column in ("note", "message"):
        shown = again(shown, columns={column: "text"})
        assert incoming(workspace) == [shown["held"].reading.folder.name]
        assert [str(path) for path in downloads.rglob("*.json")] == [shown["receipt"]]
    shown = read(table, held=shown["held"])  # other files are dropped
    assert incoming(workspace) == [shown["held"].reading.folder.name]
    left = documents._leave("", "", shown["held"])
    assert left["held"] is None and incoming(workspace) == [] and not list(downloads.rglob("*.json"))
    use(read(table))
    assert incoming(workspace) == [] and not list(downloads.rglob("*.json"))


def test_a_change_that_is_sent_twice_is_read_once(table: Path, workspace: Workspace) -> None:
    first = read(table)
    sent, at_first = controls(first["held"], columns={"note": "text"}), mark(first["held"])
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(
            lambda _: documents._read_again("", first["held"], at_first, *sent), range(2)))
    assert sorted(map(bool, answers)) == [False, True] and len(incoming(workspace)) == 1
    later = controls(first["held"], columns={"note": "text", "category": "ignore"})  # from before the answer
    shown = documents._read_again("", first["held"], at_first, *later)
    assert (role(shown, "note"), role(shown, "category")) == ("text", "ignore")
    assert incoming(workspace) == [shown["held"].reading.folder.name]
    # The same once more, when the page holds the upload of now and the form is still that of before.
    for sent_again in (sent, later):
        assert documents._read_again("", shown["held"], at_first, *sent_again) == {}
    last = controls(first["held"], columns={"note": "text", "category": "ignore"}, mask=True)
    masked = documents._read_again("", shown["held"], at_first, *last)
    assert masked["mask"] and (role(masked, "note"), role(masked, "category")) == ("text", "ignore")


def test_an_upload_stays_in_hand_whatever_project_is_in_view(table: Path, workspace: Workspace) -> None:
    """Brought first, named afterwards: that is the order in which people make a project."""
    shown, studio = read(table), Studio(workspace)
    held = shown["held"]
    assert documents._refresh("", "", "", "/", held, "") == {}  # nothing changed
    other = studio.create_project("Floods & fires")
    kept = documents._refresh("", other.id, "", "/", held, "")
    assert kept.keys() == {"shown", "status"} and "Floods &amp; fires" in kept["status"]
    assert incoming(workspace)
    documents._use("", other.id, held, 0, *controls(held), progress=lambda *_, **__: None)
    assert studio.project(other.id).corpus and incoming(workspace) == []


def test_an_upload_stays_in_hand_when_the_page_forgot_what_it_showed(table: Path,
                                                                     workspace: Workspace) -> None:
    """Gradio gives values up one by one; the older is gone while the upload is still there."""
    shown, project = read(table), Studio(workspace).create_project("Mine").id
    kept = documents._refresh("", project, "", documents.UNKNOWN, shown["held"], "")
    assert kept == {"shown": f"{project}/"}
    assert incoming(workspace)
    assert documents._refresh("", project, "", documents.ANEW, shown["held"], "")["held"] is None


def test_a_drop_right_after_the_page_opened_is_not_taken_off_it(table: Path, workspace: Workspace) -> None:
    """The page was sent for before the drop and comes back after what was read of it."""
    project = use(read(table))["project"]
    for shown in (documents.UNKNOWN, "another/project"):
        late = documents._refresh("", project, "", shown, None, "")
        assert not late.keys() & {"held", "file", "preview", "mark"} and late["in_use"].visible
        left_over = documents._refresh("", project, "", shown, None, "a form that is still in sight")
        assert left_over["mark"] == "" and left_over["held"] is None and not left_over["preview"].visible


def test_an_upload_that_was_given_up_is_said_to_be_gone(table: Path, workspace: Workspace) -> None:
    held = read(table)["held"]
    for made in (documents._use("", "", None, 3, *controls(held)),
                 documents._read_again("", None, "", *controls(held, columns={"note": "text"}))):
        assert made.keys() == {"status"} and words.DOCUMENTS_GONE in made["status"]
        assert words.DOCUMENTS_GONE_FIX in made["status"]


def test_a_change_still_being_read_is_not_passed_over(table: Path, workspace: Workspace) -> None:
    held = read(table)["held"]
    pressed = documents._use("", "", held, 0, *controls(held, columns={"note": "text"}))
    assert words.DOCUMENTS_BUSY in pressed["status"] and not workspace.projects.exists()


def test_own_documents_never_replace_the_example(table: Path, workspace: Workspace) -> None:
    studio = Studio(workspace)
    assert documents._example("", 0)["project"] == EXAMPLE
    shown = read(table, project=EXAMPLE)
    assert words.DOCUMENTS_OWN_PROJECT in shown["status"]
    used = use(shown, EXAMPLE)["project"]
    assert used != EXAMPLE
    assert len(studio.corpus(EXAMPLE)) == 470 and len(studio.corpus(used)) == 31


def test_documents_of_an_open_project_are_replaced_in_it(table: Path, workspace: Workspace) -> None:
    made = Studio(workspace).create_project("Mine")
    first = read(table, project=made.id)
    assert words.DOCUMENTS_REPLACE not in first["status"]
    used = use(first, made.id)
    assert used["project"] == made.id and "run" not in used
    second = read(table, project=made.id)  # and that is said before it is done
    assert words.DOCUMENTS_REPLACE in second["status"]
    elsewhere = Studio(workspace).create_project("Empty")
    for project, told in ((made, "instead of the documents there"), (elsewhere, "puts it into")):
        status = documents._refresh("", project.id, "", "something else", second["held"], "")["status"]
        assert told in status and ("instead" in status) == (project is made)


def test_the_receipt_can_be_downloaded_with_private_details_masked(tmp_path: Path, downloads: Path) -> None:
    path = tmp_path / "river <b>calls.csv"
    path.write_text("text\n" + "\n".join(f"Write to aid{i}@example.org about tent {i}" for i in range(30)))
    receipt = Path(read(path)["receipt"])
    assert receipt.name == "receipt-river-b-calls.json" and receipt.is_relative_to(downloads)
    content = receipt.read_text(encoding="utf-8")
    assert json.loads(content)["documents"] == 30 and "example.org" not in content


def test_the_page_shows_documents_in_use_and_skips_while_nothing_changes(workspace: Workspace,
                                                                        downloads: Path) -> None:
    Studio(workspace).open_example()
    values = documents._refresh("", EXAMPLE, "", "", None, "")
    assert values["shown"].startswith(f"{EXAMPLE}/")
    assert values["in_use"].visible
    assert json.loads(Path(values["kept_receipt"]).read_text(encoding="utf-8"))["documents"] == 470
    documents._refresh("", EXAMPLE, "", "", None, "")
    assert len(list(downloads.rglob("*.json"))) == 1  # replaced, not added to
    assert documents._refresh("", EXAMPLE, "", values["shown"], None, "") == {}


def test_an_empty_workspace_shows_the_drop_zone() -> None:
    values = documents._refresh("", "", "", "?", None, "")
    assert not values["in_use"].visible and values["bring"].open


def test_damaged_documents_are_told_and_others_can_be_brought(table: Path, workspace: Workspace) -> None:
    project = use(read(table))["project"]
    corpus = Studio(workspace).project(project).corpus
    folder = workspace.project(project).corpora / corpus
    (folder / "documents.arrow").write_bytes(b"cut")
    values = documents._refresh("", project, "", "", None, "")
    assert PROBLEM in values["status"] and values["bring"].open and not values["in_use"].visible


def test_a_search_ends_after_enough_hits(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("text\n" + "\n".join(
        f"Bridge {i} is under water and village {i} waits" for i in range(900)), encoding="utf-8")
    project = use(read(path))["project"]
    found = documents._search("", project, "under WATER")
    assert words.documents_found(200, 900, False, False) in found["found"]
    assert found["table"].count("<tr>") == 201
    exact = documents._search("", project, "village 7 waits")
    assert words.documents_found(1, 900, False, True) in exact["found"]
    assert words.documents_all(200, 900, False) in documents._search("", project, " ")["found"]


def test_a_long_document_is_told_to_stand_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text(" ".join(f"The river Arda rose by {i} centimetres at bridge {i}." for i in range(300)),
                    encoding="utf-8")
    shown = read(path)
    assert "long one in pieces" in shown["numbers"]
    project = use(shown)["project"]
    assert re.search(r"All \d+ documents and pieces", documents._search("", project, "")["found"])


def test_a_table_has_a_cell_for_every_head() -> None:
    shown = receipts.documents([("a", HOSTILE, ""), ("b", "two", "x")])
    assert shown.count("<td") == 6 and "<img" not in shown
    bare = receipts.documents(iter([("a", "one", ""), ("b", "two", "")]))
    assert bare.count("<td") == 4 and bare.count("<th ") == 2  # no column of nothing


def test_handlers_give_values_by_name_or_skip() -> None:
    box = gr.HTML()
    on = documents._onto({"status": box, "other": gr.HTML()}, lambda values: values)
    assert on({"status": "said"}) == {box: "said"} and on({}) == gr.skip()
