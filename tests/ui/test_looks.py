"""How the page looks to eyes that need contrast: text 4.5 to 1, signs and rings 3 to 1 (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ui import charts, theme

MADE = theme.theme()
STYLE = theme.STYLE.read_text(encoding="utf-8")
TEXT, SIGN = 4.5, 3.0


def colour(name: str) -> tuple[float, ...]:
    """Red, green and blue of a setting of the theme, a colour of its palette, or a word."""
    value = name
    while not re.fullmatch(r"#[0-9a-f]{6}|white|black", value):
        value = getattr(MADE, value.removeprefix("*"))
    whole = {"white": "#ffffff", "black": "#000000"}.get(value, value)
    return tuple(int(whole[k:k + 2], 16) for k in (1, 3, 5))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """How much lighter one colour is than the other."""
    def light(of: tuple[float, ...]) -> float:
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in of]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def grounds(dark: str) -> list[tuple[float, ...]]:
    return [colour(f"{name}_background_fill{dark}") for name in ("body", "block")]


def test_contrast_is_measured_as_the_guideline_does() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", ["", "_dark"])
@pytest.mark.parametrize("hover", ["", "_hover"])
@pytest.mark.parametrize("kind", ["primary", "secondary"])
def test_words_on_buttons_can_be_read(kind: str, hover: str, dark: str) -> None:
    text = colour(f"button_{kind}_text_color{dark}")
    assert contrast(text, colour(f"button_{kind}_background_fill{hover}{dark}")) >= TEXT


@pytest.mark.parametrize("dark", ["", "_dark"])
@pytest.mark.parametrize("name", ["body_text_color", "body_text_color_subdued", "block_info_text_color",
                                  "block_label_text_color"])
def test_words_on_the_ground_can_be_read(name: str, dark: str) -> None:
    assert min(contrast(colour(f"{name}{dark}"), ground) for ground in grounds(dark)) >= TEXT


@pytest.mark.parametrize("dark", ["", "_dark"])
def test_where_the_keyboard_is_can_be_seen(dark: str) -> None:
    usual = re.search(r":focus-visible \{ outline: 3px solid var\(--focus-ring, var\(--(\w+-\d+)\)\)", STYLE)
    ring = re.search(r"\.dark \{[^}]*--focus-ring: var\(--(\w+-\d+)\)", STYLE) if dark else usual
    assert usual and ring
    assert min(contrast(colour(ring[1].replace("-", "_")), ground) for ground in grounds(dark)) >= SIGN


@pytest.mark.parametrize("dark", ["", "_dark"])
def test_numbers_in_every_shade_of_the_confusion_matrix_can_be_read(dark: str) -> None:
    counts = [[5 * n, 100 - 5 * n] for n in range(21)]
    figure = charts.confusion(counts, [f"c{n}" for n in range(21)], "Large model")
    scale: Any = figure.data[0].colorscale
    shades = [[float(part) for part in re.findall(r"[\d.]+", said)] for _, said in scale]
    # The style sheet gives all numbers the colour of the page's text, whatever the figure says.
    assert not re.search(r"annotation-text\s*:not", STYLE)
    filled = re.search(r"\.annotation-text\s*\{\s*fill: var\(--([\w-]+)\) !important", STYLE)
    assert filled and filled[1] == "body-text-color"
    assert {note.font.color for note in figure.layout.annotations} == {charts.INK}
    for share in {value for row in figure.data[0].z for value in row}:
        thick = shades[0][3] + share * (shades[-1][3] - shades[0][3])
        for ground in grounds(dark):
            cell = tuple(thick * c + (1 - thick) * g for c, g in zip(shades[0][:3], ground, strict=True))
            assert contrast(colour(f"body_text_color{dark}"), cell) >= TEXT
