"""Reading what a model wrote: the task's fields and nothing else, the rest counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks.figures import UNKNOWN, Figure, Unparsed
from engine.tasks.parsing import parse_fields, parse_summary
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
    assert "cut off" in read.values["missing"].reason
    assert read.values["needs"] == Unparsed("it was not answered", "")
    assert read.unparsed == 3


@pytest.mark.parametrize(("text", "name", "low"), [
    ('{"dead": 1,200, "injured": 3}', "dead", 1200), ('{"injured": about 20, "dead": 3}', "injured", 20),
    ('{"dead": 12-15}', "dead", 12), ('{"injured": 3, "dead": 7,}', "dead", 7),
    ('{"dead": 7, \n', "dead", 7)])
def test_small_damage_is_read_as_it_stands(text: str, name: str, low: float) -> None:
    assert parse_fields(FIGURES, text).values[name].low == low


@pytest.mark.parametrize("text", ['{"place": "A", "dead": 3', '{"place": "A", "dead": 3,',
                                  '{"place": "A", "dead": "3'])
def test_a_number_that_may_go_on_is_not_taken(text: str) -> None:
    read = parse_fields(FIGURES, text)
    assert read.values["place"] == "A"
    assert "cut off" in read.values["dead"].reason


def test_a_member_of_another_member_is_not_taken_for_a_field() -> None:
    cut = parse_fields(FIGURES, '{"history": {"dead": 70000}, "place": "A", "injured": 3, "needs": "wat')
    whole = parse_fields(FIGURES, '{"history": {"dead": 70000}, "place": "A"}')
    for read in (cut, whole):
        assert read.values["dead"] == Unparsed("it was not answered", "")
        assert read.values["place"] == "A" and read.ignored == ("history",)


@pytest.mark.parametrize("text", [f'{{"answer": {WHOLE}}}', f"I use {{braces}} and {{\"x\": 1}}. {WHOLE}"])
def test_the_object_is_found_inside_or_after_another(text: str) -> None:
    assert parse_fields(FIGURES, text).values["place"] == "Valle Seco"


def test_two_answers_that_differ_are_none() -> None:
    assert "twice" in parse_fields(FIGURES, '{"dead": 3, "dead": 5}').values["dead"].reason
    assert parse_fields(FIGURES, '{"dead": 3, "dead": 3}').values["dead"].low == 3
    assert parse_fields(FIGURES, '{"Dead": 4, "dead": 3}').values["dead"].low == 3  # the exact name


def test_a_text_is_one_line_of_bounded_length_that_can_be_stored() -> None:
    def place(value: object) -> object:
        return parse_fields(FIGURES, json.dumps({"place": value})).values["place"]

    assert place("a\nb\tc") == "a b c"
    assert len(place("x" * 400)) == 300 and place("x" * 400).endswith("…")
    assert place(["tents", None, "unknown", "water"]) == "tents; water"
    assert place([]) == place([None]) == place("No consta.") == UNKNOWN
    assert place("a\ud800b\x00") == "a\ufffdb" and place("😀") == "😀"
    assert isinstance(place([{"a": 1}]), Unparsed)


def test_what_was_not_asked_for_is_set_aside() -> None:
    read = parse_fields(FIGURES, '{"place": "A", "colour": "red", "ignore": {"place": "B"}}')
    assert read.ignored == ("colour", "ignore")
    assert read.values["place"] == "A"


@pytest.mark.parametrize("text", ["", "I cannot help with that.", "{", "{]", "[1, 2]", "null",
                                  "{'place': 'A'}", "{place: A}"])
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


ANY = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
                   lambda inner: (st.lists(inner, max_size=3)
                                  | st.dictionaries(st.text(max_size=5), inner, max_size=3)))


@given(st.dictionaries(st.sampled_from([*NAMES, "Dead", "else"]), ANY), st.integers(0, 60))
def test_any_json_whole_or_cut_gives_exactly_the_fields(said: dict, cut: int) -> None:
    text = json.dumps(said)
    for written in (text, text[:-cut or None], json.dumps({"answer": said})):
        read = parse_fields(FIGURES, written)
        assert list(read.values) == NAMES
        assert not set(read.ignored) & set(NAMES)
        json.dumps([str(value) for value in read.values.values()], ensure_ascii=False).encode()


@pytest.mark.parametrize("text", [
    '{"dead": ' * 5000, "{" * 20_000, '{"dead": [' + "[" * 9000, '{"dead": ' + "9" * 9000 + "}",
    '"' * 20_000, '{"' + "\\" * 20_000, '{"a":1,' * 3000])
def test_hostile_answers_end_at_once(text: str) -> None:
    assert list(parse_fields(FIGURES, text).values) == NAMES


@pytest.mark.parametrize(("written", "read"), [
    ("Three dead in Valle Seco.", "Three dead in Valle Seco."), ("Summary: Three dead.", "Three dead."),
    ('"Three dead."', "Three dead."), ("```\nThree\ndead.\n```", "Three dead."),
    ("Resumen : Tres.", "Tres."), ("```Three dead.```", "Three dead."),
    ("**Summary:** Three dead.", "Three dead."),
    ("Here is a one-line summary:\n\nThree dead.", "Three dead."),
    ("Voici le résumé : Trois morts.", "Trois morts."),
    ('"Help" is what they call "aid"', '"Help" is what they call "aid"'),
    ("Here is the state: three dead.", "Here is the state: three dead.")])
def test_a_summary_is_one_line_without_its_wrapping(written: str, read: str) -> None:
    assert parse_summary(SUMMARY, written) == read


def test_a_summary_that_is_none_is_counted() -> None:
    assert isinstance(parse_summary(SUMMARY, '""'), Unparsed)
    assert parse_summary(SUMMARY, " \n ") == Unparsed("nothing was written", " \n ")
    long = parse_summary(SUMMARY, "word " * 100)
    assert isinstance(long, Unparsed) and "100 words" in long.reason
    assert isinstance(parse_summary(SUMMARY, "word " * 60), str)  # a little long is kept whole
