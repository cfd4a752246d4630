"""The linter says in words what is wrong, and is silent about what is right."""

from __future__ import annotations

import pytest

from engine.errors import SettingsError
from engine.prompts.library import CAREFUL_TEMPLATE, DEFAULT_TEMPLATE, DEFAULTS, built_in
from engine.prompts.linting import Note, lint
from engine.prompts.template import Template
from engine.tasks.definition import Field, Label, Task
from engine.tasks.presets import preset, preset_titles

TASK = Task(question="Which kind?", labels=(
    Label(name="flood", definition="too much water"), Label(name="fire"), Label(name="other")))
LOOP = "{% for o in options %}{{ o.letter }}. {{ o.name }}: {{ o.definition }}\n{% endfor %}"
GOOD = "{{ document }}\n{{ question }}\n" + LOOP


def notes(text: str, task: Task = TASK, **changes: object) -> list[Note]:
    return lint(Template(id="t", text=text, kind=task.kind, **changes), task)


def said(found: list[Note]) -> str:
    return " | ".join(f"{note.severity}: {note.text}" for note in found)


@pytest.mark.parametrize("template", built_in(), ids=lambda t: t.id)
def test_built_in_instructions_have_nothing_to_complain_of(template: Template) -> None:
    for name in preset_titles():
        task = preset(name)
        if task.kind == template.kind:
            found = [n for n in lint(template, task) if "definitions are not used" not in n.text
                     and "overlap" not in n.text]
            assert found == [], said(found)


def test_there_are_instructions_for_every_kind_in_three_languages() -> None:
    shipped = {t.id: t for t in built_in()}
    assert {DEFAULT_TEMPLATE, CAREFUL_TEMPLATE} <= shipped.keys()
    assert all(shipped[name].kind == kind for kind, name in DEFAULTS.items())
    assert {(t.kind, t.language) for t in shipped.values()} == {
        (kind, language) for kind in DEFAULTS for language in ("en", "es", "fr")}
    assert {t.suits for t in shipped.values()} >= {"any", "news", "reports"}


def test_good_instructions_are_left_alone() -> None:
    assert notes(GOOD) == []


@pytest.mark.parametrize(("text", "severity", "part"), [
    ("{{ question }} " + LOOP, "stop", "message itself is missing"),
    ("{{ document }} {{ question }}", "stop", "Not every category is named"),
    ("{{ document }} " + LOOP.replace("{{ o.letter }}. ", ""), "stop", "no place for the answer"),
    ("{{ document }} " + LOOP.replace("{{ o.definition }}", ""), "advice", "definitions are not used"),
    ("{{ document }} {{ document }} " + LOOP, "advice", "stands there 2 times"),
    ("{{ document }} Is it a flood? " + LOOP, "advice", "written by hand"),
])
def test_what_is_wrong_is_said(text: str, severity: str, part: str) -> None:
    found = notes(text)
    assert any(note.severity == severity and part in note.text for note in found), said(found)


def test_an_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as refused:
        notes("{{ documnt }} " + LOOP)
    assert "{{ document }}" in refused.value.fix


def test_an_unknown_variable_is_found_where_no_document_has_been() -> None:
    found = notes("{% if document|length > 900 %}{{ documnt }}{% endif %}" + GOOD)
    assert said(found).startswith("stop: There is no {{ documnt }}. Did you mean {{ document }}?")


def test_a_message_that_is_changed_on_the_way_is_still_there() -> None:
    assert notes(GOOD.replace("{{ document }}", "{{ document|lower }}")) == []
    assert "advice: The message is not shown as it is" in said(
        notes(GOOD.replace("{{ document }}", "{{ document[:5] }}")))


def test_a_list_in_the_text_of_what_is_no_category_is_pointed_out() -> None:
    text = GOOD + "\nA. flood\nB. hurricane: strong wind\n"
    assert "“hurricane” stands in a list in the text, but is not one of the categories" in said(notes(text))
    assert "hurricane" not in said(notes(GOOD + "\n- Judge by the message alone.\n- hurricane\n"))


