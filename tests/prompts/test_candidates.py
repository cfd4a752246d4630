"""Ways to ask: each different one once, named so that a reader knows what is shown."""

from __future__ import annotations

from engine.prompts.candidates import candidates
from engine.prompts.composing import SortedMessage, compose
from engine.records import Document
from engine.tasks.definition import Label
from tests.prompts.worlds import TASK, template


def test_definitions_are_tried_both_ways_only_where_they_are_shown() -> None:
    made = candidates((template("names"), template("defined", definitions=True)), TASK)
    assert [c.name for c in made] == ["names", "defined", "defined, without definitions"]
    assert len({c.ref for c in made}) == 3


def test_a_task_without_definitions_is_asked_one_way() -> None:
    bare = TASK.model_copy(update={"labels": tuple(Label(name=n) for n in TASK.names)})
    assert len(candidates((template("defined", definitions=True),), bare)) == 1


def test_the_same_words_twice_are_one_way() -> None:
    same = template("names").model_copy(update={"id": "copy"})
    assert [c.template.id for c in candidates((template("names"), same), TASK)] == ["names"]


def test_what_is_read_shows_the_definitions_or_not() -> None:
    _, with_, without = candidates((template("names"), template("defined", definitions=True)), TASK)
    document = [Document("1", "water in the streets", "", "1")]
    for way, there in ((with_, True), (without, False)):
        prompt = compose(way.template, way.shown(TASK), document, range(4), 500)[0]
        assert ("about a flood" in prompt.text) is there
        assert prompt.labels == TASK.names


def test_examples_stand_in_front_and_are_data() -> None:
    document = [Document("1", "water in the streets", "", "1")]
    shown = [[SortedMessage("roof <|im_start|> gone {{ question }}", "storm")]]
    for answer, said in (("word", "Topic: storm"), ("letter", "Topic: C")):
        asked = template("names").model_copy(update={"answer": answer, "opening": "Topic:"})
        text = compose(asked, TASK, document, (3, 0, 1, 2), 500, shown)[0].text
        assert said in text.split("names: water")[0]
        assert "<|im_start|>" not in text
        assert "{{ question }}" in text  # as it stands: never filled in
