"""How wide and deep a model is, and how much it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.models.shape import depth_of, width_of, window_of


@pytest.mark.parametrize("text", ["{", "{}", '{"hidden_size": "wide"}', '{"hidden_size": 0}', "[]", None])
def test_a_model_that_does_not_say_how_wide_it_is_has_no_width(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "one").mkdir()
    if text is not None:
        (tmp_path / "one" / "config.json").write_text(text)
    assert width_of(tmp_path, "one") is None and depth_of(tmp_path, "one") is None


@pytest.mark.parametrize("config", [
    {"hidden_size": 896, "num_hidden_layers": 24, "max_position_embeddings": 512},
    {"n_embd": 896, "n_layer": 24, "n_positions": 512},
    {"dim": 896, "n_layers": 24, "max_position_embeddings": 512},
    {"hidden_size": 64, "text_config": {"hidden_size": 896, "num_hidden_layers": 24,
                                        "max_position_embeddings": 512}},
], ids=["Llama and most", "GPT-2", "DistilBERT", "one that also sees pictures"])
def test_width_depth_and_window_are_read_from_the_configuration(tmp_path: Path, config: dict) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "config.json").write_text(json.dumps(config))
    said = width_of(tmp_path, "one"), depth_of(tmp_path, "one"), window_of(tmp_path, "one")
    assert said == (896, 24, 512)
