"""Figures as people write them: read as far as they say, never further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.figures import UNKNOWN, Figure, Unparsed, read_figure


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        (5, 5, 5),
        (3.5, 3.5, 3.5),
        ("5", 5, 5),
        ("1,200", 1200, 1200),
        ("1.200", 1200, 1200),
        ("1 200", 1200, 1200),
        ("30 000", 30000, 30000),
        ("10,5", 10.5, 10.5),
        ("2 million", 2e6, 2e6),
        ("5k", 5000, 5000),
        ("3 mil", 3000, 3000),
        ("5 people", 5, 5),
        ("5 personas", 5, 5),
        ("twenty-three", 23, 23),
        ("two hundred and fifty", 250, 250),
        ("veinte", 20, 20),
        ("trois cents", 300, 300),
        ("one", 1, 1),
        ("two dozen", 24, 24),
        ("a dozen people", 12, 12),
        ("12-15", 12, 15),
        ("12 to 15 houses", 12, 15),
        ("1,200-1,500", 1200, 1500),
        ("between 10 and 20", 10, 20),
        ("entre dos y cinco", 2, 5),
        ("dix à vingt", 10, 20),
        ("five or six", 5, 6),
        ("up to 20", 0, 20),
        ("hasta 30", 0, 30),
        ("less than 5", 0, 5),
        ("hundreds", 200, 999),
        ("dozens", 24, 99),
        ("several hundred", 200, 999),
        ("no injured", 0, 0),
        ("no one", 0, 0),
        ("0", 0, 0),
        ("ninguno", 0, 0),
    ],
)
def test_what_is_written_is_what_is_read(written: object, low: float, high: float) -> None:
    read = read_figure(written)
    assert isinstance(read, Figure)
    assert (read.low, read.high) == (low, high)


@pytest.mark.parametrize(
    "written", ["at least 5", "more than 5", "over five", "5+", "al menos 5", "plus de 5", ">5"]
)
def test_a_lower_end_has_no_upper_one(written: str) -> None:
    assert read_figure(written) == Figure(5, None, False, written)


@pytest.mark.parametrize(
    "written", ["about 300", "some 300", "~300", "unos 300", "environ 300", "nearly 300"]
)
def test_about_is_kept(written: str) -> None:
    assert read_figure(written) == Figure(300, 300, True, written)


@pytest.mark.parametrize(
    "written", [None, "", "unknown", "N/A", "none", "not stated", "desconocido", "inconnu", "-"]
)
def test_unknown_is_not_zero(written: object) -> None:
    assert read_figure(written) == UNKNOWN


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("16th anniversary, 70,000 dead", "several numbers"),
        ("3 dead and 5 injured", "several numbers"),
        ("a man", "no number"),
        ("many", "no number"),
        (-4, "below zero"),
        ("-4", "below zero"),
        (True, "yes or no"),
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        ([1, 2], "not a number"),
        ({}, "not a number"),
    ],
)
def test_what_is_not_clear_is_not_guessed(written: object, why: str) -> None:
    read = read_figure(written)
    assert isinstance(read, Unparsed)
    assert why in read.reason


@given(
    st.one_of(
        st.text(max_size=60), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=2)
    )
)
def test_nothing_makes_it_fail_and_no_figure_is_below_zero(written: object) -> None:
    read = read_figure(written)
    if isinstance(read, Figure):
        assert read.low >= 0
        assert read.high is None or read.high >= read.low
        assert read.words()