def test_every_letter_must_be_there_and_a_word_is_no_letter() -> None:
    nine = Task(question="Which do I choose?", labels=tuple(Label(name=f"kind {n}") for n in "123456789"))
    text = "{{ document }} {{ question }} I choose a kind: " + LOOP
    assert "no place for the answer" in said(notes(text.replace("{{ o.letter }}. ", ""), nine))
    assert "no place for the answer" not in said(notes(text, nine))


def test_names_without_words_are_compared_by_their_marks() -> None:
    task = Task(question="Which?", labels=(Label(name="+"), Label(name="-"), Label(name="wild fire")))
    assert notes(GOOD, task) == []
    assert "overlap" in said(notes(GOOD, Task(question="Which?", labels=(
        Label(name="wild-fire"), Label(name="fire")))))


def test_an_answer_in_words_should_be_opened() -> None:
    assert "Nothing opens the answer" in said(notes(GOOD, answer="word"))
    assert notes(GOOD, answer="word", opening="Category:") == []
    assert "no place for the answer" in said(notes(GOOD, answer="text"))


@pytest.mark.parametrize(("labels", "severity", "part"), [
    ((("Fire!", "a"), ("fire", "b")), "stop", "the same category twice"),
    ((("storm", "a"), ("storm surge", "b")), "advice", "overlap"),
    ((("fire", "it burns"), ("heat", "It burns")), "stop", "same definition"),
    ((("other", ""), ("none", ""), ("flood", "")), "advice", "fits nowhere"),
])
def test_categories_that_contradict_are_named(labels: tuple, severity: str, part: str) -> None:
    task = Task(question="Which?", labels=tuple(Label(name=n, definition=d) for n, d in labels))
    found = notes(GOOD, task)
    assert any(note.severity == severity and part in note.text for note in found), said(found)


def test_documents_that_do_not_fit_are_counted() -> None:
    template = Template(id="t", text=GOOD)
    found = lint(template, TASK, lengths=[100] * 90 + [900] * 10, window=500, around=60)
    assert "Too long for 10 % of the documents" in said(found)
    assert "stop: Too long for 100 %" in said(lint(template, TASK, lengths=[900], window=500, around=60))
    assert lint(template, TASK, lengths=[100], window=500, around=60) == []


def test_instructions_read_anew_with_every_document_are_counted() -> None:
    template, short = Template(id="t", text=GOOD), [20] * 9
    assert "400 tokens of the instructions" in said(lint(template, TASK, lengths=short, around=400))
    kept = lint(template, TASK, lengths=short, around=400, shared=200)
    assert "200 tokens" in said(kept) and "in front of the message" in said(kept)
    assert lint(template, TASK, lengths=short, around=400, shared=300) == []


def test_each_kind_has_its_own_place_for_the_answer() -> None:
    yes_no = Task(question="Which apply?", kind="multi_label", labels=TASK.labels)
    assert notes("{{ document }} {{ label.name }} ({{ label.definition }})?", yes_no, answer="yes_no") == []
    assert "answered by yes or no" in said(notes("{{ document }} {{ label.name }}", yes_no))
    assert "{{ label.name }}" in said(notes("{{ document }}?", yes_no, answer="yes_no"))
    facts = Task(question="What?", kind="extract", fields=(Field(name="dead", type="number"),))
    assert notes("{{ document }} as JSON: {{ schema }}", facts, answer="json") == []
    assert "ask for JSON" in said(notes("{{ document }} {{ fields[0].name }}", facts, answer="json"))
    assert "“dead” is not asked for" in said(notes("{{ document }} as JSON", facts, answer="json"))
    text = Task(question="Summarise.", kind="generate", max_words=25)
    assert notes("{{ document }} in {{ max_words }} words", text, answer="text") == []
    assert "{{ max_words }}" in said(notes("{{ document }}", text, answer="text"))


def test_instructions_for_another_kind_are_refused_at_once() -> None:
    found = lint(Template(id="t", text=GOOD), TASK.model_copy(update={"kind": "multi_label"}))
    assert said(found).startswith("stop: These instructions are for another kind")


def test_what_stops_comes_first() -> None:
    assert [n.severity for n in notes("{{ question }} flood " + LOOP)][0] == "stop"
