"""Instructions: the live text, lint in words, trying, and versions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.errors import SettingsError
from engine.studio import DEFAULT_TEACHER, EXAMPLE, EXAMPLE_TEACHER, Studio, Tried
from engine.workspace import Workspace
from ui import instructing, teachers, wording
from ui.pages import instructions

NAMES = ("shown", "index", "tries", "empty", "body", "preset", "question", "table", "version", "editor",
         "note", "where", "prompt", "facts", "teacher", "fetching", "fetch_words", "source", "fetch_state",
         "look", "status", "results", "versions", "against", "changes", "attempt", "use")


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    made = Studio(workspace)
    made.open_example()
    return made


def refreshed(shown: dict[str, str], **edits: Any) -> dict[str, Any] | Any:
    given = {"index": 0, "teacher": "", "question": "", "table": [], "editor": ""} | edits
    values = instructions._refresh("", EXAMPLE, "", shown, *given.values())
    if not isinstance(values, tuple):
        return values
    assert len(values) == instructions.OUTPUTS == len(NAMES)
    return dict(zip(NAMES, values, strict=True))


def form(studio: Studio) -> tuple[str, list[list[Any]], str]:
    """Question, table and text as the page sends them."""
    task = studio.task(EXAMPLE)
    rows = [[label.name, label.definition, label.actionable] for label in task.labels]
    return task.question, rows, studio.template(EXAMPLE).text


def test_without_documents_the_page_says_what_comes_first(workspace: Workspace) -> None:
    values = instructions._refresh("", "", "", {}, 0, "", "", [], "")
    assert len(values) == len(NAMES) and values[3].visible and not values[4].visible


def test_the_project_is_shown_and_left_alone_while_nothing_changes(studio: Studio) -> None:
    page = refreshed({})
    assert page["body"].visible and page["preset"].value == "hazard"
    assert page["question"] == studio.task(EXAMPLE).question
    assert page["table"][0][0] == "flood" and page["table"][0][2] is True
    assert "Dyke fails at Zalishne" in page["prompt"]
    assert page["where"] == wording.instructions_document(0, 470)
    assert refreshed(page["shown"]) == gr.skip()


def test_another_question_leaves_an_unsaved_text_alone(studio: Studio) -> None:
    page = refreshed({})
    question, rows, text = form(studio)
    assert instructions._use_preset("", EXAMPLE, "informative", 2) == 3
    after = refreshed(page["shown"], teacher=EXAMPLE_TEACHER, question=question, table=rows,
                      editor=text + "\nMy edit.")
    assert after["editor"] == gr.skip() and after["tries"] == gr.skip()
    assert after["question"] == studio.task(EXAMPLE).question != question
    assert after["prompt"].endswith("My edit.")


def test_the_rendered_text_is_the_one_the_model_reads(studio: Studio) -> None:
    question, rows, text = form(studio)
    _, _, prompt, facts = instructions._view(studio, EXAMPLE, 1, EXAMPLE_TEACHER, question, rows, text)
    assert prompt == studio.rendered(EXAMPLE, text, studio.task(EXAMPLE), 1, EXAMPLE_TEACHER).text
    assert "notice-warning" not in facts


def test_the_stepper_goes_round(studio: Studio) -> None:
    rest = (EXAMPLE_TEACHER, *form(studio))
    assert instructions._back("", EXAMPLE, 0, *rest)[0] == 469
    assert instructions._on("", EXAMPLE, 469, *rest)[0] == 0


@pytest.mark.parametrize(("text", "words"), [
    ("{{ documnt }}", "{{ document }}"), ("{{ document", "closed"),
    ("{{ document.__class__.__mro__ }}", "not allowed"), ("No places at all", "message itself is missing"),
    ("{{ document }}", "Not every category is named")])
def test_what_is_wrong_with_the_text_is_said_beside_it(studio: Studio, text: str, words: str) -> None:
    question, rows, _ = form(studio)
    _, _, prompt, facts = instructions._view(studio, EXAMPLE, 0, EXAMPLE_TEACHER, question, rows, text)
    assert words in facts and 'class="notice notice-warning"' in facts


def test_the_table_of_categories_makes_the_question(studio: Studio) -> None:
    question, rows, _ = form(studio)
    rows = [*rows, ["heat", " too  hot ", "true"], ["", "", False], [None, None, None]]
    task = instructions._task(studio, EXAMPLE, question, rows)
    assert task.names[-1] == "heat" and task.labels[-1].definition == "too hot"
    assert task.labels[-1].actionable and len(task.labels) == 8


@pytest.mark.parametrize("rows", [[], [["flood", "", True]], [["a", "", False], ["A", "", False]],
                                  [["", "nameless", False], ["b", "", False]], [["x" * 61, ""], ["b"]]])
def test_a_table_that_cannot_be_asked_is_refused_in_words(studio: Studio, rows: list[list[Any]]) -> None:
    with pytest.raises(SettingsError):
        instructions._task(studio, EXAMPLE, "Which?", rows)
    _, _, _, facts = instructions._view(studio, EXAMPLE, 0, EXAMPLE_TEACHER, "Which?", rows, "x")
    assert "notice-warning" in facts
    values = instructions._try("", EXAMPLE, EXAMPLE_TEACHER, "Which?", rows, "x", "message-first@1", [])
    assert wording.FRAME_NOTICE["problem"] in values[0]


def test_using_an_edit_makes_a_version_and_going_back_makes_none(studio: Studio) -> None:
    question, rows, text = form(studio)
    first = studio.template(EXAMPLE).ref
    status, stamp, note, *_ = instructions._use("", EXAMPLE, EXAMPLE_TEACHER, question, rows,
                                                text + "\nOne letter.", first, "shorter", 4)
    kept = studio.template(EXAMPLE)
    assert (kept.version, kept.note, kept.parent, stamp, note) == (2, "shorter", first, 5, "")
    assert "v2" in status and studio.project(EXAMPLE).task == "hazard"
    assert instructions._open_version("", EXAMPLE, first, 5) == (text, 6)
    assert studio.template(EXAMPLE).ref == first
    instructions._use("", EXAMPLE, EXAMPLE_TEACHER, question, rows, text + "\nOne letter.", first, "", 6)
    assert studio.template(EXAMPLE).ref == kept.ref  # the same text is the version it already is
    assert max(t.version for t in studio.templates(EXAMPLE)) == 2


def test_an_edited_table_becomes_the_project_s_own_question(studio: Studio) -> None:
    question, rows, text = form(studio)
    instructions._use("", EXAMPLE, EXAMPLE_TEACHER, question, rows[:3], text, "message-first@1", "", 0)
    assert studio.task(EXAMPLE).names == ("flood", "storm", "earthquake")
    page = refreshed({})
    assert (wording.INSTRUCTIONS_OWN, instructions.OWN) in page["preset"].choices
    instructions._use_preset("", EXAMPLE, "hazard", 0)
    instructions._use_preset("", EXAMPLE, instructions.OWN, 0)
    assert len(studio.task(EXAMPLE).labels) == 3


def test_a_text_that_cannot_be_filled_in_is_not_kept(studio: Studio) -> None:
    question, rows, _ = form(studio)
    status, stamp, *_ = instructions._use("", EXAMPLE, EXAMPLE_TEACHER, question, rows, "{{ nope }}",
                                          "message-first@1", "", 0)
    assert wording.FRAME_NOTICE["problem"] in status and stamp == gr.skip()
    assert studio.template(EXAMPLE).version == 1


class Answers:
    """Stands where the front desk asks the large model, which a test of the page cannot load."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.labels = ["flood"] * 10
        monkeypatch.setattr(Studio, "try_on", self._try_on)

    def _try_on(self, *_: Any) -> list[Tried]:
        return [Tried(i, f"<i>document</i> {i}", label, {label: 0.7, "storm": 0.3}, "fairly sure")
                for i, label in enumerate(self.labels)]


