"""Instructions: nothing that was typed is lost when documents, project or the page's memory change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.studio import EXAMPLE, EXAMPLE_TEACHER, Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import instructions_events as does
from ui import instructions_shown, layout, trying, wording
from ui.task_form import Asked, form_of

EDIT = "\nMy edit."
AS_OPENED: tuple[Any, ...] = (Asked("", "single_label", [], [], None), "")


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    made = Studio(workspace)
    made.open_example()
    return made


@pytest.fixture
def mine(studio: Studio, tmp_path: Path) -> str:
    return made_runs.project_with_documents(studio, tmp_path)


def refreshed(studio: Studio, project: str, shown: dict[str, str], asked: Asked, editor: str,
              index: int = 0) -> dict[str, Any]:
    return instructions_shown.refresh(studio, project, shown, index, studio.teacher(project), *asked, editor,
                                      "", "")


def edited(studio: Studio, project: str) -> tuple[Asked, str]:
    """Question and text as somebody left them."""
    return form_of(studio.task(project))._replace(question="My own?"), studio.template(project).text + EDIT


def other_documents(studio: Studio, project: str, folder: Path) -> None:
    path = folder / "others.csv"
    path.write_text("text\n" + "\n".join(f"Bridge {i} is closed to lorries" for i in range(70)))
    studio.use_documents(project, [path])


def typed_of(project: str, asked: Asked, text: str) -> dict[str, Any]:
    """What the browser keeps of an edit: tables as it holds them."""
    tables = {name: {"headers": [], "data": getattr(asked, name)} for name in ("table", "fields")}
    return {"project": project, "asked": list(asked._replace(**tables)), "editor": text}


def test_what_was_typed_is_offered_after_the_page_was_loaded_anew(studio: Studio, mine: str) -> None:
    """A browser reloads by itself when the server was away; what is not kept yet lives there only."""
    asked, text = edited(studio, mine)
    typed = typed_of(mine, asked, text)
    page = (studio, mine, {}, 0, studio.teacher(mine), *AS_OPENED[0], AS_OPENED[1], "", "")
    made = instructions_shown.refresh(*page, typed)
    assert made["draft"] == text and made["put_back"].visible
    assert made["editor"] == studio.template(mine).text and made["question"] == studio.task(mine).question
    assert list(studio.own_tasks(mine).values()) == ["My own?"] and made["status"]
    again = instructions_shown.refresh(*page, made["typed"])  # and once more before the button is pressed
    assert again["draft"] == text and "status" not in {k for k, v in again.items() if v}
    assert list(studio.own_tasks(mine).values()) == ["My own?"]
    for other in ("", {**typed, "project": EXAMPLE}):
        assert "draft" not in instructions_shown.refresh(*page, other)


def test_what_the_browser_tells_late_is_offered_too_but_not_what_is_there_or_kept(
        studio: Studio, mine: str) -> None:
    asked, text = edited(studio, mine)
    typed, kept = typed_of(mine, asked, text), studio.template(mine).text
    late = instructions_shown.came_late
    assert late(studio, mine, typed, "", kept)["draft"] == text
    assert late(studio, mine, typed, text, kept)["put_back"].visible  # sent again: it may have been lost
    assert late(studio, mine, typed, "", text) == late(studio, mine, typed, "another one waits", kept) == {}
    assert late(studio, EXAMPLE, typed, "", kept) == late(studio, mine, "", "", kept) == {}
    studio.save_template(mine, text, parent=studio.template(mine).ref)
    assert late(studio, mine, typed, "", kept) == {}


def test_other_documents_leave_question_and_instructions_as_they_were_typed(
        studio: Studio, mine: str, tmp_path: Path) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    asked, text = edited(studio, mine)
    other_documents(studio, mine, tmp_path)
    made = refreshed(studio, mine, shown, asked, text, index=40)
    assert not {"editor", "draft", "put_back", "note", *asked._fields} & made.keys()
    assert made["index"] == 0 and made["tries"] == [] and made["results"] == trying.RESULTS_EMPTY
    assert all(part in made["prompt"] for part in ("My own?", "My edit.", "Bridge 0"))
    assert studio.own_tasks(mine) == {}
    assert refreshed(studio, mine, made["shown"], asked, text) == {}


@pytest.mark.parametrize("empty_between", [False, True])
def test_another_project_puts_aside_what_was_typed_for_the_first(
        studio: Studio, mine: str, empty_between: bool) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    asked, text = edited(studio, mine)
    before = studio.project(mine)
    if empty_between:
        made = refreshed(studio, studio.create_project("Empty").id, shown, asked, text)
        assert made["editor"] == made["question"] == ""
        assert (made["draft"], made["status"]) == (text, made["status"]) and "My own?" not in made["status"]
        after = refreshed(studio, EXAMPLE, made["shown"], *AS_OPENED)
        assert not {"draft", "put_back"} & after.keys()  # what was put aside stays there
    else:
        made = refreshed(studio, EXAMPLE, shown, asked, text)
        assert made["editor"] == studio.template(EXAMPLE).text
        assert made["question"] == studio.task(EXAMPLE).question
    assert made["draft"] == text and made["put_back"].visible
    assert wording.instructions_question_left(before.title) in made["status"]
    assert list(studio.own_tasks(mine).values()) == ["My own?"] and studio.own_tasks(EXAMPLE) == {}
    assert studio.project(mine) == before  # what is in use there is still in use


def test_an_own_question_in_use_is_not_replaced_by_what_was_typed_over_it(studio: Studio, mine: str) -> None:
    studio.save_task(mine, studio.task(mine).model_copy(update={"question": "Kept?"}))
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    for _ in range(2):  # both events of a switch may ask
        refreshed(studio, EXAMPLE, shown, *edited(studio, mine))
    assert studio.task(mine).question == "Kept?"
    assert list(studio.own_tasks(mine).values()) == ["Kept?", "My own?"]


def test_a_question_that_is_not_complete_is_said_to_be_lost(studio: Studio, mine: str) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    asked, text = edited(studio, mine)
    made = refreshed(studio, EXAMPLE, shown, asked._replace(table=[["one", "", False]]), text)
    assert wording.INSTRUCTIONS_NOT_KEPT in made["status"] and made["draft"] == text


def test_nothing_is_put_aside_where_nothing_was_typed(studio: Studio, mine: str) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    first = studio.template(mine).text
    kept = studio.save_template(mine, first + EDIT, parent=studio.template(mine).ref)
    asked = form_of(studio.task(mine))
    for text in (first, kept.text):  # any version that is kept can be had again
        made = refreshed(studio, EXAMPLE, shown, asked, text)
        assert not {"draft", "put_back"} & made.keys() and made["status"] == ""
    assert studio.own_tasks(mine) == {}


def test_a_draft_put_aside_before_survives_another_project(studio: Studio, mine: str) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"]
    made = refreshed(studio, EXAMPLE, shown, form_of(studio.task(mine)), studio.template(mine).text)
    assert not {"draft", "put_back"} & made.keys()
    made = refreshed(studio, studio.create_project("Empty").id, made["shown"], *AS_OPENED)
    assert "draft" not in made


def test_a_project_that_is_gone_takes_no_text_with_it(studio: Studio, mine: str) -> None:
    shown = refreshed(studio, mine, {}, *AS_OPENED)["shown"] | {"project": "gone"}
    made = refreshed(studio, EXAMPLE, shown, *edited(studio, mine))
    assert made["draft"] == studio.template(mine).text + EDIT


def test_a_page_that_lost_its_memory_overwrites_nothing(studio: Studio) -> None:
    """Gradio drops what a page holds after an hour without a sign of it; the form and the editor stay."""
    asked, text = edited(studio, EXAMPLE)
    made = refreshed(studio, EXAMPLE, {}, asked, text)
    assert made["draft"] == text and made["put_back"].visible
    assert list(studio.own_tasks(EXAMPLE).values()) == ["My own?"]
    assert wording.instructions_question_left(studio.project(EXAMPLE).title) in made["status"]


def test_the_page_as_it_opens_puts_nothing_aside(studio: Studio) -> None:
    made = refreshed(studio, EXAMPLE, {}, *AS_OPENED)
    assert not {"draft", "put_back"} & made.keys() and studio.own_tasks(EXAMPLE) == {}


def test_one_event_follows_whatever_the_preview_shows() -> None:
    """Two of them could overtake one another: the earlier text would be shown last."""
    demo = layout.build()
    named = {block.elem_id: block._id for block in demo.blocks.values() if getattr(block, "elem_id", None)}
    [follow] = [fn for fn in demo.fns.values() if fn.name == "follow"]
    assert follow.trigger_mode == "always_last"
    assert {(named["editor"], "change"), (named["editor"], "input"), (named["question"], "input"),
            (named["categories"], "input"), (named["fields"], "input"), (named["words"], "input")} \
        <= set(follow.targets)
    # The document and what else the page follows are kept in states.
    refresh = next(fn for fn in demo.fns.values() if follow.targets[0][0] in [c._id for c in fn.outputs])
    states = {block._id for block in refresh.outputs if isinstance(block, gr.State)}
    assert len([target for target in follow.targets if target[0] in states]) == 2


def test_a_late_preview_does_not_move_the_place(studio: Studio) -> None:
    asked, text = edited(studio, EXAMPLE)
    made = does.follow(studio, EXAMPLE, 7, EXAMPLE_TEACHER, *asked, text,
                       (studio.template(EXAMPLE).ref, instructions_shown.EDITED))
    assert made["prompt"].endswith("My edit.") and "<ins>" in made["changes"]
    assert not {"index", "jump", "editor", "attempt", "use"} & made.keys()
    assert does.follow(studio, studio.create_project("Empty").id, 0, "", *asked, text, ("", "")) == {}
