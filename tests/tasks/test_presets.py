"""Ready-made questions: complete, each its own, and easy to find."""

from __future__ import annotations

import pytest

from engine.errors import SettingsError
from engine.tasks.presets import preset, preset_source, preset_titles

TITLES = preset_titles()


@pytest.mark.parametrize("name", list(TITLES))
def test_a_ready_made_question_can_be_asked(name: str) -> None:
    made = preset(name)
    made.check()
    assert made.id == name and TITLES[name]
    if made.kind == "single_label":
        assert all(label.definition for label in made.labels)
        assert any(label.actionable for label in made.labels)
        definitions = [label.definition for label in made.labels]
        assert len(set(definitions)) == len(definitions)
    if made.kind == "extract":
        assert all(field.definition for field in made.fields)


def test_there_is_one_for_every_kind_and_the_simple_ones_come_first() -> None:
    assert {preset(name).kind for name in TITLES} == {"single_label", "multi_label", "extract", "generate"}
    assert list(TITLES)[:3] == ["hazard", "humanitarian", "informative"]
    assert len(set(TITLES.values())) == len(TITLES)


def test_where_categories_come_from_is_said() -> None:
    assert "CrisisLexT26" in preset_source("information-type")
    assert preset_source("hazard") == preset_source("nonsense") == ""


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="nonsense"):
        preset("nonsense")
