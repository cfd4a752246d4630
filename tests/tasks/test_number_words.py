"""Number words, one language at a time, as far as they are one number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.number_words import PLURALS, ROUND, SCALES, SEVERAL, read_spoken

WORDS = ["one", "two", "twenty", "hundred", "and", "dos", "y", "treinta", "vingt", "et", "un", "a", "of",
         "once", "dead", *SCALES, *ROUND, *PLURALS, *SEVERAL]


@pytest.mark.parametrize(("text", "value", "taken", "scale"), [
    ("two hundred and three injured", 203, 4, 1), ("two three", 2, 1, 1), ("a hundred dead", 100, 2, 1),
    ("six hundred dead", 600, 2, 100), ("dos docenas", 24, 2, 12), ("vingt et un morts", 21, 3, 1),
    ("une centaine", 100, 2, 1), ("treinta y cinco", 35, 3, 1), ("once mil", 11_000, 2, 1_000),
    ("a couple of", 2, 2, 1)])
def test_the_longest_number_at_the_start_is_read(text: str, value: float, taken: int, scale: float) -> None:
    read = read_spoken(text.split())
    assert read is not None
    assert (read.low, read.high, read.taken, read.scale) == (value, value, taken, scale)


@pytest.mark.parametrize("text", ["", "dead", "once", "a man", "the second", "and five", "k"])
def test_what_starts_with_no_number_is_none(text: str) -> None:
    assert read_spoken(text.split()) is None


def test_digits_go_on_with_a_scale() -> None:
    read = read_spoken([2.5, "million", "people"])
    assert read is not None and (read.low, read.taken, read.scale) == (2.5e6, 2, 1e6)


@given(st.lists(st.sampled_from(WORDS) | st.floats(0, 1e6), max_size=8))
def test_what_is_read_lies_within_the_words(words: list[str | float]) -> None:
    read = read_spoken(words)
    assert read is None or (1 <= read.taken <= len(words) and 0 <= read.low <= read.high)
