"""Fetching weights in a process of its own, watched by its log: closing the tab changes nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from engine.errors import EngineError
from engine.events import EventLog, read_events
from engine.jobs.launcher import spawn
from engine.jobs.process import Worker
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


def start_fetch(workspace: Workspace, name: str, source: str) -> None:
    """Start fetching `name` in the background; does nothing if that is going on already."""
    now = fetch_status(workspace, name)
    if now and now.state == "running":
        return
    log = _log(workspace, name)
    log.path.unlink(missing_ok=True)
    log.write("launched", name=name, source=source)
    spawn([sys.executable, "-m", "engine.jobs.fetching", str(workspace.home), str(workspace.models),
           name, source], log.path.with_suffix(".out"))


def fetch_status(workspace: Workspace, name: str) -> FetchStatus | None:
    """How the last fetch of `name` stands, or None if there was none."""
    log = _log(workspace, name)
    events, _ = read_events(log.path)
    if not events:
        return None
    last = events[-1]
    if last["kind"] == "failed":
        return FetchStatus("failed", f"{last['what']} {last['safe']}", fix=last["fix"])
    if last["kind"] == "done":
        return FetchStatus("done", "It is here and checked.", 1, 1)
    if not Worker(log.path.with_suffix(".pid")).alive(grace_s=20):
        return FetchStatus("lost", "The fetch stopped without a word. What was fetched is kept.",
                           fix="Press Fetch again: it goes on from there.")
    return FetchStatus("running", last.get("sentence", "Starting…"), last.get("done", 0),
                       last.get("total", 0))


def main(home: str, models: str, name: str, source: str) -> int:
    """The detached process."""
    from pathlib import Path

    from engine.models.weights import get
    workspace = Workspace(Path(home), Path(models).parent)
    log = _log(workspace, name)
    Worker(log.path.with_suffix(".pid")).sign_on()
    try:
        get(workspace.models, name, source,
            lambda sentence, done, total: log.write("progress", sentence=sentence, done=done, total=total))
    except EngineError as error:
        log.write("failed", what=error.what, safe=error.safe, fix=error.fix)
        return 1
    log.write("done")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
