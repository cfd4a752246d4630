"""How wide and deep a model is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.shape import depth_of, width_of


@pytest.mark.parametrize("text", ["{", "{}", '{"hidden_size": "wide"}', '{"hidden_size": 0}', "[]", None])
def test_a_model_that_does_not_say_how_wide_it_is_has_no_width(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "one").mkdir()
    if text is not None:
        (tmp_path / "one" / "config.json").write_text(text)
    assert width_of(tmp_path, "one") is None and depth_of(tmp_path, "one") is None


def test_width_and_depth_are_read_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "config.json").write_text('{"hidden_size": 896, "num_hidden_layers": 24}')
    assert (width_of(tmp_path, "one"), depth_of(tmp_path, "one")) == (896, 24)
