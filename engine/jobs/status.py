"""How a run stands, derived from its files and from whether its worker lives. Nothing is stored twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, Literal

from engine.errors import RunError
from engine.events import Event, forwards
from engine.jobs.folder import RunFolder, last_request
from engine.jobs.logs import Log, Mark, events_of, mark_of
from engine.jobs.process import START_GRACE_S, Worker
from engine.progress import Wish
from engine.workspace import read_json

State = Literal["new", "running", "paused", "cancelled", "failed", "lost", "done"]
ENDINGS: dict[str, State] = {"done": "done", "failed": "failed", "paused": "paused",
                             "cancelled": "cancelled"}
WISHES: dict[Wish, str] = {"pause": "Pausing: the present step is finished and saved first.",
                           "stop": "Stopping: what was learned is kept and checked.",
                           "cancel": "Cancelling: the present step is finished first."}
AFTER_TRAINING = ("scoring", "take-home")  # stages that go on to the end when a run is stopped
COUNTS, SHORTEST_S = 6, 3.0  # newest counts that tell a pace; seconds that they must span
MOST_KNOWN = 2000  # runs of which is remembered what their logs said


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run at one moment.

    `sentence` is never empty; `done` of `total` is what the newest piece of work counts, 0 of 0 where it has
    not counted yet; `counts` names it where it is not the stage itself; `age_s` is the time since the last
    sign of life; `elapsed_s` is time at work, pauses left out; `left_s` is that left of training, None where
    none is to come or its pace is not known; `count_left_s` is that left of what is counted now, None where
    it is training or its pace is not known; `wish` is what was asked of it and not reached yet; `phases`
    holds one entry a phase of the plan that has begun: name, title, state, agreement, kept, because, seconds.
    """

    id: str
    state: State
    sentence: str
    stage: str = ""
    done: int = 0
    total: int = 0
    counts: str = ""
    age_s: float = 0.0
    started: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None
    count_left_s: float | None = None
    wish: Wish | None = None
    phases: tuple[dict[str, Any], ...] = ()
    error: dict[str, str] | None = None
    events: Sequence[Event] = field(default=(), repr=False, compare=False)

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


def _last_sign(run: RunFolder) -> float:
    return os.path.getmtime(run.events) if run.events.exists() else os.path.getmtime(run.plan)


def status(run: RunFolder) -> RunStatus:
    """Derive a run's status. A log that did not change since the last look is not read again.

    Raises:
        RunError: it was deleted, now or before.
    """
    try:
        return _derived(run)
    except FileNotFoundError as error:
        raise RunError(f"The run {run.id} is not there any more.",
                       "It was deleted meanwhile; other runs are in Distil.") from error


def standing(runs: Iterable[RunFolder]) -> Iterator[tuple[RunFolder, RunStatus]]:
    """How each of these runs stands; one that is deleted meanwhile is left out."""
    for run in runs:
        with suppress(FileNotFoundError):
            yield run, _derived(run)


def _derived(run: RunFolder) -> RunStatus:
    lived = worker_alive(run)  # looked at before the log and after: it may begin or end between
    log, now, sign = _summary(run.events), time.time(), _last_sign(run)
    state: State
    if log.ending:
        state = ENDINGS[log.ending["kind"]]
    elif lived or Worker(run.worker).at_work(log.launched, START_GRACE_S):
        state = "running"
    else:
        state = "lost" if log.length else "new"
    running = state == "running"
    elapsed = log.spent + forwards(log.last, now) if running and log.session is not None else log.spent
    error = None
    if state == "failed" and log.ending:
        error = {key: log.ending.get(key, "") for key in ("what", "safe", "fix")}
    wish, place = _wish(run, log) if running else None, log.place
    to_come = running and not wish
    if wish and place.stage not in AFTER_TRAINING:  # these counts will not come to their end
        place = _Place(place.stage)
    return RunStatus(id=run.id, state=state, sentence=_sentence(state, log, wish), stage=place.stage,
                     done=place.done, total=place.total, counts=place.counts, age_s=now - sign,
                     started=sign if log.started is None else log.started, elapsed_s=elapsed,
                     left_s=log.left_s if to_come else None,
                     count_left_s=_from_now(log, now) if to_come else None,
                     wish=wish, phases=log.phases, error=error, events=Log(run.events, log.length))


