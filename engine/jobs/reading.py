"""Reading an upload beside the page: a large one in a process of its own, kept until it is used or left.

    python -m engine.jobs.reading ORDER.json      (what the page starts; results lie beside the order)

A reading is a stored corpus in the workspace's `incoming/` folder; using it moves the folder, so that
nothing is read twice. Readings left behind are removed after a day.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.ingest import ingest
from engine.corpus.store import gold_from_csv, load_manifest, load_receipt, save_corpus
from engine.corpus.table import ReadOptions
from engine.errors import EngineError, InputError, RunError, disk_errors_in_words
from engine.jobs.launcher import ROOT
from engine.progress import Staged
from engine.workspace import Workspace, read_json, write_json

HERE = 4_000_000  # bytes read in the process that asks; more would make its page wait
A_DAY = 86_400.0
LOOK = 0.25  # seconds between looks at a reading in another process


@dataclass(frozen=True, slots=True)
class Reading:
    """An upload that was read and is not in use yet: its folder, its corpus' id and its receipt."""

    folder: Path
    corpus: str
    labels: tuple[str, ...]
    receipt: dict[str, Any]


def read_files(workspace: Workspace, paths: Sequence[Path], options: ReadOptions | None = None,
               cleaning: Sequence[str] = DEFAULT_STEPS, on_progress: Staged | None = None,
               gold_file: Path | None = None) -> Reading:
    """Read an upload into `incoming/`. Raises `InputError` where nothing in it can be used.

    `gold_file`: a table `id,label` for scoring, kept apart like labels found in an upload.
    """
    incoming = workspace.incoming
    _tidy(incoming)
    folder = incoming / secrets.token_hex(8)
    with disk_errors_in_words("the documents"):
        folder.mkdir(parents=True)
    report = on_progress or (lambda _stage, _done, _total: None)
    try:
        if gold_file or _size(paths) <= HERE:
            read = ingest(paths, options, cleaning, report)
            save_corpus(folder, read.with_gold(gold_from_csv(gold_file)) if gold_file else read)
        else:
            _read_apart(folder, paths, options or ReadOptions(), cleaning, report)
        manifest = load_manifest(folder)
        return Reading(folder, manifest["id"], tuple(manifest["labels"]), load_receipt(folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def keep(reading: Reading, corpora: Path) -> None:
    """Move a reading among a project's corpora. Raises `RunError` if it was used or removed already."""
    if not reading.folder.is_dir():
        raise RunError("These documents are no longer at hand.", "Add the files again.")
    with disk_errors_in_words("the documents"):
        corpora.mkdir(parents=True, exist_ok=True)
        target = corpora / reading.corpus
        if target.exists():  # the same content was kept before
            shutil.rmtree(target)
        shutil.move(reading.folder, target)


def discard(reading: Reading) -> None:
    """Remove a reading that is not wanted."""
    shutil.rmtree(reading.folder, ignore_errors=True)


def _size(paths: Sequence[Path]) -> int:
    total = 0
    for path in paths:
        files = path.rglob("*") if path.is_dir() else (path,)
        total += sum(file.stat().st_size for file in files if file.is_file())
    return total


def _read_apart(folder: Path, paths: Sequence[Path], options: ReadOptions, cleaning: Sequence[str],
                report: Staged) -> None:
    order = folder / "order.json"
    write_json(order, {"paths": [str(path.absolute()) for path in paths], "options": asdict(options),
                       "cleaning": list(cleaning)})
    with open(folder / "reading.log", "wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "engine.jobs.reading", str(order)], cwd=ROOT,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while child.poll() is None:
                _tell(folder, report)
                time.sleep(LOOK)
        finally:
            if child.poll() is None:  # whoever asked has gone
                child.kill()
                child.wait()
    refusal = folder / "refusal.json"
    if refusal.exists():
        raise InputError(**read_json(refusal))
    if child.returncode:
        raise InputError("The files could not be read: the reader stopped before its end.",
                         "If the machine is short of memory, split the files and add fewer at a time.")
    for left in ("order.json", "progress.json", "reading.log"):
        (folder / left).unlink(missing_ok=True)


def _tell(folder: Path, report: Staged) -> None:
    try:
        report(*read_json(folder / "progress.json"))
    except FileNotFoundError:
        return  # not started yet


def _tidy(incoming: Path) -> None:
    if incoming.is_dir():
        for left in incoming.iterdir():
            with suppress(FileNotFoundError):  # another reading has taken its own away meanwhile
                if time.time() - left.stat().st_mtime > A_DAY:
                    shutil.rmtree(left, ignore_errors=True)


def main(order: Path) -> int:
    """Do what an order says; what came out lies beside it."""
    given = json.loads(order.read_text(encoding="utf-8"))
    folder, last_told = order.parent, 0.0

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal last_told
        if time.monotonic() - last_told > LOOK or done == total:
            last_told = time.monotonic()
            write_json(folder / "progress.json", [stage, done, total])

    options = {**given["options"]}
    if options["label_columns"] is not None:
        options["label_columns"] = tuple(options["label_columns"])
    try:
        save_corpus(folder, ingest([Path(path) for path in given["paths"]], ReadOptions(**options),
                                   given["cleaning"], tell))
    except EngineError as error:
        write_json(folder / "refusal.json", {"what": error.what, "fix": error.fix, "safe": error.safe})
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
