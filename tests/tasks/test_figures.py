"""Figures as people write them: read as far as they say, never further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.figures import UNKNOWN, Figure, Unparsed, read_figure

PIECES = ("5", "12-15", "1,200", "two", "hundred", "thousand", "and", "y", "vingt", "et", "un", "dos",
          "mil", "dozen", "dozens", "of", "several", "a", "between", "at least", "up to", "about", "-", "+",
          "%", "not", "no", "k", "injured", ",", "or more", "or", "<", "~", "'", "centaine", "٣", "²")


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
        ("nadie", 0, 0),
        ("no injuries were reported", 0, 0),
        ("sin heridos", 0, 0),
        ("pas de morts", 0, 0),
        ("1,234.56", 1234.56, 1234.56),
        ("1.234,56", 1234.56, 1234.56),
        ("0.125", 0.125, 0.125),
        ("vingt et un", 21, 21),
        ("quatre-vingt-dix", 90, 90),
        ("treinta y cinco", 35, 35),
        ("veintidos", 22, 22),
        ("dos mil trescientos", 2300, 2300),
        ("dos docenas", 24, 24),
        ("a million", 1e6, 1e6),
        ("five (5) people", 5, 5),
        ("none injured", 0, 0),
        ("moins d'une dizaine", 0, 10),
        ("10 to 20 thousand", 10_000, 20_000),
        ("2-3 million", 2e6, 3e6),
        ("between five and six hundred", 500, 600),
        ("at least 5 and up to 20", 5, 20),
        ("no more than 5", 0, 5),
        ("5 or fewer", 0, 5),
        ("<5", 0, 5),
        ("+5", 5, 5),
        ("tens of thousands", 20_000, 99_999),
        ("quelques centaines", 200, 999),
        ("UN says 5", 5, 5),
        ("5 people under the rubble", 5, 5),
        ("5 killed over the weekend", 5, 5),
    ],
)
def test_what_is_written_is_what_is_read(written: object, low: float, high: float) -> None:
    read = read_figure(written)
    assert isinstance(read, Figure)
    assert (read.low, read.high) == (low, high)


@pytest.mark.parametrize(
    "written", ["at least 5", "more than 5", "over five", "5+", "al menos 5", "plus de 5", ">5", ">=5",
                "no less than 5", "no fewer than five", "5 or more", "5 o más", "más de 5", "no menos de 5"]
)
def test_a_lower_end_has_no_upper_one(written: str) -> None:
    assert read_figure(written) == Figure(5, None, False, written)


@pytest.mark.parametrize(
    "written", ["about 300", "some 300", "~300", "unos 300", "environ 300", "nearly 300", "an estimated 300",
                "approx. 300", "trois centaines"]
)
def test_about_is_kept(written: str) -> None:
    assert read_figure(written) == Figure(300, 300, True, written)


@pytest.mark.parametrize(
    "written", [None, "", "unknown", "N/A", "none", "not stated", "desconocido", "inconnu", "-",
                "no", "ninguno", "aucun", "no data", "No information available", "no hay datos",
                "aucune information"]
)
def test_unknown_is_not_zero(written: object) -> None:
    assert read_figure(written) == UNKNOWN


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("16th anniversary, 70,000 dead", "not a plain count"),
        ("12/03/2020", "not a plain count"),
        ("12-year-old girl", "not a plain count"),
        ("COVID-19", "not a plain count"),
        ("1,2345", "not a plain count"),
        ("5%", "a share"),
        ("10 per cent", "a share"),
        ("half a million", "a share"),
        ("two thirds", "a share"),
        ("not 5", "not so many"),
        ("a man and two children", "more than one thing"),
        ("5 dead, 5 injured", "several numbers"),
        ("five six", "several numbers"),
        ("in 2020, 5 died", "several numbers"),
        ("20-10", "ends"),
        ("5 m", "millions or metres"),
        ("no idea", "no number"),
        ("no report yet", "no number"),
        ("no new deaths", "no number"),
        ("no longer missing", "no number"),
        ("once", "no number"),
        ("the UN", "no number"),
        ("the second", "no number"),
        ("minus 5", "below zero"),
        ("9" * 40, "too large"),
        (10**400, "too large"),
        (-(10**400), "below zero"),
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
        st.text(max_size=60), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=2),
        st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join),
        st.lists(st.sampled_from(PIECES)).map("".join)
    )
)
def test_nothing_makes_it_fail_and_no_figure_is_below_zero(written: object) -> None:
    read = read_figure(written)
    if isinstance(read, Figure):
        assert read.low >= 0
        assert read.high is None or read.high >= read.low
        assert read.words()
