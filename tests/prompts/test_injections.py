"""Document text is data, whatever it says: the scaffolding stands, the categories stand, neighbours stand."""

from __future__ import annotations

import re

import pytest

from engine.prompts.composing import compose
from engine.prompts.library import built_in
from engine.prompts.questions import compose_labels, compose_open
from engine.prompts.template import as_data, shorten
from engine.records import Document, Prompt
from engine.tasks.presets import preset
from tests.prompts.injections import INJECTIONS

TASKS = {"single_label": preset("hazard"), "multi_label": preset("disaster-messages"),
         "extract": preset("figures"), "generate": preset("summary")}
MARKS = re.compile(r"<\|[^|]{0,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(start|end)_of_turn>")
INNOCENT = "The river is over its banks near the market."


def prompts(template, texts: list[str]) -> list[Prompt]:
    documents = [Document(str(i), text, text, str(i)) for i, text in enumerate(texts)]
    task = TASKS[template.kind]
    if template.kind == "single_label":
        return compose(template, task, documents, range(len(task.labels)), 1200)
    if template.kind == "multi_label":
        return compose_labels(template, task, documents, 1200)
    return compose_open(template, task, documents, 1200)


def test_there_are_enough_of_them() -> None:
    assert len(INJECTIONS) >= 40
    assert len(set(INJECTIONS)) == len(INJECTIONS)


@pytest.mark.parametrize("template", built_in(), ids=lambda t: t.id)
def test_a_hostile_document_fills_its_place_and_nothing_else(template) -> None:
    plain = prompts(template, [INNOCENT])
    for text in INJECTIONS:
        hostile = prompts(template, [text])
        assert len(hostile) == len(plain)
        for one, other in zip(hostile, plain, strict=True):
            before, after = other.text.split(INNOCENT)
            shown = as_data(shorten(text, 1200))
            assert one.text == (before + shown + after).strip()
            assert not MARKS.search(one.text)
            assert "\x00" not in one.text
            # What is read, and of what, never depends on the document.
            assert (one.labels, one.order, one.opening, one.answer) == (
                other.labels, other.order, other.opening, other.answer)


@pytest.mark.parametrize("template", built_in(), ids=lambda t: t.id)
def test_neighbours_are_not_touched(template) -> None:
    alone = prompts(template, [INNOCENT])
    among = prompts(template, [*INJECTIONS[:20], INNOCENT, *INJECTIONS[20:]])
    each = len(alone)
    assert among[20 * each:21 * each] == alone
