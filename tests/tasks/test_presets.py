"""Ready-made questions: complete, each its own, and easy to find."""

from __future__ import annotations

import hashlib

import pytest

from engine.errors import SettingsError
from engine.tasks.presets import preset, preset_source, preset_titles
from engine.workspace import ASSETS

TITLES = preset_titles()


@pytest.mark.parametrize("name", list(TITLES))
def test_a_ready_made_question_can_be_asked(name: str) -> None:
    made = preset(name)
    made.check()
    assert made.id == name and TITLES[name]
    for part in (*made.labels, *made.fields):
        assert part.definition and part.definition[0].isalpha() and not part.definition.endswith(".")
    if made.kind == "single_label":
        assert any(label.actionable for label in made.labels)
        definitions = [label.definition for label in made.labels]
        assert len(set(definitions)) == len(definitions)


def test_there_is_one_for_every_kind_and_the_simple_ones_come_first() -> None:
    assert {preset(name).kind for name in TITLES} == {"single_label", "multi_label", "extract", "generate"}
    assert list(TITLES)[:3] == ["hazard", "humanitarian", "informative"]
    assert len(set(TITLES.values())) == len(TITLES)


def test_where_categories_come_from_is_said() -> None:
    assert "CrisisLexT26" in preset_source("information-type")
    assert preset_source("hazard") == preset_source("nonsense") == ""


@pytest.mark.parametrize(("name", "content"), [
    ("hazard", "66523806336d72bd"),
    ("humanitarian", "642429b55caa050b"),
    ("informative", "9193f0a3c5d69e31")])
def test_the_questions_of_the_example_stay_as_they_are(name: str, content: str) -> None:
    assert hashlib.sha256((ASSETS / "taxonomies" / f"{name}.yaml").read_bytes()).hexdigest()[:16] == content


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="nonsense"):
        preset("nonsense")
