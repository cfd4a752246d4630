"""The table of columns: what each is taken for and why, its first cells, and a choice to change it.

Its first `SLOTS` columns stand side by side and scroll sideways; what is beyond is folded.
Does not: read files. Names and cells come from files, so they are shown as text only.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.studio import ROLES
from ui import wording_documents as words
from ui.receipts import Receipt, files_of

SLOTS = 12
ROWS = 3
IMPORTANT = ("text", "title", "date", "place", "id", "language", "label", "ignore")
ONLY_ONE = ("text", "id")  # roles that one column may have
CHOICES = [(words.DOCUMENTS_ROLE_NAMES[role], role) for role in ROLES]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the upload, as the first file that has it tells of it."""

    name: str
    role: str
    because: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the choices of the table say: a role for each slot, and two lists of the folded columns."""

    roles: tuple[str | None, ...] = (None,) * SLOTS
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def build() -> tuple[dict[str, Any], list[str]]:
    """The components by name, and the names of those that hold choices (the order of `Said`)."""
    made: dict[str, Any] = {}
    with gr.Column() as made["columns_box"]:
        gr.HTML(f"<h3>{words.DOCUMENTS_ROLES}</h3>"
                f'<p class="quiet">{words.DOCUMENTS_ROLES_INFO}</p>')
        with gr.Row(elem_id="columns", equal_height=False):
            for i in range(SLOTS):
                with gr.Column(visible=False, elem_classes="slot", min_width=0) as made[f"slot_{i}"]:
                    made[f"role_{i}"] = gr.Dropdown(
                        CHOICES, value=None, label="", elem_id=f"role-{i}", min_width=0)
                    made[f"cells_{i}"] = gr.HTML(elem_classes="cells")
        with gr.Accordion("", open=False, visible=False, elem_id="more-columns") as made["more_box"]:
            made["labels"] = gr.Dropdown([], value=[], multiselect=True, label=words.DOCUMENTS_MORE_LABELS,
                                         info=words.DOCUMENTS_MORE_LABELS_INFO)
            made["left_out"] = gr.Dropdown([], value=[], multiselect=True, label=words.DOCUMENTS_MORE_IGNORED,
                                           info=words.DOCUMENTS_MORE_IGNORED_INFO)
            made["to_front"] = gr.Dropdown([], value=None, label=words.DOCUMENTS_FETCH_COLUMN,
                                           info=words.DOCUMENTS_FETCH_COLUMN_INFO, elem_id="to-front")
    return made, [*(f"role_{i}" for i in range(SLOTS)), "labels", "left_out"]


def columns_of(receipt: Receipt) -> dict[str, Column]:
    """Every column of the upload by its name, in the order of the files."""
    files = files_of(receipt)
    alike = all(file["columns"] == files[0]["columns"] for file in files)
    found: dict[str, Column] = {}
    for file in files:
        for place, role in enumerate(file["roles"]):
            name, because = role["column"], role["because"]
            if name not in found:
                where = "" if alike else f" ({words.documents_in_file(file['name'])})"
                found[name] = Column(name, role["role"], because + where, _cells(file, place, role))
    return found


def _cells(file: Mapping[str, Any], place: int, role: Mapping[str, str]) -> tuple[str, ...]:
    """The first cells of a column: of the rows as they were read, else of the documents made of them.

    Documents hold neither labels nor a second long text; such cells stay blank.
    """
    if rows := file.get("rows"):
        return tuple(row[place] or words.DOCUMENTS_NO_CELL for row in rows[:ROWS])
    key = role["role"] if role["role"] in ONLY_ONE else role["column"]
    return tuple(row.get(key, "") for row in file["preview"][:ROWS])


def arranged(columns: Mapping[str, Column], before: Sequence[str] = ()) -> tuple[str, ...]:
    """Their names as they stand in the table. An arrangement of the same columns stays as it was."""
    if set(before) == set(columns):
        return tuple(before)
    if len(columns) <= SLOTS:
        return tuple(columns)
    front = sorted(columns, key=lambda name: IMPORTANT.index(columns[name].role))[:SLOTS]
    return (*front, *(name for name in columns if name not in front))


def said(columns: Mapping[str, Column], order: Sequence[str]) -> Said:
    """What the choices say while nothing is changed."""
    front, rest = order[:SLOTS], order[SLOTS:]
    roles = [columns[name].role for name in front]
    return Said((*roles, *(None,) * (SLOTS - len(roles))),
                tuple(name for name in rest if columns[name].role == "label"),
                tuple(name for name in rest if columns[name].role == "ignore"))


def choices(columns: Mapping[str, Column], order: Sequence[str]) -> dict[str, Any]:
    """Values of the components that hold choices."""
    now = said(columns, order)
    return {**{f"role_{i}": role for i, role in enumerate(now.roles)},
            "labels": list(now.labels), "left_out": list(now.left_out)}


def updates(columns: Mapping[str, Column], order: Sequence[str]) -> dict[str, Any]:
    """The table of these columns, by the names of its components."""
    values, rest = choices(columns, order), list(order[SLOTS:])
    shown: dict[str, Any] = {"columns_box": gr.Column(visible=bool(columns))}
    for i in range(SLOTS):
        column = columns[order[i]] if i < len(order) else None
        shown[f"slot_{i}"] = gr.Column(visible=column is not None,
                                       elem_classes=f"slot slot-{column.role}" if column else "slot")
        shown[f"role_{i}"] = gr.Dropdown(CHOICES, label=column.name if column else "",
                                         value=values[f"role_{i}"])
        shown[f"cells_{i}"] = _below(column) if column else ""
    shown["more_box"] = gr.Accordion(label=words.documents_more_columns(len(rest)), visible=bool(rest))
    for name in ("labels", "left_out"):
        shown[name] = gr.Dropdown(choices=rest, value=values[name], multiselect=True)
    shown["to_front"] = gr.Dropdown(choices=rest, value=None)
    return shown


def _below(column: Column) -> str:
    cells = "".join(f'<div class="cell" dir="auto">{html.escape(cell)}</div>'
                    for cell in column.cells)
    return f'<div class="because">{html.escape(column.because)}</div>{cells}'


def chosen(roles: Mapping[str, str], order: Sequence[str], before: Said, now: Said) -> dict[str, str]:
    """The roles that the analyst chose so far, with what changed in the table between two looks at it."""
    result = dict(roles)
    for name, was, role in zip(order[:SLOTS], before.roles, now.roles, strict=False):
        if role and role != was:
            if role in ONLY_ONE:
                result = {other: held for other, held in result.items() if held != role}
            result[name] = role
    for name in set(now.labels) - set(before.labels):
        result[name] = "label"
    for name in set(before.labels) - set(now.labels) - set(now.left_out):
        result[name] = "ignore"
    for name in set(now.left_out) - set(before.left_out):
        result[name] = "ignore"
    for name in set(before.left_out) - set(now.left_out) - set(now.labels):
        result.pop(name, None)
    return result
