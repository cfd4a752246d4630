"""Questions that are not a choice of one category: which prompts there are, in which order, read how."""

from __future__ import annotations

import pytest

from engine.cache.keys import prompt_key, written_key
from engine.prompts.library import built_in
from engine.prompts.questions import YES_NO, compose_labels, compose_open
from engine.records import Document
from engine.tasks.presets import preset

TEMPLATES = {t.id: t for t in built_in()}
TEXTS = ("The bridge at Ansa is gone.", "Rain again.", "We need water. " * 200)
DOCUMENTS = [Document(f"d{i}", text, text, f"d{i}") for i, text in enumerate(TEXTS)]
SEVERAL, FACTS, SUMMARY = preset("disaster-messages"), preset("figures"), preset("summary")


@pytest.mark.parametrize("language", ["en", "es", "fr"])
def test_one_question_for_each_category_document_by_document(language: str) -> None:
    template = TEMPLATES["yes-or-no" if language == "en" else f"yes-or-no-{language}"]
    prompts = compose_labels(template, SEVERAL, DOCUMENTS, 120)
    assert len(prompts) == len(TEXTS) * len(SEVERAL.labels)
    for i, prompt in enumerate(prompts):
        document, label = divmod(i, len(SEVERAL.labels))
        asked = SEVERAL.labels[label]
        assert TEXTS[document][:50] in prompt.text and f"{asked.name} ({asked.definition})" in prompt.text
        # Answered as a person would in that language, and always yes first.
        assert (prompt.labels, prompt.order, prompt.answer) == (YES_NO[language], (0, 1), "word")
        assert prompt.opening == template.opening
    assert "[…]" in prompts[-1].text and len(prompts[-1].text) < 500
    assert len({prompt_key(p) for p in prompts}) == len(prompts)


@pytest.mark.parametrize(("template", "task", "form"), [
    ("facts", FACTS, "json"), ("facts-fr", FACTS, "json"), ("one-line", SUMMARY, "text")])
def test_one_question_a_document_where_the_answer_is_written(template: str, task: object, form: str) -> None:
    prompts = compose_open(TEMPLATES[template], task, DOCUMENTS, 120)
    assert [p.answer for p in prompts] == [form] * 3
    assert all(text[:50] in p.text and p.opening for text, p in zip(TEXTS, prompts, strict=True))
    assert "[…]" in prompts[2].text and "[…]" not in prompts[0].text
    if form == "json":
        assert all(f'"{field.name}"' in prompts[0].text for field in task.fields)
    else:
        assert f" {task.max_words} " in prompts[0].text


def test_what_was_written_is_named_by_who_what_and_how_long() -> None:
    one, other = compose_open(TEMPLATES["facts"], FACTS, DOCUMENTS[:2], 120)
    names = {written_key("teacher", one, 300), written_key("teacher", other, 300),
             written_key("teacher", one, 75), written_key("other teacher", one, 300)}
    assert len(names) == 4
