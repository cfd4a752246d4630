"""Where things live: passed in, never global; every write is atomic.

    $ANON_HOME (default ~/.anon-studio)
    ├── projects/<id>/{project.json, corpora/, tasks/, templates/, runs/}
    ├── incoming/     documents read and not in use yet
    ├── models/       weights, shared by projects
    ├── cache/        shared by projects: answers of large models, likeliest tokens, sentence vectors, data
    │                 sets of the Hub, measured speeds
    ├── visitors/     on a public page: such a folder for each visitor
    ├── served/       copies of what the browser may download
    ├── settings.yaml limits of what is read, if an installation sets them
    └── page.log      problems of the page that nobody foresaw
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import unicodedata
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from engine.errors import RunError, disk_errors_in_words

HOME_SETTING = "ANON_HOME"
ASSETS = Path(__file__).resolve().parent.parent / "assets"
VISITORS = "visitors"  # of a public page: a workspace each


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds everything. `models_home` may be shared by several workspaces (a public demo)."""

    home: Path
    models_home: Path | None = None

    @classmethod
    def default(cls) -> Workspace:
        """From `$ANON_HOME`, else `~/.anon-studio`."""
        return cls(Path(os.environ.get(HOME_SETTING) or "~/.anon-studio").expanduser().absolute())

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """What a detached process is told of its workspace on the command line."""
        parser.add_argument("--home", type=Path, required=True)
        parser.add_argument("--models-home", type=Path)

    @classmethod
    def of_arguments(cls, given: Namespace) -> Workspace:
        """The workspace that a detached process was started for."""
        return cls(given.home, given.models_home)

    def arguments(self) -> list[str]:
        """The words that `add_arguments` reads."""
        more = ["--models-home", str(self.models_home)] if self.models_home else []
        return ["--home", str(self.home), *more]

    @property
    def shared(self) -> Path:
        """Where what all visitors of a public page share lies: models, settings, who uses the memory."""
        return self.models_home or self.home

    @property
    def models(self) -> Path:
        """Weights, converted and checked."""
        return self.shared / "models"

    def on_this_machine(self) -> list[Workspace]:
        """This workspace first, then those that share the machine's memory with it."""
        if self.models_home is None:
            return [self]
        others = sorted(p for p in (self.shared / VISITORS).glob("*/") if p != self.home)
        return [self, Workspace(self.shared), *(Workspace(p, self.shared) for p in others)]

    @property
    def cache(self) -> Path:
        """Answers of large models, keyed by content."""
        return self.home / "cache"

    @property
    def incoming(self) -> Path:
        """Documents that were read and are not in use yet, one folder an upload."""
        return self.home / "incoming"

    @property
    def answers(self) -> Path:
        """The store of answers."""
        return self.cache / "answers.sqlite"

    def vectors(self, corpus_digest: str) -> Path:
        """Sentence vectors of a corpus, named by its content."""
        return self.cache / "vectors" / f"{corpus_digest}.safetensors"

    @property
    def projects(self) -> Path:
        """One folder a project."""
        return self.home / "projects"

    def project(self, project_id: str) -> ProjectFolder:
        """The folder of one project (which may not exist yet)."""
        if project_id != slug(project_id):
            raise RunError(f"“{project_id}” is not a project name.",
                           f"Use letters, digits and dashes, for example “{slug(project_id)}”.")
        return ProjectFolder(self.projects / project_id)


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """One project's folders."""

    path: Path

    @property
    def corpora(self) -> Path:
        """Uploaded and cleaned documents, one folder an upload."""
        return self.path / "corpora"

    @property
    def tasks(self) -> Path:
        """Questions with their categories."""
        return self.path / "tasks"

    @property
    def templates(self) -> Path:
        """The user's own instructions, immutable versions."""
        return self.path / "templates"

    @property
    def runs(self) -> Path:
        """One folder a run; the run folder is the contract."""
        return self.path / "runs"


def slug(name: str) -> str:
    """A folder-safe name: ASCII letters, digits and dashes, at most 60, never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-") or "project"


def fresh_folder(within: Path, stem: str) -> Path:
    """A new folder `stem`, or `stem-2`, `stem-3`… if that is taken; made here: no two get the same."""
    for n in count(1):
        path = within / (stem if n == 1 else f"{stem}-{n}")
        with disk_errors_in_words(path.name), suppress(FileExistsError):
            path.mkdir(parents=True)
            break
    return path


def as_yaml(value: Any, width: int = 80) -> str:  # noqa: ANN401 - plain values
    """Plain values as YAML, letters of every script as they are, keys in their order."""
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=width)
    # YAML 1.1 takes U+0085 for the end of a line, and PyYAML writes it as it is: it would come back as one.
    return yaml.safe_dump(value, sort_keys=False, width=width) if "\x85" in text else text


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbour, then rename it: readers see the old file or the new one."""
    with disk_errors_in_words(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            write(temporary)
            with open(temporary, "rb+") as written:  # Windows syncs only what may be written
                os.fsync(written.fileno())  # else a power cut could leave the name without the bytes
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomic(path, lambda temporary: _fill(temporary, text))


def _fill(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def write_new(path: Path, text: str) -> None:
    """Write a text file that is not there yet, whole or not at all.

    Raises:
        FileExistsError: it is there (somebody was faster); it is left as it is.
    """
    with disk_errors_in_words(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            _fill(temporary, text)
            try:
                os.link(temporary, path)  # unlike a rename, this never replaces
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                _fill_new(path, text)  # a file system without links (FAT, SMB, FUSE) says so in many ways
        finally:
            temporary.unlink(missing_ok=True)


def _fill_new(path: Path, text: str) -> None:
    """Readers may see half of it for a moment."""
    with open(path, "x", encoding="utf-8") as out:
        try:
            out.write(text)
            out.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write JSON atomically, readable and in UTF-8."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON file of ours; a damaged one is named in words."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RunError(f"The file {path} is damaged (line {error.lineno}).",
                       "Delete it and repeat the step that made it.") from error
