"""What tests of Documents send to the page and look at: uploads, changed controls, readings left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.workspace import Workspace
from ui import columns_table
from ui.pages import documents
from ui.reading_form import HOW

HOSTILE = '<img src=x onerror=alert(1)> & {{ 7*7 }}'
PROBLEM, WARNING = 'class="notice notice-problem"', 'class="notice notice-warning"'


def river_table(folder: Path) -> Path:
    """33 rows of a table with a name, a text, a note and a label; two hold nothing to read."""
    path = folder / "river <b>watch.csv"
    rows = [f"{i};RT @who: Water is {i} cm high at bridge number {i}, send boats;short {i};"
            f"{('flood', 'storm')[i % 2]}" for i in range(30)]
    path.write_text("\n".join(["id;message;note;category", *rows, f"30;{HOSTILE} near the old mill;x;flood",
                               "31;;empty;flood", "32;!!!;none;storm"]), encoding="utf-8")
    return path


def read(*paths: Path, project: str = "", held: Any = None) -> dict[str, Any]:
    return documents._read_files("", project, [str(p) for p in paths], held)


def controls(held: Any, **changed: Any) -> list[Any]:
    """What the page sends when controls were changed, the others being as last shown.

    A column is named as `columns={"note": "text"}`.
    """
    shown = held.shown
    roles = dict(zip(held.order, shown.columns.roles, strict=False)) | changed.pop("columns", {})
    said = {"labels": list(shown.columns.labels), "left_out": list(shown.columns.left_out),
            **{name: getattr(shown, name) for name in HOW}} | changed
    slots = [roles[name] for name in held.order[:columns_table.SLOTS]]
    return [*slots, *[None] * (columns_table.SLOTS - len(slots)), *said.values()]


def mark(held: Any) -> str:
    """What travels with the form that shows this upload."""
    return held.reading.folder.name if held.reading else ""


def again(before: dict[str, Any], **changed: Any) -> dict[str, Any]:
    held = before["held"]
    return documents._read_again("", held, mark(held), *controls(held, **changed))


def use(shown: dict[str, Any], project: str = "", stamp: int = 0) -> dict[str, Any]:
    held = shown["held"]
    return documents._use("", project, held, stamp, *controls(held))


def role(shown: dict[str, Any], column: str) -> str:
    """What the drop-down over a column says."""
    at = next(i for i in range(columns_table.SLOTS) if shown[f"role_{i}"].label == column)
    return shown[f"role_{at}"].value


def incoming(workspace: Workspace) -> list[str]:
    return [folder.name for folder in workspace.incoming.iterdir()] if workspace.incoming.exists() else []
