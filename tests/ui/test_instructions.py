"""Instructions: the live text, lint in words, trying, versions, and the question as a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.prompts.differing import compare
from engine.studio import DEFAULT_TEACHER, ENCODER, EXAMPLE, EXAMPLE_TEACHER, Studio
from engine.workspace import Workspace
from ui import instructing, instructions_events, instructions_shown, task_form, teachers, trying, wording
from ui.pages.instructions import Parts
from ui.task_form import Asked, form_of, task_from

does = instructions_events
NAMES = {field.name for field in fields(Parts)}
NOTHING = Asked("", "single_label", [], [], None)


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    made = Studio(workspace)
    made.open_example()
    return made


def refreshed(studio: Studio, shown: dict[str, str], asked: Asked = NOTHING, editor: str = "",
              project: str = EXAMPLE, **given: Any) -> dict[str, Any]:
    made = instructions_shown.refresh(
        studio, project, shown, given.get("index", 0), given.get("teacher", ""), *asked, editor,
        given.get("suits", ""), given.get("language", ""))
    assert made.keys() <= NAMES
    return made


def form(studio: Studio) -> tuple[Asked, str]:
    """The question's form and the text, as the page sends them."""
    return form_of(studio.task(EXAMPLE)), studio.template(EXAMPLE).text


def used(studio: Studio, asked: Asked, text: str, version: str = "message-first@1", note: str = "",
         author: str = "", stamp: int = 0, tries: Sequence[Any] = ()) -> dict[str, Any]:
    return does.use(studio, EXAMPLE, EXAMPLE_TEACHER, *asked, text, version, note, author, tries, stamp)


def test_without_documents_the_page_says_what_comes_first(studio: Studio) -> None:
    made = refreshed(studio, {}, project="")
    assert made["empty"].visible and not made["body"].visible


def test_the_project_is_shown_and_left_alone_while_nothing_changes(studio: Studio) -> None:
    page = refreshed(studio, {})
    assert page["body"].visible and page["preset"].value == "hazard"
    assert page["question"] == studio.task(EXAMPLE).question
    assert page["table"].value["data"][0][0] == "flood" and page["kind"] == "single_label"
    assert page["table"].visible and not page["fields"].visible and not page["words"].visible
    assert "Dyke fails at Zalishne" in page["prompt"]
    assert page["where"] == wording.instructions_document(470) == "of 470"
    assert page["jump"] == 1
    assert [Path(path).suffix for path in page["take"]] == [".csv", ".yaml"]
    assert refreshed(studio, page["shown"]) == {}


def test_another_question_leaves_an_unsaved_text_alone(studio: Studio) -> None:
    page = refreshed(studio, {})
    asked, text = form(studio)
    assert does.use_preset(studio, EXAMPLE, "informative", *asked, 2)["stamp"] == 3
    after = refreshed(studio, page["shown"], asked, text + "\nMy edit.", teacher=EXAMPLE_TEACHER)
    assert not {"editor", "tries"} & after.keys()
    assert after["question"] == studio.task(EXAMPLE).question != asked.question
    assert after["prompt"].endswith("My edit.")


def test_the_rendered_text_is_the_one_the_model_reads(studio: Studio) -> None:
    asked, text = form(studio)
    made = does.view(studio, EXAMPLE, 1, EXAMPLE_TEACHER, asked, text)
    rendered = studio.rendered(EXAMPLE, text, studio.task(EXAMPLE), 1, EXAMPLE_TEACHER)
    assert made["prompt"] == rendered.text
    assert "notice-warning" not in made["facts"]
    assert wording.instructions_cost(rendered) in made["facts"].replace("&#x27;", "'")
    assert rendered.calls == 470


def test_the_stepper_goes_round_and_a_number_goes_there(studio: Studio) -> None:
    asked, text = form(studio)
    rest = (EXAMPLE_TEACHER, *asked, text)
    assert does.step(-1)(studio, EXAMPLE, 0, *rest)["index"] == 469
    assert does.step(1)(studio, EXAMPLE, 469, *rest)["index"] == 0
    assert does.jump(studio, EXAMPLE, 12, 0, *rest)["index"] == 11
    assert does.jump(studio, EXAMPLE, 9999, 0, *rest)["index"] == 469
    assert does.jump(studio, EXAMPLE, None, 0, *rest) == does.jump(studio, EXAMPLE, 1, 0, *rest) == {}


