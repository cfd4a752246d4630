"""The desk for question and instructions: kinds go together, versions are pointed at, costs are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.speeds import note_speed
from engine.studio import EXAMPLE, EXAMPLE_TEACHER, Studio
from engine.tasks.definition import Task
from engine.workspace import Workspace
from tests.students.tiny import MODEL, write_model


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(Workspace(tmp_path / "home"))
    made.open_example()
    return made


def test_a_question_of_another_kind_brings_its_instructions(studio: Studio) -> None:
    for preset, template in (
        ("clusters", "yes-or-no@1"),
        ("figures", "facts@1"),
        ("summary", "one-line@1"),
        ("informative", "message-first@1"),
    ):
        task = studio.use_preset(EXAMPLE, preset)
        assert studio.template(EXAMPLE).ref == template
        rendered = studio.rendered(EXAMPLE, studio.template(EXAMPLE).text, task, 3, EXAMPLE_TEACHER)
        assert studio.corpus(EXAMPLE).documents[3].text in rendered.text
        assert not [text for severity, text in rendered.notes if severity == "stop"]


@pytest.mark.parametrize("kept", [2, 1], ids=["a version of its own is left", "only the built-in is left"])
def test_instructions_in_use_that_are_damaged_leave_the_page_open(studio: Studio, kept: int) -> None:
    first = studio.template(EXAMPLE)
    for text in (f"{first.text} Think.", f"{first.text} Think twice.")[2 - kept:]:
        studio.save_template(EXAMPLE, text, parent=studio.template(EXAMPLE).ref)
    newest = studio.template(EXAMPLE)
    shelf = studio.workspace.project(EXAMPLE).templates
    (shelf / newest.id / f"{newest.version}.yaml").write_text("{")
    assert studio.template(EXAMPLE).version == newest.version - 1 == kept
    asked = studio.draft_plan(EXAMPLE, "quick").ask.template
    assert asked == studio.template(EXAMPLE)  # what is shown is what is asked
    with pytest.raises(SettingsError, match=f"{newest.version}.yaml"):
        studio.template(EXAMPLE, newest.ref)
    again = studio.save_template(EXAMPLE, f"{first.text} Anew.", parent=studio.template(EXAMPLE).ref)
    assert studio.template(EXAMPLE) == again and again.version == newest.version + 1


def test_what_all_documents_take_is_counted_by_kind(studio: Studio) -> None:
    calls = {}
    for preset in ("hazard", "clusters", "figures"):
        task = studio.use_preset(EXAMPLE, preset)
        calls[preset] = studio.rendered(
            EXAMPLE, studio.template(EXAMPLE).text, task, 0, EXAMPLE_TEACHER
        ).calls
    assert calls == {"hazard": 470, "clusters": 11 * 470, "figures": 470}


def test_tokens_are_those_of_the_model_and_the_time_is_a_sentence(studio: Studio) -> None:
    write_model(studio.workspace.models)
    task, text = studio.task(EXAMPLE), studio.template(EXAMPLE).text
    rendered = studio.rendered(EXAMPLE, text, task, 0, MODEL)
    assert rendered.tokens > 20
    mean = rendered.tokens_all / rendered.calls
    lengths = [studio.rendered(EXAMPLE, text, task, i, MODEL).tokens for i in range(0, 470, 47)]
    assert min(lengths) < mean + rendered.shared < max(lengths)
    assert rendered.time.startswith("about ")


def test_what_stands_in_front_of_the_message_is_read_once(studio: Studio) -> None:
    """By a model that chooses; one that writes reads every question whole."""
    write_model(studio.workspace.models)
    task, text = studio.task(EXAMPLE), studio.template(EXAMPLE).text
    plain = studio.rendered(EXAMPLE, text, task, 0, MODEL)
    behind = studio.rendered(EXAMPLE, text + " Think of people first." * 40, task, 0, MODEL)
    before = studio.rendered(EXAMPLE, "Think of people first. " * 40 + text, task, 0, MODEL)
    more = behind.tokens - plain.tokens
    assert more > 150 and abs(before.tokens - behind.tokens) < 20
    assert behind.shared == plain.shared and abs(before.shared - plain.shared - more) < 20
    assert behind.tokens_all - plain.tokens_all == pytest.approx(470 * more, rel=0.02)
    assert before.tokens_all - plain.tokens_all < 2 * more
    warned = [any("far more than" in said for _, said in one.notes) for one in (behind, before)]
    assert warned == [True, False]
    studio.use_preset(EXAMPLE, "figures")
    facts = studio.rendered(EXAMPLE, studio.template(EXAMPLE).text, studio.task(EXAMPLE), 0, MODEL)
    assert facts.shared == 0 and facts.tokens_all > 470 * 40


def test_instructions_and_question_of_different_kinds_are_refused_in_words(studio: Studio) -> None:
    facts = Task.model_validate(studio.preset("figures").model_dump())
    with pytest.raises(SettingsError, match="another kind"):
        studio.rendered(EXAMPLE, "{{ document }}", facts, 0, EXAMPLE_TEACHER)


def test_a_text_is_read_the_way_of_the_instructions_named(studio: Studio) -> None:
    """`ask --template letters` must read letters, though words are in use."""
    write_model(studio.workspace.models)
    assert studio.template(EXAMPLE).answer == "word"
    letters = studio._edited(EXAMPLE, "x", studio.task(EXAMPLE), "letters@1")
    assert (letters.answer, letters.opening, letters.text) == ("letter", "", "x")


def test_a_question_given_away_is_the_one_in_use(studio: Studio) -> None:
    csv, yaml = studio.export_task(EXAMPLE, studio.task(EXAMPLE))
    digest = studio.task(EXAMPLE).digest
    studio.use_preset(EXAMPLE, "summary")
    for path in (csv, yaml):
        assert studio.import_task(EXAMPLE, path).digest == digest
        assert studio.project(EXAMPLE).task == "own-question"


def test_own_questions_stand_beside_one_another_and_the_same_one_is_kept_once(studio: Studio) -> None:
    first = studio.task(EXAMPLE)
    assert studio.save_task(EXAMPLE, first).id == "hazard" and studio.own_tasks(EXAMPLE) == {}
    for question, name in (("One?", "own-question"), ("Two?", "own-question-2"), ("One?", "own-question")):
        studio.use_preset(EXAMPLE, "hazard")
        assert studio.save_task(EXAMPLE, first.model_copy(update={"question": question})).id == name
    assert studio.own_tasks(EXAMPLE) == {"own-question": "One?", "own-question-2": "Two?"}
    kept = studio.save_task(EXAMPLE, studio.task(EXAMPLE).model_copy(update={"question": "One, then?"}))
    assert kept.id == "own-question"  # an edit of one's own stays that one
    assert studio.own_tasks(EXAMPLE) == {"own-question": "One, then?", "own-question-2": "Two?"}


def test_documents_that_do_not_fit_the_model_are_counted(studio: Studio) -> None:
    folder = write_model(studio.workspace.models).path
    task, text = studio.task(EXAMPLE), studio.template(EXAMPLE).text
    window = json.loads((folder / "config.json").read_text())["max_position_embeddings"]

    def said(words: int) -> str:
        rendered = studio.rendered(EXAMPLE, text + " word" * words, task, 0, MODEL)
        return " ".join(note for _, note in rendered.notes if note.startswith("Too long"))
    around = studio.rendered(EXAMPLE, text, task, 0, MODEL).tokens
    each = (studio.rendered(EXAMPLE, text + " word" * 10, task, 0, MODEL).tokens - around) // 10
    assert said(0) == "" and "100 %" in said(window // each)
    some = said((window - around) // each - 5)
    assert some and "100 %" not in some and f"{window:,} tokens" in some


def test_a_time_that_was_not_measured_is_called_a_guess(studio: Studio) -> None:
    write_model(studio.workspace.models)
    task, text = studio.task(EXAMPLE), studio.template(EXAMPLE).text
    assert studio.rendered(EXAMPLE, text, task, 0, MODEL).guessed
    note_speed(studio.workspace, "ask", task.kind, MODEL, 47.0, tokens=100, run="r")
    rendered = studio.rendered(EXAMPLE, text, task, 0, MODEL)
    assert not rendered.guessed and rendered.time == "about a minute"
    assert not studio.rendered(EXAMPLE, text, task, 0, EXAMPLE_TEACHER).guessed
    in_use = studio.rendered(EXAMPLE, text, task, 0, None)  # the page's list may not stand yet
    assert in_use == studio.rendered(EXAMPLE, text, task, 0, EXAMPLE_TEACHER)
