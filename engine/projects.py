"""Projects: what the analyst is working on, and which documents, question and instructions are in use."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import EngineError, RunError, disk_errors_in_words
from engine.prompts.library import CAREFUL_TEMPLATE, DEFAULT_TEMPLATE, find
from engine.tasks.presets import load_task
from engine.workspace import ProjectFolder, Workspace, fresh_folder, read_json, slug, write_json

EXAMPLE = "example"
log = logging.getLogger(__name__)


class Project(BaseModel):
    """The choices in force. `corpus` is empty until documents are in use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    created: str
    corpus: str = ""
    task: str = "hazard"
    template: str = f"{DEFAULT_TEMPLATE}@1"
    again_template: str = f"{CAREFUL_TEMPLATE}@1"
    teacher: str = ""
    gold_column: str = ""


def create_project(workspace: Workspace, title: str, project_id: str | None = None) -> Project:
    """A new, empty project; a taken name gets a number."""
    name = project_id or fresh_folder(workspace.projects, slug(title)).name
    project = Project(id=name, title=" ".join(title.split())[:80] or name,
                      created=datetime.now(UTC).isoformat(timespec="seconds"))
    save_project(workspace, project)
    return project


def save_project(workspace: Workspace, project: Project) -> None:
    """Keep the choices."""
    write_json(workspace.project(project.id).path / "project.json", project.model_dump())


def load_project(workspace: Workspace, project_id: str) -> Project:
    """The project of this id.

    Raises:
        RunError: there is none.
    """
    path = workspace.project(project_id).path / "project.json"
    if not path.exists():
        known = ", ".join(p.id for p in all_projects(workspace)) or "none yet"
        raise RunError(f"There is no project “{project_id}”.", f"Projects: {known}.")
    return _read(path)


def find_project(workspace: Workspace, said: str) -> Project:
    """The project of this id or title; of several with one title the newest.

    Raises:
        RunError: there is none.
    """
    known = all_projects(workspace)
    # A name in another script leaves nothing of an id, or the same few digits for several.
    nearly = slug(said) if said.isascii() else ""
    for fits in (lambda p: p.id == said, lambda p: p.title.casefold() == said.casefold(),
                 lambda p: p.id == nearly):
        if found := next(filter(fits, known), None):
            return found
    raise RunError(f"There is no project “{said}”.",
                   f"Projects: {', '.join(p.id for p in known) or 'none yet'}.")


def _read(path: Path) -> Project:
    try:
        return Project.model_validate(read_json(path))
    except ValidationError as error:
        raise RunError(f"{path} does not say what a project says: another version of the studio may have "
                       "written it.", "Use that version, or move its folder out of the projects.",
                       "Nothing was changed.") from error


def change_project(workspace: Workspace, project_id: str, choices: Mapping[str, str]) -> Project:
    """Set some choices; those that another tab sets meanwhile stay as it set them.

    Raises:
        SettingsError: a question or instructions that are not there; nothing is changed then.
    """
    path = workspace.project(project_id).path
    load_project(workspace, project_id)  # one that is not there gets no lock
    with disk_errors_in_words("project.json"), FileLock(path / "project.lock"):
        project = load_project(workspace, project_id)
        changed = Project.model_validate(project.model_dump() | dict(choices))
        mine = folders(workspace, project)
        if changed.task != project.task:
            load_task(mine.tasks, changed.task)
        for ref in {changed.template, changed.again_template} - {project.template, project.again_template}:
            find(mine.templates, ref)
        save_project(workspace, changed)
        return changed


def all_projects(workspace: Workspace) -> list[Project]:
    """Every project that can be read, newest first; opening another one says what is the matter with it."""
    found = []
    for path in workspace.projects.glob("*/project.json"):
        try:
            found.append(_read(path))
        except EngineError as error:
            log.warning("%s %s", error.what, error.fix)
    return sorted(found, key=lambda p: p.created, reverse=True)


def corpus_folder(workspace: Workspace, project: Project) -> Path:
    """Where the documents in use are kept.

    Raises:
        RunError: the project has no documents yet.
    """
    if not project.corpus:
        raise RunError(f"The project “{project.title}” has no documents yet.",
                       "Add some in Documents, or try the example.")
    return folders(workspace, project).corpora / project.corpus


def folders(workspace: Workspace, project: Project) -> ProjectFolder:
    """The project's folders."""
    return workspace.project(project.id)
