"""Fetching weights in a process of its own, watched by its log: closing the tab changes nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from filelock import FileLock

from engine.errors import EngineError, disk_errors_in_words, unforeseen
from engine.events import EventLog, read_events
from engine.jobs.launcher import spawn
from engine.jobs.process import START_GRACE_S, Worker, signed_on
from engine.workspace import Workspace, slug


@dataclass(frozen=True, slots=True)
class FetchStatus:
    """How a fetch stands: `state` is running, done, failed or lost; `sentence` is never empty."""

    state: str
    sentence: str
    done: int = 0
    total: int = 0
    fix: str = ""


def _log(workspace: Workspace, name: str) -> EventLog:
    return EventLog(workspace.models / ".fetch-logs" / f"{slug(name)}.jsonl")


def _worker(log: EventLog) -> Worker:
    return Worker(log.path.with_suffix(".pid"))


def start_fetch(workspace: Workspace, name: str, source: str) -> None:
    """Start fetching `name` in the background; does nothing if that is going on, or starting, already."""
    log = _log(workspace, name)
    with disk_errors_in_words("the log of the fetch"):
        log.path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(log.path.with_suffix(".lock")):  # two tabs, or a click made twice
        now = fetch_status(workspace, name)
        if now and now.state == "running":
            return
        # Else the earlier process would be taken for the new one, and found dead.
        _worker(log).path.unlink(missing_ok=True)
        log.path.unlink(missing_ok=True)
        log.write("launched", name=name, source=source)
        spawn([sys.executable, "-m", "engine.jobs.fetching", *workspace.arguments(), "--", name, source],
              log.path.with_suffix(".out"))


def fetch_status(workspace: Workspace, name: str) -> FetchStatus | None:
    """How the last fetch of `name` stands, or None if there was none."""
    log = _log(workspace, name)
    lived = _worker(log).alive()  # looked at before the log and after: it may begin or end between
    events, _ = read_events(log.path)
    if not events:
        return None
    last = events[-1]
    if last["kind"] == "failed":
        return FetchStatus("failed", f"{last['what']} {last['safe']}", fix=last["fix"])
    if last["kind"] == "done":
        return FetchStatus("done", "It is here and checked.", 1, 1)
    launched = last["time"] if last["kind"] == "launched" else None
    if not lived and not _worker(log).at_work(launched, START_GRACE_S):
        return FetchStatus("lost", "The fetch stopped without a word. What was fetched is kept.",
                           fix="Press Fetch again: it goes on from there.")
    return FetchStatus("running", last.get("sentence", "Starting…"), last.get("done", 0),
                       last.get("total", 0))


def main(given: Sequence[str] | None = None) -> int:
    """Entry point of the detached process."""
    from engine.models.weights import get
    parser = argparse.ArgumentParser(prog="engine.jobs.fetching")
    Workspace.add_arguments(parser)
    parser.add_argument("name")
    parser.add_argument("source")
    said = parser.parse_args(given)
    workspace, name, source = Workspace.of_arguments(said), said.name, said.source
    log = _log(workspace, name)
    with signed_on(_worker(log).path):
        try:
            get(workspace.models, name, source, lambda sentence, done, total: log.write(
                "progress", sentence=sentence, done=done, total=total))
        except EngineError as error:
            log.write("failed", what=error.what, safe=error.safe, fix=error.fix)
            return 1
        except Exception as error:
            failure = unforeseen(
                error, safe="What was fetched is kept.",
                again="Press Fetch again: it goes on from there. Details for a report are in "
                      f"{log.path.with_suffix('.out')}.",
                less_memory="Close other programs and press Fetch again: it goes on from there.")
            log.write("failed", what=failure.what, safe=failure.safe, fix=failure.fix)
            raise  # not swallowed: noted in the log the user sees, and now into the .out file
        log.write("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
