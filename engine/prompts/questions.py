"""Prompts for questions that are not a choice of one category: yes or no for each, or answers in writing."""

from __future__ import annotations

from collections.abc import Sequence

from engine.prompts.template import Template, render_label, render_open, shorten
from engine.records import Document, Prompt
from engine.tasks.definition import Task

YES_NO = {"en": ("Yes", "No"), "es": ("Sí", "No"), "fr": ("Oui", "Non")}


def compose_labels(template: Template, task: Task, documents: Sequence[Document],
                   max_chars: int) -> list[Prompt]:
    """One yes-or-no prompt for each document and category, all categories of a document together.

    Raises:
        SettingsError: the template cannot be rendered.
    """
    answers = YES_NO[template.language]
    return [Prompt(render_label(template.text, task, shorten(document.text, max_chars), label), (0, 1),
                   answers, template.opening, "word")
            for document in documents for label in range(len(task.labels))]


def compose_open(template: Template, task: Task, documents: Sequence[Document],
                 max_chars: int) -> list[Prompt]:
    """One prompt a document, answered in writing (extract, generate). Raises as `compose_labels` does."""
    return [Prompt(render_open(template.text, task, shorten(document.text, max_chars)), (), (),
                   template.opening, template.answer)
            for document in documents]