def _wish(run: RunFolder, log: _Summary) -> Wish | None:
    """The newest wish of this session: as soon as it is put, for a step may take its worker minutes."""
    newest = last_request(run)
    if newest <= log.heard:
        return log.wish
    try:
        return read_json(run.path / "requests" / f"{newest}.json")["kind"]
    except RunError:  # half written yet: seen at the next look
        return log.wish


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is: its stage, and what the newest piece of work there counts; see `RunStatus`."""

    stage: str = ""
    done: int = 0
    total: int = 0
    counts: str = ""


@dataclass(frozen=True, slots=True)
class _Summary:
    """What a log alone says: `spent` is the sum of the sessions up to their last events, without the time
    between them; `session` is when the newest one began, `last` the time of its last event; `heard` is the
    number up to which wishes were heard or belong to an earlier session, `wish` the newest of this one."""

    length: int
    ending: Event | None
    launched: float | None  # where nothing followed but wishes
    place: _Place
    left_s: float | None
    count_left_s: float | None  # as its last event was written
    sentence: str
    heard: int
    wish: Wish | None
    phases: tuple[dict[str, Any], ...]
    started: float | None
    session: float | None
    spent: float
    last: float


_known: dict[Path, tuple[Mark | None, _Summary]] = {}


def _summary(path: Path) -> _Summary:
    mark = mark_of(path)
    known = _known.get(path)
    if known is None or known[0] != mark:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[path] = known = (mark, _summarised(events_of(path)))
    return known[1]


def _summarised(events: Sequence[Event]) -> _Summary:
    since = events[session_start(events):]
    begun = [e["time"] for e in events if e["kind"] == "run_started"]
    session = next((e["time"] for e in since if e["kind"] == "run_started"), None)
    waits = since and since[-1]["kind"] in ("launched", "request")
    spent, last = _spent(events)
    return _Summary(
        length=len(events), ending=next((e for e in reversed(since) if e["kind"] in ENDINGS), None),
        launched=since[0]["time"] if waits else None, place=_place(since), left_s=_left(since, events),
        count_left_s=_count_left(since),
        sentence=_working(since), heard=_heard(events, since),
        wish=next((e["request"] for e in reversed(since) if e["kind"] == "request"), None),
        phases=_phases(events), started=begun[0] if begun else None,
        session=session, spent=spent, last=last)


def _spent(events: Sequence[Event]) -> tuple[float, float]:
    """Seconds that the sessions took, each from its start to its last event; and when that was."""
    spent, last = 0.0, 0.0
    for event in events:
        if event["kind"] == "launched":  # belongs to a session that has not begun
            continue
        if last and event["kind"] != "run_started":
            spent += forwards(last, event["time"])
        last = event["time"]
    return spent, last


def _heard(events: Sequence[Event], since: Sequence[Event]) -> int:
    """The number of the newest wish that was heard, in any session, or put before this one was launched."""
    began = max((e["requests"] for e in since if "requests" in e), default=0)
    return max(began, max((e.get("number", 0) for e in events if e["kind"] == "request"), default=0))


def _place(events: Sequence[Event]) -> _Place:
    place, title = _Place(), ""
    for event in events:
        if event["kind"] == "stage_started":
            place, title = _Place(event["stage"]), event["title"]
        elif event["kind"] in ("phase_started", "phase_done", "opening"):  # what was counted is done with
            place = _Place(place.stage)
        elif event["kind"] == "progress":
            counts = event["title"] if event["title"] != title else ""
            place = _Place(place.stage, event["done"], event["total"], counts)
        elif event["kind"] in ("step", "resumed"):
            place = _Place(place.stage, event["step"], event["steps"])
    return place


def _left(since: Sequence[Event], events: Sequence[Event]) -> float | None:
    """Seconds left of the training, from this session's pace and the steps still planned.

    None once it is over: it may have taken fewer steps than were planned.
    """
    if any(e["kind"] == "stage_started" and e["stage"] in AFTER_TRAINING for e in since):
        return None
    planned = next((e for e in reversed(since) if e["kind"] == "steps_planned"), None)
    steps = [e for e in since if e["kind"] == "step"]
    if not planned or len(steps) < 5:
        return None
    recent = steps[-20:]
    pace = sum(forwards(a["time"], b["time"]) for a, b in pairwise(recent)) / max(1, len(recent) - 1)
    # Steps after the last save point of an earlier session are done twice: they count once.
    done = len({(e["phase"], e["step"]) for e in events if e["kind"] == "step"})
    return max(0.0, planned["steps"] - done) * pace + planned.get("after_s", 0.0)


def _count_left(since: Sequence[Event]) -> float | None:
    """Seconds left of what the newest events count, from their pace."""
    newest = since[-1].get("title") if since else None
    counted = [*takewhile(lambda event: event["kind"] == "progress" and event["title"] == newest,
                          reversed(since[-COUNTS:]))]
    if len(counted) < 2:
        return None
    last, first = counted[0], counted[-1]
    done, seconds = last["done"] - first["done"], forwards(first["time"], last["time"])
    if done <= 0 or seconds < SHORTEST_S:
        return None
    return (last["total"] - last["done"]) * seconds / done


def _from_now(log: _Summary, now: float) -> float | None:
    return None if log.count_left_s is None else max(0.0, log.count_left_s - forwards(log.last, now))


def _sentence(state: State, log: _Summary, wish: Wish | None) -> str:
    if state == "new":
        return "Ready to start."
    if state == "lost":
        return ("The worker stopped without a word (was the machine restarted?). Everything up to the "
                "last save point is kept: press Resume.")
    if state == "paused":
        return "Paused. Everything so far is kept; Resume goes on from here."
    if state == "cancelled":
        return "Cancelled. Answers of the large model are kept for the next run."
    if state == "failed" and log.ending:
        return log.ending.get("what", "It failed.")
    if state == "done" and log.ending:
        return log.ending.get("sentence", "Done.")
    if wish:
        now = f" {log.sentence}" if log.place.stage in AFTER_TRAINING else ""
        return f"{WISHES[wish]}{now}"
    return log.sentence


def _working(events: Sequence[Event]) -> str:
    """What it is at, while it runs."""
    for event in reversed(events):
        if event["kind"] == "step":
            return (f"{event.get('title', event['phase'])}: step {event['step']} of {event['steps']}"
                    f" · {event['documents_per_s']:.1f} documents a second")
        if event["kind"] == "progress":
            note = f" · {event['note']}" if event.get("note") else ""
            return f"{event['title']}: {event['done']:,} of {event['total']:,}{note}"
        if event["kind"] in ("stage_started", "phase_started", "opening"):
            return f"{event['title']}…"
        if event["kind"] == "phase_done":
            return f"{event['title']}: done."
    return "Starting…"


def _phases(events: Sequence[Event]) -> tuple[dict[str, Any], ...]:
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
