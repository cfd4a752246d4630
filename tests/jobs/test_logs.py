"""What a log says, and that it is remembered: time at work; logs that grow, shrink or are made anew."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import read_events
from engine.jobs import logs
from engine.jobs.folder import RunFolder
from engine.jobs.logs import MOST, events_of
from engine.jobs.process import Worker
from engine.jobs.status import status
from engine.workspace import write_text


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run folder with a plan, nothing more."""
    made = RunFolder(tmp_path / "projects" / "p" / "runs" / "r")
    write_text(made.plan, "format: 1\n")
    return made


def say(run: RunFolder, told: Sequence[tuple[float, str]]) -> None:
    """Events at these times."""
    with open(run.events, "a", encoding="utf-8") as log:
        for at, kind in told:
            more = {"request": "pause"} if kind == "request" else {}
            log.write(json.dumps({"time": at, "kind": kind, **more}) + "\n")


# Time at work

NIGHT = 86_400.0
FIVE_MINUTES = [(0, "launched"), (2, "run_started"), (100, "choice"), (300, "request"), (302, "paused")]


@pytest.mark.parametrize(("told", "took"), [
    (FIVE_MINUTES, 300),
    ([*FIVE_MINUTES, (NIGHT, "launched"), (NIGHT + 3, "run_started"), (NIGHT + 63, "done")], 360),
    ([*FIVE_MINUTES, (NIGHT, "run_started"), (NIGHT, "cancelled")], 300),  # cancelled while it was paused
    ([*FIVE_MINUTES, (NIGHT, "launched"), (NIGHT + 1, "run_started"), (NIGHT + 21, "choice")], 320),  # lost
    ([*FIVE_MINUTES, (NIGHT, "launched")], 300),  # never came up
    ([(0, "run_started"), (10, "failed"), (NIGHT, "run_started"), (NIGHT + 5, "failed")], 15),  # terminal
    ([(0, "run_started")], 0), ([(0, "launched")], 0), ([], 0)])
def test_time_at_work_leaves_pauses_out_and_stands_still_when_the_worker_is_gone(
    run: RunFolder, told: list[tuple[float, str]], took: float
) -> None:
    say(run, [(1_000_000 + at, kind) for at, kind in told])
    for _ in range(2):
        assert status(run).elapsed_s == pytest.approx(took)


def test_time_at_work_goes_on_while_it_works(run: RunFolder) -> None:
    now = time.time()
    say(run, [(now - NIGHT, "run_started"), (now - NIGHT + 300, "paused"), (now - 62, "launched"),
              (now - 60, "run_started"), (now - 50, "choice")])
    Worker(run.worker).sign_on()
    one = status(run)
    assert one.state == "running" and 360 <= one.elapsed_s < 375
    time.sleep(0.02)
    assert status(run).elapsed_s > one.elapsed_s  # though the log is as it was
    Worker(run.worker).sign_off()
    assert status(run).state == "lost" and status(run).elapsed_s == pytest.approx(310)


def test_time_at_work_while_it_starts_again_is_what_it_was(run: RunFolder) -> None:
    now = time.time()
    say(run, [(now - NIGHT, "run_started"), (now - NIGHT + 300, "paused"), (now, "launched")])
    assert status(run).state == "running" and status(run).elapsed_s == pytest.approx(300)


# Logs that are remembered


def test_a_log_that_is_the_same_is_not_read_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    say(run, [(0, "run_started"), (9, "done")])
    first, reads = status(run), []
    monkeypatch.setattr(logs, "read_events", lambda *given: reads.append(given) or read_events(*given))
    for _ in range(5):
        again = status(run)
        assert again.state == "done" and again.age_s >= first.age_s
        assert list(again.events) == list(first.events)
    assert reads == []
    say(run, [(100, "launched")])
    assert status(run).state == "lost" and len(reads) == 1 and reads[0][1] > 0  # from where it was read to
    assert [e["kind"] for e in first.events] == ["run_started", "done"]  # as of that moment


def test_the_list_of_runs_costs_little_however_long_they_were(tmp_path: Path) -> None:
    step = {"time": 5.0, "kind": "step", "phase": "one", "step": 1, "steps": 3000, "title": "One",
            "outputs": 0.5, "grad_norm": 0.5, "rate": 1e-3, "documents_per_s": 3.0}
    body = json.dumps({"time": 1.0, "kind": "run_started"}) + "\n" + (json.dumps(step) + "\n") * 3000
    runs = [RunFolder(tmp_path / "projects" / "p" / "runs" / f"r{i}") for i in range(3 * MOST)]
    for made in runs:
        write_text(made.plan, "format: 1\n")
        write_text(made.events, body + json.dumps({"time": 9.0, "kind": "done"}) + "\n")

    def seconds() -> float:
        began = time.process_time()
        assert {status(made).state for made in runs} == {"done"}
        return time.process_time() - began
    first = seconds()
    assert min(seconds() for _ in range(3)) < first / 10
    assert len(logs._held) <= MOST  # and not all of them stay in memory
    assert all(len(status(made).events) == 3002 for made in runs)


def test_a_log_made_anew_is_read_anew(run: RunFolder) -> None:
    say(run, [(1, "run_started"), (2, "done")])
    assert status(run).state == "done"
    for kinds in (["run_started", "paused"], ["run_started"], ["run_started", "choice", "choice", "failed"]):
        write_text(run.events, "")
        run.events.unlink()
        say(run, [(50 + len(kinds) + i, kind) for i, kind in enumerate(kinds)])
        assert [e["kind"] for e in status(run).events] == kinds
        assert [e["kind"] for e in events_of(run.events)] == kinds
    run.events.unlink()
    assert (status(run).state, list(status(run).events), events_of(run.events)) == ("new", [], [])


def test_a_log_overwritten_in_place_is_read_anew(run: RunFolder) -> None:
    say(run, [(1, "run_started"), (2, "done")])
    assert status(run).state == "done"
    inode = run.events.stat().st_ino
    with open(run.events, "r+b") as log:
        log.truncate()
    say(run, [(7, "run_started"), (8, "choice"), (9, "choice"), (10, "choice"), (11, "paused")])
    assert run.events.stat().st_ino == inode
    assert status(run).state == "paused" and len(status(run).events) == 5
    then = os.stat(run.events)
    write_text(run.events, run.events.read_text().replace('"paused"', '"failed"'))
    assert run.events.stat().st_size == then.st_size and status(run).state == "failed"


@given(st.lists(st.integers(0, 400), max_size=8))
def test_however_a_log_grows_no_event_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    whole = b"".join(json.dumps({"time": n, "kind": f"k{n}", "text": "ü"}).encode() + b"\n" for n in range(8))
    path = tmp_path_factory.mktemp("grows") / "events.jsonl"
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut]) if not path.exists() else _grow(path, whole[:cut])
        assert events_of(path) == read_events(path)[0]
    _grow(path, whole)
    assert [e["kind"] for e in events_of(path)] == [f"k{n}" for n in range(8)]


def _grow(path: Path, to: bytes) -> None:
    with open(path, "ab") as log:
        log.write(to[log.tell():])
