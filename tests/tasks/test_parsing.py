"""Reading what a model wrote: the task's fields and nothing else, the rest counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.figures import UNKNOWN, Figure, Unparsed
from engine.tasks.parsing import json_schema, parse_fields, parse_summary
from engine.tasks.presets import preset

FIGURES, SUMMARY = preset("figures"), preset("summary")
NAMES = [field.name for field in FIGURES.fields]
WHOLE = ('{"place": "Valle Seco", "date": null, "dead": 3, "injured": "about 20", "missing": "unknown", '
         '"displaced": "1,200 families", "needs": ["tents", "water"]}')


@pytest.mark.parametrize("text", [
    WHOLE, f"Here it is:\n```json\n{WHOLE}\n```\nI hope this helps.", WHOLE.replace('"place"', '"Place"'),
    WHOLE + WHOLE, WHOLE.replace(", ", ",\n  ")])
def test_facts_are_found_wherever_they_stand(text: str) -> None:
    read = parse_fields(FIGURES, text)
    assert list(read.values) == NAMES
    assert read.values["place"] == "Valle Seco"
    assert read.values["date"] == read.values["missing"] == UNKNOWN
    assert read.values["dead"] == Figure(3, 3, False, "3")
    assert read.values["injured"].approximate
    assert read.values["needs"] == "tents; water"
    assert not read.unparsed


def test_an_answer_that_was_cut_off_keeps_what_is_whole() -> None:
    read = parse_fields(FIGURES, WHOLE[:WHOLE.index('"missing"') + 14])
    assert read.values["place"] == "Valle Seco"
    assert read.values["dead"].low == 3
    assert read.values["needs"] == Unparsed("it was not answered", "")
    assert read.unparsed == 3


def test_what_was_not_asked_for_is_set_aside() -> None:
    read = parse_fields(FIGURES, '{"place": "A", "colour": "red", "ignore": {"place": "B"}}')
    assert read.ignored == ("colour", "ignore")
    assert read.values["place"] == "A"


@pytest.mark.parametrize("text", ["", "I cannot help with that.", "{", "{]", '{"place": }', "[1, 2]", "null"])
def test_no_object_is_no_answer(text: str) -> None:
    read = parse_fields(FIGURES, text)
    assert read.unparsed == len(NAMES)
    assert all("JSON" in value.reason for value in read.values.values())


def test_an_object_where_a_text_belongs_is_not_taken_for_one() -> None:
    read = parse_fields(FIGURES, '{"place": {"town": "A"}, "dead": [3], "injured": [3, 4]}')
    assert isinstance(read.values["place"], Unparsed)
    assert read.values["dead"].low == 3
    assert isinstance(read.values["injured"], Unparsed)


@given(st.text(max_size=200))
def test_no_text_fails_and_the_fields_are_always_the_tasks(text: str) -> None:
    for said in (text, "{" + text, WHOLE[:60] + text, WHOLE.replace("Valle", text)):
        assert list(parse_fields(FIGURES, said).values) == NAMES
        parse_summary(SUMMARY, said)


def test_the_schema_names_every_field() -> None:
    schema = json_schema(FIGURES)
    assert list(schema["properties"]) == schema["required"] == NAMES
    assert schema["additionalProperties"] is False
    assert schema["properties"]["dead"]["type"] == ["number", "string", "null"]


@pytest.mark.parametrize(("written", "read"), [
    ("Three dead in Valle Seco.", "Three dead in Valle Seco."), ("Summary: Three dead.", "Three dead."),
    ('"Three dead."', "Three dead."), ("```\nThree\ndead.\n```", "Three dead."), ("Resumen : "
                                                                                  "Tres.", "Tres.")])
def test_a_summary_is_one_line_without_its_wrapping(written: str, read: str) -> None:
    assert parse_summary(SUMMARY, written) == read


def test_a_summary_that_is_none_is_counted() -> None:
    assert parse_summary(SUMMARY, " \n ") == Unparsed("nothing was written", " \n ")
    long = parse_summary(SUMMARY, "word " * 100)
    assert isinstance(long, Unparsed) and "100 words" in long.reason
    assert isinstance(parse_summary(SUMMARY, "word " * 60), str)  # a little long is kept whole