@pytest.mark.parametrize(("text", "words"), [
    ("{{ documnt }}", "{{ document }}"), ("{{ document", "closed"),
    ("{{ document.__class__.__mro__ }}", "not allowed"), ("No places at all", "message itself is missing"),
    ("{{ document }}", "Not every category is named")])
def test_what_is_wrong_with_the_text_is_said_beside_it(studio: Studio, text: str, words: str) -> None:
    facts = does.view(studio, EXAMPLE, 0, EXAMPLE_TEACHER, form(studio)[0], text)["facts"]
    assert words in facts and 'class="notice notice-warning"' in facts


def test_the_table_of_categories_makes_the_question(studio: Studio) -> None:
    asked, _ = form(studio)
    rows = [*asked.table, ["heat", " too  hot ", "true"], ["", "", False], [None, None, None]]
    task = task_from(studio, EXAMPLE, asked._replace(table=rows))
    assert task.names[-1] == "heat" and task.labels[-1].definition == "too hot"
    assert task.labels[-1].actionable and len(task.labels) == 8


@pytest.mark.parametrize("rows", [[], [["flood", "", True]], [["a", "", False], ["A", "", False]],
                                  [["", "nameless", False], ["b", "", False]], [["x" * 61, ""], ["b"]]])
def test_a_table_that_cannot_be_asked_is_refused_in_words(studio: Studio, rows: list[list[Any]]) -> None:
    asked = Asked("Which?", "single_label", rows, [], 30)
    with pytest.raises(SettingsError):
        task_from(studio, EXAMPLE, asked)
    assert "notice-warning" in does.view(studio, EXAMPLE, 0, EXAMPLE_TEACHER, asked, "x")["facts"]
    made = trying.attempt(studio, EXAMPLE, EXAMPLE_TEACHER, *asked, "x", "message-first@1", progress=None)
    assert wording.FRAME_NOTICE["problem"] in made["status"]


def test_rows_are_moved_and_added(studio: Studio) -> None:
    rows = [["a"], ["b"], ["c"]]
    assert task_form.moved(rows, 2, -1) == ([["a"], ["c"], ["b"]], 1)
    assert task_form.moved(rows, 0, 1) == ([["b"], ["a"], ["c"]], 1)
    assert task_form.moved(rows, 0, -1) == (rows, 0) and task_form.moved(rows, 9, 1) == (rows, 9)
    made = does.move(-1)(studio, EXAMPLE, "single_label", rows, [], 2)
    assert made == {"table": [["a"], ["c"], ["b"]], "row": 1}
    assert does.move(1)(studio, EXAMPLE, "extract", [], rows, 0)["fields"][0] == ["b"]
    assert does.add_row(studio, EXAMPLE, "extract", rows, [])["fields"] == [["", "", "text"]]
    assert len(does.add_row(studio, EXAMPLE, "multi_label", rows, [])["table"]) == 4


def test_another_kind_of_answer_is_kept_with_instructions_of_its_kind(studio: Studio) -> None:
    kinds = {"multi_label": "yes-or-no@1", "extract": "facts@1", "generate": "one-line@1"}
    for kind, template in kinds.items():
        asked = form_of(studio.task(EXAMPLE))._replace(kind=kind)
        assert does.of_kind(studio, EXAMPLE, *asked, 1)["stamp"] == 2
        assert studio.task(EXAMPLE).kind == kind and studio.template(EXAMPLE).ref == template
        page = refreshed(studio, {})
        assert page["table"].visible is page["about"].visible is (kind == "multi_label")
        assert page["fields"].visible is (kind == "extract")
        assert page["words"].visible is (kind == "generate")
        assert "notice-warning" not in page["facts"]
        assert all(ref.partition("@")[0] != "message-first" for _, ref in page["version"].choices)
    assert len(studio.task(EXAMPLE).labels) == 7
    does.of_kind(studio, EXAMPLE, *form_of(studio.task(EXAMPLE))._replace(kind="single_label"), 1)
    assert studio.template(EXAMPLE).ref == "message-first@1"
    assert [f.name for f in studio.task(EXAMPLE).fields][:2] == ["place", "date"]  # what was typed stays


