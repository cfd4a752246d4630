"""Learning rates by a student's width."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.widths import KNOWN_WIDTH, RATE_SHARES, rate_share, width_of


@pytest.mark.parametrize(("width", "share"), [
    (None, 1.0), (384, 1.0), (576, 1.0), (577, 0.5), (896, 0.5), (1152, 0.5), (1536, 0.25), (4096, 0.125)])
def test_the_rate_is_halved_with_each_doubling_of_the_width(width: int | None, share: float) -> None:
    assert rate_share(width) == share


def test_no_width_is_too_large() -> None:
    assert rate_share(KNOWN_WIDTH * 2 ** 40) == RATE_SHARES[-1]


@pytest.mark.parametrize("text", ["{", "{}", '{"hidden_size": "wide"}', '{"hidden_size": 0}', "[]", None])
def test_a_model_that_does_not_say_how_wide_it_is_has_no_width(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "one").mkdir()
    if text is not None:
        (tmp_path / "one" / "config.json").write_text(text)
    assert width_of(tmp_path, "one") is None


def test_the_width_is_read_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "config.json").write_text('{"hidden_size": 896}')
    assert width_of(tmp_path, "one") == 896
