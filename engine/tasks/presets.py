"""Ready-made questions: the taxonomies shipped in assets, and tasks kept in a project."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.tasks.definition import Task
from engine.workspace import ASSETS, write_text


def preset_titles() -> dict[str, str]:
    """Preset id → title, in the order of the files."""
    found = (yaml.safe_load(path.read_text(encoding="utf-8"))
             for path in sorted((ASSETS / "taxonomies").glob("*.yaml")))
    return {entry["id"]: entry["title"] for entry in found}


def preset(task_id: str) -> Task:
    """The shipped task of this id.

    Raises:
        SettingsError: there is no such preset.
    """
    path = ASSETS / "taxonomies" / f"{task_id}.yaml"
    if task_id not in preset_titles():
        raise SettingsError(f"There is no ready-made question “{task_id}”.",
                            f"Choose one of: {', '.join(preset_titles())}.")
    return _task(path)


def save_task(folder: Path, task: Task) -> Path:
    """Keep a task in a project's `tasks/`; refuse one that cannot be asked."""
    task.check()
    path = folder / f"{task.id}.yaml"
    write_text(path, yaml.safe_dump(task.model_dump(mode="json"), allow_unicode=True, sort_keys=False))
    return path


def load_task(folder: Path, task_id: str) -> Task:
    """A project's own task, else the preset of that id."""
    path = folder / f"{task_id}.yaml"
    return _task(path) if path.exists() else preset(task_id)


def _task(path: Path) -> Task:
    try:
        entry = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(entry, dict):
            entry.pop("title", None)  # of a preset: shown in the list, no part of the question
        task = Task.model_validate(entry)
    except ValidationError as error:
        raise SettingsError(f"The question in {path.name} is not complete: {error.errors()[0]['msg']}.",
                            "Open it in Instructions and fill in what is missing.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"The question in {path.name} is damaged.",
                            "Delete that file and write the question again.") from error
    task.check()
    return task
