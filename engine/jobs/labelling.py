"""Labelling files with a run's small model, in a process of its own: closing the tab changes nothing.

    python -m engine.jobs.labelling FOLDER --home HOME      (what the page starts)

What is being labelled is copied into the folder first, since an upload may be removed before it was read.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil

from engine.corpus.table import ReadOptions
from engine.errors import (
    EngineError,
    InputError,
    RunError,
    SpaceError,
    disk_errors_in_words,
    unforeseen,
)
from engine.jobs.folder import RunFolder
from engine.jobs.labelled import LABELLED, LabelFolder, labelling_of, places
from engine.jobs.launcher import spawn
from engine.jobs.process import signed_on
from engine.settings import with_limits
from engine.workspace import Workspace, fresh_folder, read_json, write_json

LOOK = 0.5  # seconds between two lines of progress, and looks whether it is still wanted
SLOW_START_S = 3.0  # of answering, before its pace says how long the rest takes
ENDING_S = 10.0
A_TEXT = 40  # characters that a document costs beside its own: the question around it
KEPT = "The files you brought are as they were."


class _Stopped(Exception):  # noqa: N818 - not an error
    """Nobody wants the answers any more."""


def start(workspace: Workspace, run: RunFolder, files: Sequence[Path], text_column: str = "") -> None:
    """Label `files` in the background; comes between the lines of `starting.alone`, which makes room.

    `text_column`: the column of tables that holds the text; "" leaves that to the reader's guess.
    What is left of an earlier labelling of this run without a table is removed; its tables are kept.

    Raises:
        InputError: no file, or one that is not there any more.
        SpaceError: the disk is full.
    """
    if not files:
        raise InputError("No file was chosen.", "Choose at least one file.")
    for place in places(run):
        if not place.result.exists():
            shutil.rmtree(place.path, ignore_errors=True)
    # No name comes again: a process that is late to find its own order gone must not find this one.
    place = LabelFolder(fresh_folder(run.path / LABELLED, f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"))
    try:
        with disk_errors_in_words("the files to label"):
            for number, file in enumerate(files):
                _take(file, place.files / str(number) / file.name)
        names = [file.name for file in files]
        write_json(place.order, {"files": names, "text_column": text_column})
        place.event_log.write("launched", files=names)
        spawn([sys.executable, "-m", "engine.jobs.labelling", str(place.path), *workspace.arguments()],
              place.path / "worker.log")
    except BaseException:
        shutil.rmtree(place.path, ignore_errors=True)
        raise


def _take(file: Path, target: Path) -> None:
    """A second name for the same bytes where the disk knows that, else a copy."""
    target.parent.mkdir(parents=True)
    try:
        os.link(file.resolve(), target)
    except FileNotFoundError as error:
        raise InputError(f"“{file.name}” is no longer at hand.", "Add the files again.") from error
    except OSError:
        shutil.copyfile(file, target)


def stop(run: RunFolder) -> None:
    """End the labelling that goes on, and remove what it made so far. One that was done meanwhile is kept.

    Raises:
        RunError: nothing is being labelled.
    """
    now, place = labelling_of(run), next(iter(places(run)), None)
    if now is None or place is None or now.state != "running":
        raise RunError("Nothing is being labelled with this small model.",
                       "Look at the page again: it may have come to its end a moment ago.")
    place.order.unlink(missing_ok=True)  # one that is just coming up, or on another machine, ends by that
    pid = place.worker.pid()
    if pid:
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process = psutil.Process(pid)
            process.kill()
            process.wait(ENDING_S)
    if not place.result.exists():
        shutil.rmtree(place.path, ignore_errors=True)


class _Progress:
    """Tells how far it is, in the log, and whether it is still wanted. Raises `_Stopped` if not."""

    def __init__(self, place: LabelFolder) -> None:
        self._place, self._last_told = place, 0.0
        self._work: list[int] = [0]
        self._began = 0.0

    def look(self) -> None:
        """End here if nobody wants the answers any more."""
        if not self._place.order.exists():
            raise _Stopped()

    def __call__(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        """One line, unless the last was a moment ago."""
        now = time.monotonic()
        if now - self._last_told < LOOK and done not in (0, total):
            return
        self.look()
        self._last_told = now
        self._place.event_log.write("progress", stage=stage, done=done, total=total,
                                    **({} if left_s is None else {"left_s": round(left_s, 1)}))

    def begin(self, lengths: Sequence[int]) -> None:
        """Answering begins, the shortest first: by a count it would seem fast. `lengths` in characters."""
        self._work = [0, *accumulate(length + A_TEXT for length in sorted(lengths))]
        self._began = time.monotonic()
        self("answering", 0, len(lengths))

    def answered(self, done: int, total: int) -> None:
        """So many of the documents and pieces were answered."""
        spent, work = time.monotonic() - self._began, self._work
        left = spent * (work[-1] - work[done]) / work[done] if spent > SLOW_START_S and work[done] else None
        self("answering", done, total, left)


def work(place: LabelFolder, workspace: Workspace) -> str:
    """Do what the order says; returns how it ended: done, failed or stopped."""
    if not place.order.exists():
        return "stopped"
    with signed_on(place.worker.path):
        try:
            with disk_errors_in_words("the table of answers"):
                _label(place, workspace, _Progress(place))
        except _Stopped:
            shutil.rmtree(place.path, ignore_errors=True)
            return "stopped"
        except EngineError as error:
            traceback.print_exc()  # into worker.log
            _failed(place, error)
        except BaseException as error:
            failure = unforeseen(error, safe=KEPT, again="Try once more. If it happens again, details for a "
                              f"report are in {place.path / 'worker.log'}.",
                              less_memory="Close other programs, or label fewer files at a time.")
            _failed(place, failure)
            if not isinstance(failure, SpaceError):
                raise  # not swallowed: noted in the log the user sees, and now into worker.log
            traceback.print_exc()
        else:
            _clear(place)
            place.order.unlink(missing_ok=True)
            return "done"
    return "failed"


def _clear(place: LabelFolder) -> None:
    for folder in (place.files, place.unpacked):
        shutil.rmtree(folder, ignore_errors=True)


def _failed(place: LabelFolder, error: EngineError) -> None:
    """Room first: after a full disk the log, too, needs some."""
    _clear(place)
    if place.order.exists():  # else the folder was removed, and is not to come back
        place.event_log.write("failed", what=error.what, safe=error.safe, fix=error.fix)
        place.order.unlink(missing_ok=True)


def _label(place: LabelFolder, workspace: Workspace, tell: _Progress) -> None:
    tell("loading", 0, 0)
    # Heavy imports wait until a sign of life was given.
    from engine.export.labelling import answer_rows, open_student, read_as_taught, told_of
    from engine.export.tables import write_predictions
    student = open_student(workspace, place.run.student)
    order = read_json(place.order)
    names, options = order["files"], ReadOptions(text_column=order["text_column"] or None)
    files = [place.files / str(number) / name for number, name in enumerate(names)]
    read = read_as_taught(student, files, with_limits(options, workspace), tell)
    shutil.rmtree(place.files, ignore_errors=True)
    documents = read.corpus.documents
    tell.begin([len(document.text) for document in documents])
    rows = answer_rows(student, documents, tell.answered)
    tell.look()
    table = place.path / _table_name(names)
    write_predictions(table, rows)
    write_json(place.result, {"files": names, "table": table.name, **told_of(student, read, rows)})


def _table_name(names: Sequence[str]) -> str:
    """After the first file: “calls-labelled.csv”, “calls-and-2-more-labelled.csv”."""
    stem = re.sub(r"[^\w]+", "-", Path(names[0]).stem)[:40].strip("-") or "documents"
    more = f"-and-{len(names) - 1}-more" if len(names) > 1 else ""
    return f"{stem}{more}-labelled.csv"


def main(given: Sequence[str] | None = None) -> int:
    """Entry point of the detached process."""
    parser = argparse.ArgumentParser(prog="engine.jobs.labelling")
    parser.add_argument("folder", type=Path)
    Workspace.add_arguments(parser)
    said: Any = parser.parse_args(given)
    place = LabelFolder(said.folder)
    if place.order.exists():  # what is unpacked goes with the folder, also when this process is killed
        place.unpacked.mkdir(exist_ok=True)
        tempfile.tempdir = str(place.unpacked)
    return 0 if work(place, Workspace.of_arguments(said)) != "failed" else 1


if __name__ == "__main__":
    sys.exit(main())
