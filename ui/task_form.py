"""The question as a form: kind of answer, categories or facts, their order, import and export.

Does not: keep anything. It turns what stands in the form into a task, and a task into the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.studio import Studio, Task
from ui import wording

OWN = "own-question"  # by which the names of a project's own questions begin
CHOICES = ("single_label", "multi_label")  # kinds of answer that are chosen from categories


class Asked(NamedTuple):
    """What stands in the form, or the components that hold it.

    `filled`: name and digest of the question it was filled from. It travels with the form: what is in use may
    be another one by then, chosen a moment ago or in another tab.
    """

    question: Any
    kind: Any
    table: Any
    fields: Any
    words: Any
    filled: Any = ""

    @property
    def of(self) -> str:
        """Digest of the question that the form was filled from."""
        return (self.filled or "").partition(" ")[2]


class TaskForm(NamedTuple):
    """The form's components."""

    preset: gr.Dropdown
    asked: Asked
    tools: gr.Row
    add: gr.Button
    up: gr.Button
    down: gr.Button
    row: gr.State
    source: gr.HTML
    about: gr.HTML
    bring: gr.File
    take: gr.Files


def task_form() -> TaskForm:
    """Build the form in the column it stands in."""
    preset = gr.Dropdown([], label=wording.INSTRUCTIONS_PRESET, elem_id="question-preset",
                         info=wording.INSTRUCTIONS_PRESET_INFO)
    source = gr.HTML(elem_classes="maybe")
    question = gr.Textbox(label=wording.INSTRUCTIONS_QUESTION, lines=2, max_length=400,
                          info=wording.INSTRUCTIONS_QUESTION_INFO, elem_id="question")
    kind = gr.Radio([(title, name) for name, title in wording.INSTRUCTIONS_KINDS.items()],
                    value="single_label", label=wording.INSTRUCTIONS_KIND, elem_id="kind",
                    info=wording.INSTRUCTIONS_KIND_INFO)
    table = gr.Dataframe(headers=list(wording.INSTRUCTIONS_CATEGORY_HEADS), datatype=["str", "str", "bool"],
                         type="array", wrap=True, column_count=3, interactive=True, max_height=360,
                         label=wording.INSTRUCTIONS_CATEGORIES, column_widths=["30%", "48%", "22%"],
                         elem_id="categories", buttons=[])
    hint = gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_CATEGORIES_INFO}</p>', elem_id="about-categories")
    fields = gr.Dataframe(headers=list(wording.INSTRUCTIONS_FIELD_HEADS), datatype=["str", "str", "str"],
                          type="array", wrap=True, column_count=3, interactive=True, max_height=360,
                          label=wording.INSTRUCTIONS_FIELDS, column_widths=["26%", "46%", "28%"],
                          elem_id="fields", buttons=[], visible=False)
    words = gr.Number(30, label=wording.INSTRUCTIONS_WORDS, info=wording.INSTRUCTIONS_WORDS_INFO, precision=0,
                      minimum=5, maximum=200, visible=False, elem_id="words")
    # Not a State: that may be newer than what stands in the form. Out of sight by the style sheet: what
    # Gradio hides (`visible="hidden"`) comes to light with its next value.
    with gr.Column(elem_classes="out-of-sight"):
        filled = gr.Textbox("", elem_id="filled-from")
    row = gr.State(0)
    with gr.Row(elem_classes="tools") as tools:
        add = gr.Button(wording.INSTRUCTIONS_ADD, size="sm", min_width=90, elem_id="add-row")
        up = gr.Button(wording.INSTRUCTIONS_UP, size="sm", min_width=90, elem_id="row-up")
        down = gr.Button(wording.INSTRUCTIONS_DOWN, size="sm", min_width=90, elem_id="row-down")
    with gr.Accordion(wording.INSTRUCTIONS_EXCHANGE, open=False):
        gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_EXCHANGE_INFO}</p>')
        bring = gr.File(label=wording.INSTRUCTIONS_BRING, height=110, elem_id="bring-question",
                        file_types=[".csv", ".tsv", ".txt", ".yaml", ".yml"])
        take = gr.Files(label=wording.INSTRUCTIONS_TAKE, interactive=False, elem_id="take-question")
    asked = Asked(question, kind, table, fields, words, filled)
    return TaskForm(preset, asked, tools, add, up, down, row, source, hint, bring, take)


def task_from(studio: Studio, project: str, asked: Asked) -> Task:
    """The question as it stands in the form.

    Raises:
        SettingsError: it cannot be asked, in words.
    """
    base = studio.task(project, (asked.filled or "").partition(" ")[0])
    labels = [{"name": _cell(name), "definition": _cell(definition),
               "actionable": act in (True, "true", "True")}
              for name, definition, act in _rows(asked.table, ("", "", False))]
    fields = [{"name": _cell(name), "definition": _cell(definition),
               "type": _cell(kind).lower() or "text"} for name, definition, kind in
              _rows(asked.fields, ("", "", "text"))]
    try:
        made = type(base).model_validate({
            **base.model_dump(), "question": (asked.question or "").strip(), "kind": asked.kind or base.kind,
            "labels": labels, "fields": fields, "max_words": int(asked.words or base.max_words)})
    except (ValidationError, ValueError) as error:
        raise SettingsError(wording.INSTRUCTIONS_BAD_TABLE + ".",
                            wording.INSTRUCTIONS_BAD_TABLE_FIX) from error
    made.check()
    return made


def form_of(task: Task) -> Asked:
    """A task as it stands in the form."""
    return Asked(task.question, task.kind,
                 [[label.name, label.definition, label.actionable] for label in task.labels],
                 [[field.name, field.definition, field.type] for field in task.fields], task.max_words,
                 f"{task.id} {task.digest}")


def shown(asked: Asked) -> Asked:
    """Updates for the form's components: what the kind needs is there, the rest is kept out of sight."""
    return Asked(asked.question, asked.kind, gr.Dataframe(asked.table, visible=asked.kind in CHOICES),
                 gr.Dataframe(asked.fields, visible=asked.kind == "extract"),
                 gr.Number(asked.words, visible=asked.kind == "generate"), asked.filled)


def about(kind: str) -> gr.HTML:
    """What the table of categories is, where there is one."""
    return gr.HTML(visible=kind in CHOICES)


def of_kind(studio: Studio, project: str, asked: Asked) -> Task:
    """The question with another kind of answer, kept and in use; facts begin with the ready-made ones.

    Raises:
        SettingsError: it cannot be asked that way: no categories, say.
    """
    if asked.kind == "extract" and not _rows(asked.fields, ("", "", "")):
        asked = asked._replace(fields=form_of(studio.preset("figures")).fields)
    return studio.save_task(project, task_from(studio, project, asked), of=asked.of)


def moved(rows: Sequence[Sequence[Any]], row: int, by: int) -> tuple[list[Sequence[Any]], int]:
    """The rows with one moved up (-1) or down (1), and where it is then."""
    made, to = list(rows), row + by
    if 0 <= row < len(made) and 0 <= to < len(made):
        made.insert(to, made.pop(row))
        return made, to
    return made, row


def _rows(table: Any, default: tuple[Any, ...]) -> list[tuple[Any, ...]]:  # noqa: ANN401 - a table
    """Rows that say something, with as many cells as there should be: the page lets users remove a column."""
    filled = [(*row, *default[len(row):])[:len(default)] for row in table or []]
    return [row for row in filled if _cell(row[0]) or _cell(row[1])]


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell may be empty
    return "" if value is None or value != value else str(value).strip()