def test_a_kind_that_cannot_be_asked_is_refused_and_set_back(studio: Studio) -> None:
    made = does.of_kind(studio, EXAMPLE, "Which?", "multi_label", [], [], 30, 1)
    assert made["kind"] == "single_label" and wording.FRAME_NOTICE["problem"] in made["status"]
    assert "stamp" not in made


def test_a_recording_is_refused_for_other_kinds_where_a_run_would_start(studio: Studio) -> None:
    studio.use_preset(EXAMPLE, "disaster-messages")
    with pytest.raises(SettingsError, match="choices of one category"):
        studio.draft_plan(EXAMPLE, "quick").check()


def test_a_question_goes_out_and_comes_in(studio: Studio, tmp_path: Path) -> None:
    page = refreshed(studio, {})
    brought = tmp_path / "question.csv"
    brought.write_bytes(Path(page["take"][0]).read_bytes().replace(b"flood", b"deluge"))
    assert does.bring(studio, EXAMPLE, str(brought), *form(studio)[0], 3)["stamp"] == 4
    assert studio.task(EXAMPLE).names[0] == "deluge" and studio.project(EXAMPLE).task == "own-question"
    brought.write_text("name,kind\na,nonsense\n")
    made = does.bring(studio, EXAMPLE, str(brought), *form(studio)[0], 4)
    assert "nonsense" in made["status"] and "stamp" not in made
    assert does.bring(studio, EXAMPLE, None, *form(studio)[0], 4) == {}


def test_using_an_edit_makes_a_version_and_going_back_makes_none(studio: Studio) -> None:
    asked, text = form(studio)
    first = studio.template(EXAMPLE).ref
    made = used(studio, asked, text + "\nOne letter.", first, "shorter", "Ana", 4)
    kept = studio.template(EXAMPLE)
    assert (kept.version, kept.note, kept.author, kept.parent) == (2, "shorter", "Ana", first)
    assert (made["stamp"], made["note"]) == (5, "") and "v2" in made["status"]
    assert studio.project(EXAMPLE).task == "hazard"
    assert does.open_version(studio, EXAMPLE, first, kept.text, 5) == {"editor": text, "stamp": 6}
    used(studio, asked, text + "\nOne letter.", first, "", "", 6)
    assert studio.template(EXAMPLE).ref == kept.ref  # the same text is the version it already is
    assert max(t.version for t in studio.templates(EXAMPLE) if t.id == kept.id) == 2


def test_any_two_versions_are_compared_and_an_old_one_restored(studio: Studio) -> None:
    asked, text = form(studio)
    used(studio, asked, text.replace("Message", "Report"), note="reports")
    page = refreshed(studio, {})
    refs = [ref for _, ref in page["before"].choices]
    assert refs == ["message-first@2", "message-first@1"] and page["after"].value == does.EDITED
    told = does.compare(studio, EXAMPLE, "message-first@1", "message-first@2", "")["changes"]
    assert "<del>Message:</del><ins>Report:</ins>" in told
    assert wording.INSTRUCTIONS_SAME in does.compare(studio, EXAMPLE, refs[0], refs[0], "")["changes"]
    made = does.restore(studio, EXAMPLE, "message-first@1", page["editor"], "Ana", 7)
    now = studio.template(EXAMPLE)
    assert (now.version, now.text, now.author, made["editor"], made["stamp"]) == (3, text, "Ana", text, 8)
    assert "restored from version 1" in refreshed(studio, {})["versions"]


def test_new_instructions_are_begun_under_their_own_title(studio: Studio) -> None:
    made = does.begin(studio, EXAMPLE, "Ours", "Ana", {}, 1)
    assert studio.template(EXAMPLE).id == "ours" and made["stamp"] == 2 and made["title"] == ""
    assert "already" in does.begin(studio, EXAMPLE, "Ours", "", {}, 2)["status"]
    choices = refreshed(studio, {})["version"].choices
    assert ("Ours · v1", "ours@1") in choices


