"""How a run stands, derived from its files and from whether its worker lives. Nothing is stored twice."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.events import Event, read_events
from engine.jobs.folder import RunFolder
from engine.jobs.process import Worker

State = Literal["new", "running", "paused", "cancelled", "failed", "lost", "done"]
ENDINGS: dict[str, State] = {"done": "done", "failed": "failed", "paused": "paused",
                             "cancelled": "cancelled"}
START_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run at one moment.

    `sentence` is never empty; `age_s` is the time since the last sign of life; `phases` holds one entry a
    phase of the plan that has begun: name, title, state, agreement, kept, because, seconds.
    """

    id: str
    state: State
    sentence: str
    stage: str = ""
    done: int = 0
    total: int = 0
    age_s: float = 0.0
    started: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None
    phases: tuple[dict[str, Any], ...] = ()
    error: dict[str, str] | None = None
    events: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def can(self) -> frozenset[str]:
        """What the user may ask of it now."""
        return {"running": frozenset({"pause", "stop", "cancel"}),
                "paused": frozenset({"resume", "cancel"}), "lost": frozenset({"resume", "cancel"}),
                "failed": frozenset({"resume", "cancel"}), "new": frozenset({"resume", "cancel"}),
                "cancelled": frozenset({"resume"}), "done": frozenset()}[self.state]


def worker_alive(run: RunFolder) -> bool:
    """Whether the process that signed on still lives."""
    return Worker(run.worker).alive()


def session_start(events: Sequence[Event]) -> int:
    """Where the newest session begins in the log: its launch, else its start; 0 where there is none."""
    for i in range(len(events) - 1, -1, -1):
        if events[i]["kind"] == "launched":
            return i
        if events[i]["kind"] == "run_started":
            return i - 1 if i and events[i - 1]["kind"] == "launched" else i
    return 0


def _starting(since: Sequence[Event], run: RunFolder) -> bool:
    """Launched a moment ago: the process is there but has not signed on yet."""
    return (bool(since) and since[-1]["kind"] in ("launched", "request") and not run.worker.exists()
            and time.time() - since[0]["time"] < START_GRACE_S)


def _last_sign(run: RunFolder) -> float:
    return os.path.getmtime(run.events) if run.events.exists() else os.path.getmtime(run.plan)


def status(run: RunFolder) -> RunStatus:
    """Derive a run's status. Reads the whole log: a few milliseconds for a few thousand events."""
    events, _ = read_events(run.events)
    age = time.time() - _last_sign(run)
    begun = [e for e in events if e["kind"] == "run_started"]
    since = events[session_start(events):]
    ending = next((e for e in reversed(since) if e["kind"] in ENDINGS), None)
    state: State
    if ending:
        state = ENDINGS[ending["kind"]]
    elif worker_alive(run) or _starting(since, run):
        state = "running"
    else:
        state = "lost" if since else "new"
    stage, done, total = _place(since)
    started = begun[0]["time"] if begun else _last_sign(run)
    elapsed = (ending["time"] if ending and state != "running" else time.time()) - started
    error = None
    if state == "failed" and ending:
        error = {key: ending.get(key, "") for key in ("what", "safe", "fix")}
    return RunStatus(id=run.id, state=state, sentence=_sentence(state, since, ending), stage=stage,
                     done=done, total=total, age_s=age, started=started, elapsed_s=max(0.0, elapsed),
                     left_s=_left(since, events) if state == "running" else None, phases=_phases(events),
                     error=error, events=tuple(events))


def _place(events: list[Event]) -> tuple[str, int, int]:
    stage, done, total = "", 0, 0
    for event in events:
        if event["kind"] == "stage_started":
            stage, done, total = event["stage"], 0, 0
        elif event["kind"] == "progress":
            done, total = event["done"], event["total"]
        elif event["kind"] == "step":
            done, total = event["step"], event["steps"]
    return stage, done, total


def _left(since: Sequence[Event], events: Sequence[Event]) -> float | None:
    """Seconds left of the training, from this session's pace and the steps still planned."""
    planned = next((e for e in reversed(since) if e["kind"] == "steps_planned"), None)
    steps = [e for e in since if e["kind"] == "step"]
    if not planned or len(steps) < 5:
        return None
    recent = steps[-20:]
    pace = (recent[-1]["time"] - recent[0]["time"]) / max(1, len(recent) - 1)
    # Steps after the last save point of an earlier session are done twice: they count once.
    done = len({(e["phase"], e["step"]) for e in events if e["kind"] == "step"})
    return max(0.0, planned["steps"] - done) * pace + planned.get("after_s", 0.0)


def _sentence(state: State, events: list[Event], ending: Event | None) -> str:
    if state == "new":
        return "Ready to start."
    if state == "lost":
        return ("The worker stopped without a word (was the machine restarted?). Everything up to the "
                "last save point is kept: press Resume.")
    if state == "failed" and ending:
        return ending.get("what", "It failed.")
    if state == "paused":
        return "Paused. Everything so far is kept; Resume goes on from here."
    if state == "cancelled":
        return "Cancelled. Answers of the large model are kept for the next run."
    if state == "done" and ending:
        return ending.get("sentence", "Done.")
    wish = next((e["request"] for e in reversed(events) if e["kind"] == "request"), None)
    if wish:
        return {"pause": "Pausing: finishing this step and saving.",
                "stop": "Stopping: keeping what was learned and scoring it.",
                "cancel": "Cancelling."}[wish]
    for event in reversed(events):
        if event["kind"] == "step":
            return (f"{event.get('title', event['phase'])}: step {event['step']} of {event['steps']}"
                    f" · {event['documents_per_s']:.1f} documents a second")
        if event["kind"] == "progress":
            note = f" · {event['note']}" if event.get("note") else ""
            return f"{event['title']}: {event['done']:,} of {event['total']:,}{note}"
        if event["kind"] in ("stage_started", "phase_started"):
            return f"{event['title']}…"
    return "Starting…"


def _phases(events: list[Event]) -> tuple[dict[str, Any], ...]:
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["kind"] == "phase_started":
            found[event["phase"]] = {"name": event["phase"], "title": event["title"],
                                     "state": "running", "because": event["because"],
                                     "agreement": None, "kept": None, "seconds": None}
        elif event["kind"] == "gate" and event["phase"] in found:
            found[event["phase"]]["agreement"] = event["agreement"]
        elif event["kind"] == "phase_done":
            found.setdefault(event["phase"], {"name": event["phase"], "title": event["title"]}).update(
                state="done", agreement=event["agreement"], kept=event["kept"],
                because=event["because"], seconds=event["seconds"])
    return tuple(found.values())
