"""Ready-made questions: the taxonomies shipped in assets, and tasks kept in a project."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.tasks.definition import Task
from engine.workspace import ASSETS, as_yaml, write_text

_ABOUT = ("title", "order", "source")  # of a preset: shown in the list, no part of the question
_FIRST = {"hazard": 10, "humanitarian": 11, "informative": 12}


def preset_titles() -> dict[str, str]:
    """Preset id → title: the simple ones first, then by kind."""
    return {task_id: entry["title"] for task_id, entry in _shipped().items()}


def preset_source(task_id: str) -> str:
    """Where a preset's categories come from, in words; empty for our own."""
    return str(_shipped().get(task_id, {}).get("source", ""))


def preset(task_id: str) -> Task:
    """The shipped task of this id.

    Raises:
        SettingsError: there is no such preset.
    """
    if task_id not in _shipped():
        raise SettingsError(f"There is no ready-made question “{task_id}”.",
                            f"Choose one of: {', '.join(preset_titles())}.")
    return _task(ASSETS / "taxonomies" / f"{task_id}.yaml")


def save_task(folder: Path, task: Task) -> Path:
    """Keep a task in a project's `tasks/`; refuse one that cannot be asked."""
    task.check()
    path = folder / f"{task.id}.yaml"
    write_text(path, as_yaml(task.model_dump(mode="json")))
    return path


def load_task(folder: Path, task_id: str) -> Task:
    """A project's own task, else the preset of that id."""
    path = folder / f"{task_id}.yaml"
    return _task(path) if path.exists() else preset(task_id)


def _entry(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    """What the files of the studio say, read once a process: the page asks for the titles at every change."""
    found = [_entry(path) for path in (ASSETS / "taxonomies").glob("*.yaml")]
    found.sort(key=lambda entry: (entry.get("order", _FIRST.get(entry["id"], 99)), entry["id"]))
    return {entry["id"]: entry for entry in found}


def _task(path: Path) -> Task:
    try:
        entry = _entry(path)
        if isinstance(entry, dict):
            entry = {key: value for key, value in entry.items() if key not in _ABOUT}
        task = Task.model_validate(entry)
    except ValidationError as error:
        raise SettingsError(f"The question in {path.name} is not complete: {error.errors()[0]['msg']}.",
                            "Open it in Instructions and fill in what is missing.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(f"The question in {path.name} is damaged.",
                            "Delete that file and write the question again.") from error
    try:
        task.check()
    except SettingsError as error:
        raise SettingsError(f"The question in {path.name} cannot be asked. {error.what}",
                            error.fix) from error
    return task
