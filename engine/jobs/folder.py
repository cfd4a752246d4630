"""A run's folder: the contract between the worker, the page and the command line.

    plan.yaml        first: everything the run needs to know
    machine.json     the number format it computes with, by kind of device; the small model's weights; its
                     peak of memory
    labels.parquet   labels to score by, as they were when the run began: only if there were any
    events.jsonl     append-only
    worker.json      pid and its creation time, host; as young as the last sign of life
    worker.log       output of the worker, with tracebacks
    worker.lock      held by the one worker that writes here
    spare            while it works: room on the disk to say that there is none left
    requests/<n>.json   pause, stop, cancel
    stages/<name>.json  manifest of a finished stage, written last
    signal.safetensors  the large model's first answers, in the form that is learned from
    phases/<n>-<name>/  adapter, optimiser, cursor: see `training.checkpoints`; its signal if it asked again
    report.json, predictions.parquet, student/
    judgements.json  what somebody said of the answers afterwards, blind: see `judgements`
    take-home/       what the analyst downloads
    labelled/<time>/ files that were labelled with the small model afterwards: see `labelled`
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import RunError
from engine.events import EventLog
from engine.progress import Wish
from engine.tasks.definition import WRITTEN
from engine.views import Download
from engine.workspace import Workspace, read_json, write_new


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths within one run. `id` is `<project>/<run>`."""

    path: Path

    @property
    def id(self) -> str:
        """Project and run, as the command line takes them."""
        return f"{self.path.parent.parent.name}/{self.path.name}"

    @property
    def plan(self) -> Path:
        """The plan, written first."""
        return self.path / "plan.yaml"

    @property
    def machine(self) -> Path:
        """What it computes with."""
        return self.path / "machine.json"

    @property
    def labels(self) -> Path:
        """Labels that came with the documents: for scoring only."""
        return self.path / "labels.parquet"

    @property
    def events(self) -> Path:
        """The append-only log."""
        return self.path / "events.jsonl"

    @property
    def worker(self) -> Path:
        """Who works on it."""
        return self.path / "worker.json"

    @property
    def log(self) -> Path:
        """The worker's output."""
        return self.path / "worker.log"

    @property
    def report(self) -> Path:
        """What came out."""
        return self.path / "report.json"

    @property
    def predictions(self) -> Path:
        """Answers of all three, document by document."""
        return self.path / "predictions.parquet"

    @property
    def student(self) -> Path:
        """The small model to take home."""
        return self.path / "student"

    def stage(self, name: str) -> Path:
        """The manifest of a stage."""
        return self.path / "stages" / f"{name}.json"

    @property
    def event_log(self) -> EventLog:
        """A writer for the log."""
        return EventLog(self.events)


def find_run(workspace: Workspace, run_id: str) -> RunFolder:
    """The run of `<project>/<run>`, of a bare run name that exists once, or of its path in this workspace.

    Raises:
        RunError: there is none, or more than one.
    """
    known = all_runs(workspace)  # names are compared, never made into paths: no way leads out of here
    found = [run for run in known if run_id in (run.id, run.path.name) or Path(run_id) == run.path]
    if len(found) != 1:
        names = ", ".join(run.id for run in known[:8]) or "none yet"
        what = f"There is no run “{run_id}”." if not found else f"“{run_id}” is in several projects."
        raise RunError(what, f"Runs: {names}.")
    return found[0]


def all_runs(workspace: Workspace, project: str | None = None) -> list[RunFolder]:
    """Runs, newest first.

    Raises:
        RunError: `project` is not the name of a project.
    """
    if project:
        found = workspace.project(project).runs.glob("*/plan.yaml")
    else:
        found = workspace.projects.glob("*/runs/*/plan.yaml")
    dated = []
    for plan in found:
        with suppress(FileNotFoundError):  # deleted since it was found
            dated.append((-plan.stat().st_mtime, plan))
    return [RunFolder(plan.parent) for _, plan in sorted(dated)]


def last_request(run: RunFolder) -> int:
    """The highest number in `requests/`, 0 where there is none."""
    return max((int(p.stem) for p in (run.path / "requests").glob("*.json") if p.stem.isdigit()),
               default=0)


def put_request(run: RunFolder, kind: Wish) -> int:
    """Leave a wish for the worker; returns its number."""
    folder = run.path / "requests"
    while True:
        number = 1 + last_request(run)
        try:
            write_new(folder / f"{number}.json", json.dumps({"kind": kind, "by": os.getpid()}))
        except FileExistsError:  # another tab was faster
            continue
        return number


class RequestReader:
    """The worker's view of `requests/`: each is seen once and acknowledged in the events."""

    def __init__(self, run: RunFolder, handled: int) -> None:
        self._run, self._handled = run, handled

    def wish(self) -> Wish | None:
        """The newest request that has not been acknowledged, or None. One directory listing a call.

        A run whose folder was deleted is to be cancelled: nobody can ask for it any more.
        """
        if not self._run.plan.exists():
            return "cancel"
        folder = self._run.path / "requests"
        if not folder.exists():
            return None
        numbers = sorted(int(p.stem) for p in folder.glob("*.json") if p.stem.isdigit())
        fresh = [n for n in numbers if n > self._handled]
        if not fresh:
            return None
        try:
            request: dict[str, Any] = read_json(folder / f"{fresh[-1]}.json")
        except RunError:  # half written yet, on a disk without links: seen at the next look
            return None
        self._handled = fresh[-1]
        self._run.event_log.write("request", request=request["kind"], number=fresh[-1])
        return request["kind"]


def offered(run: RunFolder) -> list[Download]:
    """What can be taken home from a finished run."""
    # A small model that writes has written about the documents kept aside only.
    which = "the documents kept aside" if read_json(run.report).get("kind") in WRITTEN else "all documents"
    wanted = (("Small model (adapter)", run.path / "take-home" / "student.zip",
               "The adapter, its settings and its model card."),
              (f"Answers for {which}", run.path / "take-home" / "predictions.csv",
               "Opens in a spreadsheet."),
              ("Report", run.report, "Every number on the Compare page."),
              ("Plan", run.plan, "Repeats this run exactly."))
    return [Download(title, path, path.stat().st_size, note)
            for title, path, note in wanted if path.exists()]