def test_trying_again_says_what_the_edit_changed(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(monkeypatch)
    question, rows, text = form(studio)
    arguments = ("", EXAMPLE, EXAMPLE_TEACHER, question, rows)
    status, table, tries, attempt, use = instructions._try(*arguments, text, "message-first@1", [])
    assert wording.instructions_first_try("v1", 10) in status
    assert (attempt.variant, use.variant) == ("secondary", "primary")
    assert "&lt;i&gt;document" in table and "<i>document" not in table and "70 %" in table
    answers.labels = ["fire"] * 3 + ["flood"] * 7
    status, table, tries, *_ = instructions._try(*arguments, text + "!", "message-first@1", tries)
    assert wording.instructions_changed("v1", wording.INSTRUCTIONS_YOUR_EDIT, 3, 10) in status
    assert table.count(wording.instructions_was("flood")) == 3
    status, *_ = instructions._try(*arguments, text + "!", "message-first@1", tries)
    assert "changed 3 of 10" in status  # the same again is compared with what came before, not with itself


def test_a_model_that_is_not_here_is_offered_before_it_is_chosen(studio: Studio) -> None:
    missing = next(m for m in studio.models() if "teacher" in m.roles and not m.installed)
    stamp, box, words, source, *_ = instructions._choose_teacher("", EXAMPLE, missing.name, 1)
    assert stamp == gr.skip() and box.visible
    assert f"{missing.disk_gb:.1f} GB" in words and missing.licence in words
    assert studio.project(EXAMPLE).teacher == EXAMPLE_TEACHER
    stamp, box, *_ = instructions._choose_teacher("", EXAMPLE, EXAMPLE_TEACHER, 1)
    assert stamp == 2 and not box.visible


def test_unofficial_copies_carry_their_caution(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(m for m in studio.models() if m.name == DEFAULT_TEACHER)
    monkeypatch.setattr(Studio, "models", lambda _: [replace(model, installed=False)])
    _, words, source, *_ = teachers.box(studio, DEFAULT_TEACHER)
    assert model.caution and model.caution.split(".")[0].replace("'", "&#x27;") in words
    assert [value for _, value in source.choices] == ["hub", "package-index"] and source.value == "hub"


def test_recorded_answers_are_offered_to_the_example_only(studio: Studio) -> None:
    other = studio.create_project("Mine")
    recorded = (wording.INSTRUCTIONS_RECORDED, EXAMPLE_TEACHER)
    assert teachers.choices(studio, EXAMPLE)[0] == recorded
    assert recorded not in teachers.choices(studio, other.id)


@pytest.mark.parametrize(("state", "kind"), [("running", "note"), ("failed", "problem"),
                                             ("lost", "warning"), ("done", "done")])
def test_a_fetch_is_told_in_words(state: str, kind: str) -> None:
    told = teachers.words(SimpleNamespace(state=state, sentence="3 of 9 parts", fix="Press again."))
    assert f"notice-{kind}" in told and "3 of 9 parts" in told


def test_a_difference_marks_what_came_and_what_went() -> None:
    shown = instructing.difference("Reply with <b>one</b> letter.", "Reply with one word.")
    assert "<del>letter</del><ins>word</ins>" in shown and "&lt;" in shown and "<b>" not in shown
    assert wording.INSTRUCTIONS_SAME in instructing.difference("same", "same")
