"""The front desk's counter for projects and documents. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine import projects
from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.hub import fetch_dataset
from engine.corpus.receipt import masked
from engine.corpus.store import load_corpus, load_manifest, load_receipt
from engine.corpus.table import ReadOptions
from engine.errors import InputError
from engine.estimates import text_lengths
from engine.jobs import reading
from engine.jobs.reading import Reading
from engine.plan import EXAMPLE_TEACHER
from engine.progress import Staged
from engine.projects import EXAMPLE, Project
from engine.records import Corpus
from engine.settings import with_limits
from engine.workspace import ASSETS, Workspace, slug


class DocumentsDesk:
    """Verbs about projects and their documents, over one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    # Projects

    def projects(self) -> list[Project]:
        """Every project, newest first."""
        return projects.all_projects(self.workspace)

    def project(self, project_id: str) -> Project:
        """One project. Raises `RunError` where there is none."""
        return projects.load_project(self.workspace, project_id)

    def find_project(self, said: str) -> Project:
        """One project by its id or title. Raises `RunError` where there is none."""
        return projects.find_project(self.workspace, said)

    def create_project(self, title: str) -> Project:
        """A new, empty project."""
        return projects.create_project(self.workspace, title)

    def change(self, project_id: str, **choices: str) -> Project:
        """Set choices in force: corpus, task, template, again_template, teacher, gold_column, title."""
        return projects.change_project(self.workspace, project_id, choices)

    def open_example(self) -> Project:
        """The example project, made on first use: its documents, gold labels apart, recorded teacher."""
        if (self.workspace.project(EXAMPLE).path / "project.json").exists():
            known = self.project(EXAMPLE)  # one that cannot be read says so, and is not written over
            if known.corpus and self._readable(known):
                return known
        projects.create_project(self.workspace, "Example: what kind of crisis?", EXAMPLE)
        self.use_documents(EXAMPLE, [ASSETS / "example" / "documents.csv"],
                           gold_file=ASSETS / "example" / "gold.csv")
        return self.change(EXAMPLE, task="hazard", teacher=EXAMPLE_TEACHER)

    def _readable(self, project: Project) -> bool:
        """Whether its documents are stored as this version stores them."""
        try:
            return bool(load_manifest(projects.corpus_folder(self.workspace, project)))
        except InputError:
            return False

    # Documents

    def read_files(self, paths: Sequence[Path], options: ReadOptions | None = None,
                   cleaning: Sequence[str] = DEFAULT_STEPS, on_progress: Staged | None = None,
                   gold_file: Path | None = None) -> Reading:
        """Read an upload without putting it in use; a large one in a process of its own.

        `gold_file`: a table `id,label` for scoring, kept apart like labels found in an upload.
        """
        return reading.read_files(self.workspace, paths, with_limits(options, self.workspace), cleaning,
                                  on_progress, gold_file)

    def use_reading(self, project_id: str, read: Reading) -> Project:
        """Keep what was read in the project and put it in use."""
        project = self.project(project_id)
        reading.keep(read, projects.folders(self.workspace, project).corpora)
        return self.change(project_id, corpus=read.corpus, gold_column=next(iter(read.labels), ""))

    def upload_limit_mb(self) -> int:
        """The size that one file may have. Raises `SettingsError` where settings.yaml is wrong."""
        return with_limits(None, self.workspace).max_upload_mb

    def fetch_dataset(self, name: str, on_progress: Staged | None = None) -> list[Path]:
        """The data files of a data set of the Hugging Face Hub, fetched into the workspace's cache.

        Raises:
            InputError: there is none of that name, or the Hub cannot be reached.
        """
        into = self.workspace.cache / "datasets" / slug(name)
        sources = fetch_dataset(name, into, with_limits(None, self.workspace), on_progress)
        return [source.path for source in sources if source.path]

    def masked_receipt(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """A receipt to be sent on: private details in its examples and previews are masked."""
        return masked(receipt)

    def leave_reading(self, read: Reading) -> None:
        """Remove what was read and is not wanted."""
        reading.discard(read)

    def use_documents(self, project_id: str, paths: Sequence[Path], options: ReadOptions | None = None,
                      cleaning: Sequence[str] = DEFAULT_STEPS, on_progress: Staged | None = None,
                      gold_file: Path | None = None) -> Project:
        """Read an upload and put it in use at once."""
        return self.use_reading(project_id, self.read_files(paths, options, cleaning, on_progress, gold_file))

    def corpus(self, project_id: str) -> Corpus:
        """The documents in use. Raises `RunError` when there are none."""
        folder = projects.corpus_folder(self.workspace, self.project(project_id))
        return _corpus(folder, (folder / "manifest.json").stat().st_mtime)

    def share_longer(self, project_id: str, characters: int) -> float:
        """Share of the documents in use, or of their pieces, with more characters; 0 without documents."""
        project = self.project(project_id)
        if not project.corpus:
            return 0.0
        folder = projects.corpus_folder(self.workspace, project)
        return _share_longer(folder, (folder / "manifest.json").stat().st_mtime, characters)

    def receipt(self, project_id: str) -> dict[str, Any]:
        """What was read, kept and set aside, as JSON."""
        return load_receipt(projects.corpus_folder(self.workspace, self.project(project_id)))


@lru_cache(maxsize=4)
def _corpus(folder: Path, stamp: float) -> Corpus:  # noqa: ARG001 - the stamp names the version
    return load_corpus(folder)


@lru_cache(maxsize=16)
def _share_longer(folder: Path, stamp: float, characters: int) -> float:
    return float((text_lengths(_corpus(folder, stamp)) > characters).mean())
