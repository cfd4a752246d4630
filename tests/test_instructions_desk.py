"""The desk for question and instructions: kinds go together, versions are pointed at, costs are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SettingsError
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


def test_what_all_documents_take_is_counted_by_kind(studio: Studio) -> None:
    calls = {}
    for preset in ("hazard", "clusters", "figures"):
        task = studio.use_preset(EXAMPLE, preset)
        calls[preset] = studio.rendered(
            EXAMPLE, studio.template(EXAMPLE).text, task, 0, EXAMPLE_TEACHER
        ).calls
    assert calls == {"hazard": 2 * 470, "clusters": 11 * 470, "figures": 470}


def test_tokens_are_those_of_the_model_and_the_time_is_a_sentence(studio: Studio) -> None:
    write_model(studio.workspace.models)
    task, text = studio.task(EXAMPLE), studio.template(EXAMPLE).text
    rendered = studio.rendered(EXAMPLE, text, task, 0, MODEL)
    assert rendered.tokens > 20
    mean = rendered.tokens_all / rendered.calls
    lengths = [studio.rendered(EXAMPLE, text, task, i, MODEL).tokens for i in range(0, 470, 47)]
    assert min(lengths) < mean < max(lengths)
    assert rendered.time.startswith("about ")


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
