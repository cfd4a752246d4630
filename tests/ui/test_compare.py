"""Compare and Take home: which run is shown, document by document, and what can be downloaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import tables
from ui.pages import compare, take_home
from ui.session import Frame


def build(page: Any) -> SimpleNamespace:
    with gr.Blocks() as demo:
        frame = Frame(gr.BrowserState(""), gr.BrowserState(""), gr.State(""), gr.State(0), gr.Tabs())
        built = page.build(frame)
    handlers = {fn.fn.__name__: fn.fn for fn in demo.fns.values() if fn.fn}
    named = {c.elem_id: c for c in demo.blocks.values() if getattr(c, "elem_id", None)}
    return SimpleNamespace(refresh=built.refresh, handlers=handlers, named=named, demo=demo)


def everything(updates: dict[Any, Any]) -> str:
    return " ".join(str(getattr(value, "value", value)) for value in updates.values())


@pytest.mark.parametrize("stop", [compare, take_home])
def test_an_empty_stop_teaches(studio: Studio, project: str, stop: Any) -> None:
    page = build(stop)
    for where in ("", project):
        assert "yet" in everything(page.refresh("", where, "", "?"))


def test_the_verdict_and_all_three_stand_side_by_side(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    updates = page.refresh("", project, run, "")
    assert studio.report(run)["verdict"][:40] in updates[page.named["verdict"]]
    assert all(who in updates[page.named["scores"]] for who in ("Large model", "Small model", "Bag of words"))
    assert updates[page.named["confusion"]].data[0].type == "heatmap"
    assert len(updates[page.named["f1"]].data) == 3


def test_what_each_phase_was_worth_is_told(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    told = next(v for v in page.refresh("", project, run, "").values() if "kept aside, after it" in str(v))
    report = studio.report(run)
    assert "31 % → 38 % of the next words" in told and "None" not in told
    assert "20 % → 60 %, n 18" in told and f"58 %, n {report['n']}" in told and "stays 70 %, n 18" in told
    assert told.count("points") == 1 and f"n {report['n']}; +4 points (-4 to +12)" in told
    assert f"{100 * report['agreement']:.0f} %" in told  # after the last that was kept
    for phase in report["phases"]:
        phase.pop("kept_aside", None), phase.pop("agreement_before"), phase.pop("n"), phase.pop("reads", 0)
    assert "kept aside" not in tables.phases(report) and "<td" in tables.phases(report)  # as of an older run


def test_answers_by_phase_stand_beside_a_document(studio: Studio, project: str) -> None:
    rows = studio.predictions(made_runs.finished(studio, project)).to_dict("records")
    aside = next(row for row in rows if row["part"] == "kept_aside")
    learned = next(row for row in rows if row["part"] == "learn")
    for told in ("after “Foundations”", f"{aside['baseline']} · 41 %"):
        assert told in tables.about(aside)
    assert "after “" not in tables.about(learned)
    assert "after “" not in tables.about({k: v for k, v in aside.items() if k != "by_phase"})


def test_without_labels_the_pictures_of_scores_stay_away(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project, with_gold=False), build(compare)
    updates = page.refresh("", project, run, "")
    assert updates[page.named["f1"]] is None
    assert "Category score" not in updates[page.named["scores"]]


def test_an_unfinished_run_gives_way_to_the_newest_finished_one(studio: Studio, project: str) -> None:
    done, going = made_runs.finished(studio, project), made_runs.lost(studio, project)
    page = build(compare)
    told = everything(page.refresh("", project, going, ""))
    assert "is not done yet" in told and done.rpartition("/")[2] in told


def test_what_is_on_the_screen_is_not_drawn_again(studio: Studio, project: str) -> None:
    run = made_runs.finished(studio, project)
    for stop in (compare, take_home):
        page = build(stop)
        updates = page.refresh("", project, run, "")
        seen = next(v for v in updates.values() if isinstance(v, str) and v.startswith(f"{run}|"))
        assert page.refresh("", project, run, seen) == gr.skip()


def test_picking_a_row_shows_text_answers_and_prompts(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    picked = gr.SelectData(None, {"index": [0, 1], "value": "x", "row_value": ["d000", "…"]})
    updates = page.handlers["pick"]("", run, picked)
    assert updates[page.named["text"]] == made_runs.HOSTILE  # as text, in a text box
    assert len(updates[page.named["bars"]].data) == 2
    assert any("Which kind of crisis?" in str(v) for v in updates.values())
    assert "<img" not in updates[page.named["about"]]


def test_a_filter_changes_the_table(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    table = page.named["answers"]
    different = page.handlers["filtered"]("", run, "different")[table]
    everyone = page.handlers["filtered"]("", run, "all")[table]
    assert 0 < len(different) < len(everyone) == len(studio.corpus(project))


def test_confusion_can_be_against_the_labels(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    figure = page.handlers["redraw"]("", run, "gold")
    assert figure.layout.yaxis.title.text == "Label in the upload"


def test_the_answer_of_another_run_s_model_does_not_stay(studio: Studio, project: str) -> None:
    page = build(compare)
    first = made_runs.finished(studio, project)
    second = made_runs.finished(studio, project, name="20250102-101010-quick")
    empty = studio.create_project("Empty").id
    seen = f"{first}|"
    for where, run in ((project, second), (empty, "")):
        assert page.refresh("", where, run, seen)[page.named["own-answer"]] == ""
    assert page.refresh("", project, first, seen) == gr.skip()  # the same run: it stays


def test_what_the_page_says_of_a_run_is_in_its_parts(studio: Studio, project: str) -> None:
    """Whatever a handler shows of one run is drawn anew, or cleared, for another."""
    page, run = build(compare), made_runs.finished(studio, project)
    drawn = set(page.refresh("", project, run, ""))
    one = {page.named[name].parent.parent for name in ("text", "bars")}  # folded with the column "one"
    shown = {out for fn in page.demo.fns.values() for out in fn.outputs}
    folded = {part for part in shown if _inside(part, page.named["one"])}
    assert one and shown - drawn <= folded and page.named["one"] in drawn


def _inside(part: Any, column: Any) -> bool:
    while part is not None and part is not column:
        part = part.parent
    return part is column


def test_of_many_documents_the_first_are_sent_and_the_page_says_so(
        studio: Studio, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    first = page.named["first-answers"]
    everyone = page.handlers["filtered"]("", run, "all")
    assert len(everyone[page.named["answers"]]) == 120 and everyone[first] == ""
    monkeypatch.setattr(compare.tables, "MOST_ROWS", 2)
    everyone = page.handlers["filtered"]("", run, "all")
    assert len(everyone[page.named["answers"]]) == 2
    assert "first 2 of 120 documents" in everyone[first] and "Take home" in everyone[first]
    opened = page.refresh("", project, run, "")
    assert len(opened[page.named["answers"]].value["data"]) == 2 and "first 2 of" in opened[first]


def test_asking_about_nothing_is_refused_in_words(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(compare)
    with pytest.raises(gr.Error, match="There is no text to ask about"):
        page.handlers["ask_own"]("", run, "  ")


def test_downloads_are_copies_outside_the_workspace(studio: Studio, project: str,
                                                    workspace: Workspace) -> None:
    run, page = made_runs.finished(studio, project), build(take_home)
    updates = page.refresh("", project, run, "")
    offered = [v for v in updates.values() if isinstance(v, gr.DownloadButton)]
    assert len(offered) == len(studio.downloads(run)) == 4
    names = []
    for button in offered:
        path = Path(button.value["path"])
        assert path.is_file() and not path.is_relative_to(workspace.home)
        names.append(path.name)
    assert names == ["student.zip", "predictions.csv", "report.json", "plan.yaml"]


def test_the_card_is_shown_without_its_settings(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(take_home)
    assert page.refresh("", project, run, "")[page.named["card"]] == "# A small model\n\nWeak.\n"


def test_the_command_labels_files_with_this_student(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project), build(take_home)
    said = page.refresh("", project, run, "")[page.named["predict"]]
    assert " -m engine predict " in said and said.endswith("student FILE -o OUT.csv")


@pytest.mark.parametrize("stop", [compare, take_home])
def test_every_event_is_private(stop: Any) -> None:
    page = build(stop)
    assert all(fn.api_visibility == "private" for fn in page.demo.fns.values())
