"""Files that are, or were, labelled with a run's small model: their folders, and how they stand.

Does not: label, start or stop anything; `labelling` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from engine.errors import RunError
from engine.events import Event, EventLog
from engine.jobs.folder import RunFolder
from engine.jobs.logs import events_of
from engine.jobs.process import START_GRACE_S, Worker
from engine.views import Labelling
from engine.workspace import Workspace, read_json

LABELLED = "labelled"
MOST_EARLIER = 5  # tables made before that are told of; more lie in their folders
LOST = ("The labelling stopped without a word (out of memory, or was the machine restarted?).",
        "The files you brought are as they were; of the answers nothing is kept.",
        "Add the files and press the button again; if it happens twice, fewer files at a time.")


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """Paths of one labelling, `labelled/<time>/` in the folder of its run.

        order.json     names of the files; there for as long as somebody is to work on it
        files/<n>/     what is to be labelled, until it was read
        unpacked/      what is read out of archives, while that goes on
        events.jsonl   append-only
        worker.json, worker.log   who works on it, and what that process put out
        …-labelled.csv, result.json   the table; what is told of it, written last
    """

    path: Path

    @property
    def run(self) -> RunFolder:
        """The run whose small model answers."""
        return RunFolder(self.path.parent.parent)

    @property
    def order(self) -> Path:
        """What is to be done; a worker that finds it gone ends."""
        return self.path / "order.json"

    @property
    def files(self) -> Path:
        """What is to be labelled."""
        return self.path / "files"

    @property
    def unpacked(self) -> Path:
        """The worker's folder for temporary files."""
        return self.path / "unpacked"

    @property
    def log(self) -> Path:
        """The append-only log."""
        return self.path / "events.jsonl"

    @property
    def event_log(self) -> EventLog:
        """A writer for the log."""
        return EventLog(self.log)

    @property
    def worker(self) -> Worker:
        """Who works on it."""
        return Worker(self.path / "worker.json")

    @property
    def result(self) -> Path:
        """What is told of a finished table."""
        return self.path / "result.json"


def places(run: RunFolder) -> list[LabelFolder]:
    """The labellings of a run, newest first."""
    return [LabelFolder(p) for p in sorted((run.path / LABELLED).glob("*/"), key=lambda p: p.name,
                                           reverse=True)]


def at_work(workspace: Workspace) -> LabelFolder | None:
    """A labelling that is using the machine's memory, or is about to."""
    orders = (p for place in workspace.on_this_machine()
              for p in place.projects.glob(f"*/runs/*/{LABELLED}/*/order.json"))
    return next((place for place in map(LabelFolder, (p.parent for p in orders))
                 if not place.result.exists()
                 and place.worker.at_work(_launched(events_of(place.log)), START_GRACE_S)), None)


def labelling_of(run: RunFolder) -> Labelling | None:
    """How the newest labelling with a run's small model stands, or None if there was none."""
    found = places(run)
    for place in found:
        made = _status(place)
        if made is not None:
            tables = (_table(earlier) for earlier in found if earlier != place)
            return Labelling(**made, earlier=tuple(islice(filter(None, tables), MOST_EARLIER)))
    return None


def _status(place: LabelFolder) -> dict[str, Any] | None:
    """Fields of the view; None of one that was stopped."""
    lived = place.worker.alive()  # looked at before the files and after: it may begin or end between
    if place.result.exists():
        try:
            result = read_json(place.result)
        except RunError as error:  # the rest of the page must not be shut by it
            return {"state": "failed", "files": (), "error": (error.what, error.safe, error.fix)}
        return {"state": "done", "files": tuple(result["files"]), "table": place.path / result["table"],
                "documents": result["documents"], "rows_read": result["rows_read"],
                "dropped": result["dropped"],
                "refused": tuple((one["what"], one["fix"]) for one in result["refused"]),
                "remarks": tuple(result["remarks"]), "found": tuple((name, n) for name, n in result["found"]),
                "kind": result["kind"], "unsure": result["unsure"],
                "columns": tuple((file, column) for file, column in result["columns"]),
                "first": tuple(result["first"])}
    events = events_of(place.log)
    last = events[-1] if events else None
    if last and last["kind"] == "failed":
        return {"state": "failed", "files": _names(events),
                "error": (last["what"], last["safe"], last["fix"])}
    if not place.order.exists() or last is None:
        return None
    if not lived and not place.worker.at_work(_launched(events), START_GRACE_S):
        return {"state": "lost", "files": _names(events), "error": LOST}
    progress = last if last["kind"] == "progress" else {}
    return {"state": "running", "files": _names(events), "stage": progress.get("stage", ""),
            "done": progress.get("done", 0), "total": progress.get("total", 0),
            "left_s": progress.get("left_s"),
            "age_s": max(0.0, time.time() - last["time"])}


def _names(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(events[0].get("files", ())) if events else ()


def _table(place: LabelFolder) -> Path | None:
    with suppress(RunError, FileNotFoundError):
        return place.path / read_json(place.result)["table"]
    return None


def _launched(events: Sequence[Event]) -> float | None:
    """When its process was launched, where nothing was heard of it since."""
    return events[-1]["time"] if events and events[-1]["kind"] == "launched" else None
