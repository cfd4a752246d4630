"""What a model read out must stand in the document: figures it made up are counted, not kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.figures import UNKNOWN, Figure, Unparsed, numbers_in, read_figure
from engine.tasks.grounding import grounded, stands_in
from engine.tasks.parsing import parse_fields
from engine.tasks.presets import preset

REPORT = ("Valle Seco, 14 May 2021: the river took 35 houses; three people died, ten to 15 are hurt and "
          "about 1,200 families left. No one is missing. In 1998 a flood killed twenty-two.")


def figure(written: object) -> Figure:
    read = read_figure(written)
    assert isinstance(read, Figure)
    return read


@pytest.mark.parametrize("written", [35, "3", "three", "10-15", "up to 15", "1200", "1.200", "about 1,200",
                                     "22", 0, "no one", "at least 35", 2021])
def test_what_stands_there_is_found(written: object) -> None:
    assert stands_in(figure(written), REPORT)


@pytest.mark.parametrize("written", [4, "36", "999999", "5-7", "about 300", "hundreds", 12, 120])
def test_what_does_not_is_not(written: object) -> None:
    assert not stands_in(figure(written), REPORT)


@pytest.mark.parametrize("beside", ["at 6:40 on Thursday", "on the CV-35", "near the A38 bridge",
                                    "on 12/03/2024",
                                    "(M6.8)", "by +34-555-0199"])
@pytest.mark.parametrize(("said", "written"), [("Nine people were killed", "nine"), ("Dozens hurt", "dozens"),
                                               ("Al menos ocho muertos", "8"), ("Huit morts", "huit")])
def test_a_count_in_words_is_found_beside_a_number_that_counts_nothing(
    said: str, written: str, beside: str
) -> None:
    assert stands_in(figure(written), f"{said} {beside}.")


def test_zero_needs_a_word_that_denies() -> None:
    assert not stands_in(figure(0), "The bridge fell and the road is closed.")
    for text in ("Nobody was hurt.", "Sin víctimas.", "Aucun blessé.", "0 dead", "There were no deaths."):
        assert stands_in(figure(0), text)


def test_a_made_up_figure_is_counted_and_the_others_stay() -> None:
    task = preset("figures")
    read = parse_fields(task, '{"place": "Valle Seco", "date": "14 May", "dead": 3, "injured": 99, '
                              '"missing": 0, "displaced": null, "needs": "tents"}')
    made = grounded(task, read, REPORT)
    assert made.values["injured"] == Unparsed("it does not stand in the text", "99")
    assert made.values["displaced"] == UNKNOWN and made.values["place"] == "Valle Seco"
    assert made.values["dead"] == read.values["dead"] and made.values["missing"] == read.values["missing"]
    assert (read.unparsed, made.unparsed) == (0, 1)


@given(st.text(max_size=120))
def test_no_document_makes_it_fail(document: str) -> None:
    numbers_in(document)
    stands_in(figure(7), document)


@given(st.integers(1, 999_999), st.sampled_from(["{} dead", "killed {}.", "({} people)", "toll: {}; rising"]))
def test_digits_are_always_found(number: int, text: str) -> None:
    assert stands_in(figure(number), text.format(number))
    assert stands_in(figure(number), text.format(f"{number:,}"))