def test_the_list_can_be_narrowed_and_keeps_what_is_in_use(studio: Studio) -> None:
    every = {ref for _, ref in does.filtered(studio, EXAMPLE, "", "")["version"].choices}
    spanish = {ref for _, ref in does.filtered(studio, EXAMPLE, "", "es")["version"].choices}
    assert {"message-first-es@1", "article-first@1", "message-first@1"} <= every
    assert spanish == {"message-first@1", "message-first-es@1", "meanings-first-es@1",
                       "with-definitions-es@1", "article-first-es@1", "report-first-es@1"}
    news = {ref for _, ref in does.filtered(studio, EXAMPLE, "news", "")["version"].choices}
    assert "report-first@1" not in news and "article-first@1" in news


def test_an_edited_table_becomes_the_project_s_own_question(studio: Studio) -> None:
    asked, text = form(studio)
    used(studio, asked._replace(table=asked.table[:3]), text)
    assert studio.task(EXAMPLE).names == ("flood", "storm", "earthquake")
    own = (wording.instructions_own(asked.question), task_form.OWN)
    assert refreshed(studio, {})["preset"].choices[0] == own


def test_a_text_that_cannot_be_filled_in_is_not_kept(studio: Studio) -> None:
    made = used(studio, form(studio)[0], "{{ nope }}")
    assert wording.FRAME_NOTICE["problem"] in made["status"] and "stamp" not in made
    assert studio.template(EXAMPLE).version == 1


def test_a_model_that_is_not_here_is_offered_before_it_is_chosen(studio: Studio) -> None:
    missing = next(m for m in studio.models() if "teacher" in m.roles and not m.installed)
    made = does.choose_teacher(studio, EXAMPLE, missing.name, 1)
    assert "stamp" not in made and made["fetching"].visible
    assert f"{missing.disk_gb:.1f} GB" in made["fetch_words"] and missing.licence in made["fetch_words"]
    assert studio.project(EXAMPLE).teacher == EXAMPLE_TEACHER
    made = does.choose_teacher(studio, EXAMPLE, EXAMPLE_TEACHER, 1)
    assert made["stamp"] == 2 and made["fetching"].visible == bool(teachers.missing(studio, EXAMPLE_TEACHER))


def test_what_chooses_the_ten_documents_is_offered_too(studio: Studio,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the sentence encoder *Try on 10* fails, whichever large model is to answer."""
    every = [replace(m, installed=m.name != ENCODER) for m in studio.models()]
    encoder = next(m for m in every if m.name == ENCODER)
    monkeypatch.setattr(Studio, "models", lambda _: every)
    going, asked = {}, []
    monkeypatch.setattr(Studio, "fetch", lambda _, name, source: asked.append((name, source)))
    monkeypatch.setattr(Studio, "fetch_status", lambda _, name: going.get(name))
    made = does.choose_teacher(studio, EXAMPLE, DEFAULT_TEACHER, 1)
    assert made["fetching"].visible and encoder.title in made["fetch_words"] and made["stamp"] == 2
    assert wording.INSTRUCTIONS_ENCODER in made["fetch_words"]
    every[:] = [replace(m, installed=False) for m in every]
    made = does.choose_teacher(studio, EXAMPLE, DEFAULT_TEACHER, 1)
    titles = [m.title for m in every if m.name in (DEFAULT_TEACHER, ENCODER)]
    assert all(title in made["fetch_words"] for title in titles) and "stamp" not in made
    does.fetch(studio, EXAMPLE, DEFAULT_TEACHER, "hub")
    assert sorted(asked) == sorted([(DEFAULT_TEACHER, "hub"), (ENCODER, "hub")])
    going[ENCODER] = SimpleNamespace(state="running", sentence="3 of 9 parts", fix="")
    made = does.look(studio, EXAMPLE, DEFAULT_TEACHER, 1)
    assert "3 of 9 parts" in made["fetch_state"] and "look" not in made
    every[:] = [replace(m, installed=True) for m in every]
    made = does.look(studio, EXAMPLE, DEFAULT_TEACHER, 1)
    assert not made["fetching"].visible and not made["look"].active and made["stamp"] == 2
    assert studio.project(EXAMPLE).teacher == DEFAULT_TEACHER


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
    shown = instructing.difference(compare("Reply with <b>one</b> letter.", "Reply with <b>one</b> word."))
    assert "<del>letter.</del><ins>word.</ins>" in shown and "&lt;" in shown and "<b>" not in shown
    assert wording.INSTRUCTIONS_SAME in instructing.difference(compare("same", "same"))
