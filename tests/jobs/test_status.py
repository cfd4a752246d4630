"""A run's state is read off its files and its process, and from nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import RunError
from engine.jobs.folder import RequestReader, RunFolder, all_runs, find_run, last_request, put_request
from engine.jobs.launcher import launch
from engine.jobs.process import START_GRACE_S, Worker
from engine.jobs.status import status
from engine.workspace import Workspace, read_json, write_json, write_text
from tests.conftest import wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run folder with a plan, nothing more."""
    made = RunFolder(tmp_path / "home" / "projects" / "p" / "runs" / "r")
    write_text(made.plan, "format: 1\n")
    return made


@pytest.fixture
def sleeper():
    """A process of ours to sign runs with."""
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def sign(run: RunFolder, pid: int, created: float | None = None) -> None:
    when = psutil.Process(pid).create_time() if created is None else created
    import socket
    write_json(run.worker, {"pid": pid, "created": when, "host": socket.gethostname()})


def test_a_new_run(run: RunFolder) -> None:
    now = status(run)
    assert (now.state, now.id) == ("new", "p/r") and now.sentence and now.can == {"resume", "cancel"}


def test_launched_and_not_yet_signed_on_counts_as_running_for_a_while(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.event_log.write("launched", requests=0)
    assert status(run).state == "running" and status(run).sentence
    later = time.time() + START_GRACE_S + 1
    monkeypatch.setattr("engine.jobs.status.time.time", lambda: later)
    assert status(run).state == "lost"  # it died at once: not “ready to start”


def test_running_while_its_process_lives_and_lost_after(run: RunFolder, sleeper: subprocess.Popen) -> None:
    sign(run, sleeper.pid)
    run.event_log.write("run_started", resumed=False)
    assert status(run).state == "running" and status(run).can == {"pause", "stop", "cancel"}
    os.kill(sleeper.pid, 9)
    wait_for(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE, 60, "it did not die")
    now = status(run)  # not waited for: a zombie
    assert now.state == "lost" and "Resume" in now.sentence and now.can == {"resume", "cancel"}
    sleeper.wait()
    assert status(run).state == "lost"


def test_a_reused_pid_is_not_the_worker(run: RunFolder, sleeper: subprocess.Popen) -> None:
    sign(run, sleeper.pid, created=psutil.Process(sleeper.pid).create_time() - 60)
    run.event_log.write("run_started", resumed=False)
    assert status(run).state == "lost" and Worker(run.worker).pid() is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells ticks since the boot")
def test_a_clock_that_is_set_changes_nobody(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(run.worker)
    worker.sign_on()
    run.event_log.write("run_started", resumed=False)
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: time.time() + 3600)
    assert worker.here() and worker.alive() and status(run).state == "running"
    write_json(run.worker, {**read_json(run.worker), "ticks": "another boot 17"})
    assert not worker.here() and status(run).state == "lost"
    worker.sign_on()
    worker.sign_off()
    assert not run.worker.exists()


@pytest.mark.parametrize(("ending", "fields", "can"), [
    ("paused", {}, {"resume", "cancel"}), ("cancelled", {}, {"resume"}),
    ("failed", {"what": "No disk.", "safe": "Kept.", "fix": "Free some."}, {"resume", "cancel"}),
    ("done", {"sentence": "It agrees."}, set())])
def test_endings(run: RunFolder, sleeper: subprocess.Popen, ending: str, fields: dict, can: set) -> None:
    sign(run, sleeper.pid)  # an ending stands, also while its process is still closing down
    run.event_log.write("run_started", resumed=False)
    run.event_log.write(ending, **fields)
    now = status(run)
    assert now.state == ending and now.can == can and now.sentence
    if ending == "failed":
        assert now.error == fields and now.sentence == "No disk."
    if ending == "done":
        assert now.sentence == "It agrees."


@pytest.mark.parametrize("ending", ["paused", "failed", "cancelled"])
def test_relaunched_after_an_ending_it_runs_again(run: RunFolder, sleeper: subprocess.Popen,
                                                  ending: str) -> None:
    run.event_log.write("run_started", resumed=False)
    run.event_log.write(ending)
    run.event_log.write("launched", requests=0)
    assert status(run).state == "running"  # before the worker is up: Resume is not offered twice
    sign(run, sleeper.pid)
    run.event_log.write("run_started", resumed=True)
    assert status(run).state == "running"
    run.event_log.write("paused")
    assert status(run).state == "paused"


def test_launching_twice_is_refused(run: RunFolder, sleeper: subprocess.Popen) -> None:
    run.event_log.write("launched", requests=0)
    with pytest.raises(RunError, match="already"):
        launch(run, Workspace(Path("unused")))
    sign(run, sleeper.pid)
    run.event_log.write("run_started", resumed=False)
    with pytest.raises(RunError, match="already"):
        launch(run, Workspace(Path("unused")))


def test_a_run_gone_on_with_while_its_worker_closes_down_waits_for_it(
    run: RunFolder, sleeper: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pause, and Resume at once."""
    started: list[object] = []
    monkeypatch.setattr("engine.jobs.launcher.spawn", lambda *given: started.append(given) or 1)
    run.event_log.write("run_started", resumed=False)
    run.event_log.write("paused")
    sign(run, sleeper.pid)
    monkeypatch.setattr("engine.jobs.launcher.CLOSING_S", 0.1)
    with pytest.raises(RunError, match="already"):  # it does not close down
        launch(run, Workspace(Path("unused")))
    assert started == [] and run.worker.exists()
    monkeypatch.setattr("engine.jobs.launcher.CLOSING_S", 30.0)
    threading.Timer(0.3, sleeper.kill).start()
    launch(run, Workspace(Path("unused")))
    assert len(started) == 1 and sleeper.wait() and status(run).state == "running"


def asking(run: RunFolder, counted: str, done: int, total: int) -> None:
    """A run at work that asks, and has counted so much of a piece of work."""
    sign(run, os.getpid())
    run.event_log.write("run_started", resumed=False)
    run.event_log.write("stage_started", stage="asking", title="Asking")
    run.event_log.write("progress", stage="asking", title=counted, done=done, total=total)


def test_phases_place_and_time_left(run: RunFolder) -> None:
    asking(run, "Asking", 3, 9)
    log = run.event_log
    assert (status(run).stage, status(run).done, status(run).total) == ("asking", 3, 9)
    assert "3 of 9" in status(run).sentence
    log.write("stage_started", stage="training", title="Training")
    log.write("steps_planned", steps=40)
    log.write("phase_started", phase="one", title="One", because="easy")
    for step in range(1, 11):
        log.write("step", phase="one", step=step, steps=20, title="One", documents_per_s=3.0)
        time.sleep(0.01)
    log.write("gate", phase="one", step=10, agreement=0.5)
    now = status(run)
    assert (now.stage, now.done, now.total) == ("training", 10, 20)
    assert 0.2 < now.left_s < 3 and now.phases[0]["agreement"] == 0.5 and now.phases[0]["state"] == "running"
    log.write("phase_done", phase="one", title="One", agreement=0.6, kept=False, because="lost", seconds=2)
    now = status(run)
    assert now.phases == ({"name": "one", "title": "One", "state": "done", "because": "lost",
                           "agreement": 0.6, "kept": False, "seconds": 2},)
    # After a resume, steps done before still count as done.
    log.write("run_started", resumed=True)
    log.write("steps_planned", steps=40)
    for step in range(10, 16):
        log.write("step", phase="one", step=step, steps=20, title="One", documents_per_s=3.0)
        time.sleep(0.01)
    assert status(run).left_s < 25 * 0.2


def test_what_is_counted_has_a_time_left_by_its_own_pace(run: RunFolder) -> None:
    sign(run, os.getpid())
    began = time.time() - 100
    at = iter(range(0, 100, 10))

    def counts(title: str, done: int, total: int = 400) -> float | None:
        event = {"time": began + next(at), "kind": "progress", "stage": "asking", "title": title,
                 "done": done, "total": total}
        with open(run.events, "a") as log:
            log.write(json.dumps(event) + "\n")
        now = status(run)
        assert now.left_s is None
        return now.count_left_s

    run.event_log.write("run_started", resumed=False)
    assert counts("Mapping", 470, 470) is None  # one count tells no pace
    assert counts("Asking", 100) is None  # nor does another piece of work; these were answered before
    assert counts("Asking", 110) == pytest.approx(290 - 80, abs=2)  # one a second; the last was 80 s ago
    assert counts("Asking", 110) == pytest.approx(2 * 290 - 70, abs=2)
    put_request(run, "pause")
    assert status(run).count_left_s is None


def test_while_a_model_is_opened_nothing_that_was_counted_before_is_shown(run: RunFolder) -> None:
    asking(run, "Mapping which documents are alike", 80, 80)
    run.event_log.write("opening", title="Opening the large model")
    now = status(run)
    assert now.sentence == "Opening the large model…" and (now.stage, now.done, now.total) == ("asking", 0, 0)


def test_a_wish_is_told_until_it_is_obeyed(run: RunFolder) -> None:
    sign(run, os.getpid())
    run.event_log.write("run_started", resumed=False)
    reader = RequestReader(run, 0)
    assert reader.wish() is None
    put_request(run, "pause")
    assert reader.wish() == "pause" and "Pausing" in status(run).sentence
    assert reader.wish() is None  # acknowledged once
    assert [e["request"] for e in status(run).events if e["kind"] == "request"] == ["pause"]


def training(run: RunFolder, **began: object) -> None:
    """A session whose second phase is at its sixth step."""
    log = run.event_log
    log.write("run_started", resumed=False, **began)
    log.write("stage_started", stage="training", title="Training")
    log.write("steps_planned", steps=400)
    log.write("phase_started", phase="two", title="Two", because="all")
    for step in range(1, 7):
        log.write("step", phase="two", step=step, steps=200, title="Two", documents_per_s=3.0)


@pytest.mark.parametrize(("wish", "said"), [("pause", "Pausing: "), ("stop", "Stopping: "),
                                            ("cancel", "Cancelling: ")])
def test_a_wish_is_told_as_soon_as_it_is_put_without_a_time_that_will_not_be_needed(
        run: RunFolder, wish: Any, said: str) -> None:
    sign(run, os.getpid())
    training(run)
    reader = RequestReader(run, 0)
    before = status(run)
    assert before.left_s is not None and before.total == 200 and before.wish is None
    put_request(run, wish)
    for _ in range(2):  # before the worker hears of it, and after
        now = status(run)
        assert now.sentence.startswith(said) and now.wish == wish and now.state == "running"
        assert now.left_s is None and (now.done, now.total) == (0, 0)
        reader.wish()
    run.event_log.write("paused")
    assert status(run).wish is None


def test_while_it_stops_what_is_done_now_is_counted(run: RunFolder) -> None:
    sign(run, os.getpid())
    training(run)
    put_request(run, "stop")
    assert RequestReader(run, 0).wish() == "stop"
    log, title = run.event_log, "Checking on the documents kept aside"
    log.write("gate", phase="two", step=6, agreement=0.5)
    log.write("phase_done", phase="two", title="Two", agreement=0.6, kept=True, because="better", seconds=2)
    log.write("stage_started", stage="scoring", title=title)
    now = status(run)
    assert now.sentence.startswith("Stopping: ") and f"{title}…" in now.sentence and now.total == 0
    log.write("progress", stage="scoring", title=title, done=90, total=470)
    now = status(run)
    assert now.sentence.startswith("Stopping: ") and f"{title}: 90 of 470" in now.sentence
    assert (now.stage, now.done, now.total, now.left_s) == ("scoring", 90, 470, None)
    log.write("stage_started", stage="take-home", title="Packing what you take home")
    now = status(run)
    assert "Packing what you take home…" in now.sentence and now.total == 0


@pytest.mark.parametrize("launched", [True, False])
def test_a_wish_of_an_earlier_session_is_none_of_this_one(run: RunFolder, launched: bool) -> None:
    """Nor one that its worker never heard, since it ended first."""
    sign(run, os.getpid())
    training(run)
    put_request(run, "stop")
    assert RequestReader(run, 0).wish() == "stop"
    put_request(run, "pause")
    run.event_log.write("failed", what="The disk is full.")
    if launched:
        run.event_log.write("launched", requests=last_request(run))
        assert status(run).wish is None
    training(run, **({} if launched else {"requests": last_request(run)}))
    assert status(run).wish is None and status(run).left_s is not None
    put_request(run, "pause")
    assert status(run).wish == "pause"


def test_no_time_is_left_of_a_training_that_took_fewer_steps_than_were_planned(run: RunFolder) -> None:
    sign(run, os.getpid())
    training(run)
    run.event_log.write("stage_started", stage="scoring", title="Checking")
    assert status(run).left_s is None


def test_the_newest_wish_counts_and_old_ones_are_not_heard_again(run: RunFolder) -> None:
    assert [put_request(run, kind) for kind in ("pause", "stop", "cancel")] == [1, 2, 3]
    assert RequestReader(run, 3).wish() is None
    assert RequestReader(run, 0).wish() == "cancel" and last_request(run) == 3
    assert read_json(run.path / "requests" / "2.json")["kind"] == "stop"


def test_signing_off_takes_only_one_s_own_name_away(run: RunFolder, sleeper: subprocess.Popen) -> None:
    Worker(run.worker).sign_on()
    assert Worker(run.worker).pid() == os.getpid()
    Worker(run.worker).sign_off()
    assert not run.worker.exists() and not Worker(run.worker).alive()
    sign(run, sleeper.pid)
    Worker(run.worker).sign_off()
    assert Worker(run.worker).alive()


def test_runs_are_found_by_name_or_path(run: RunFolder) -> None:
    workspace = Workspace(run.path.parents[3])
    for name in ("p/r", "r", str(run.path)):
        assert find_run(workspace, name) == run
    outside = RunFolder(workspace.home.parent / "elsewhere" / "projects" / "p" / "runs" / "r")
    write_text(outside.plan, "format: 1\n")
    for name in ("none", "p/none", "../r", "..", "", "p/", "/etc", "p/.r", "/tmp/nope", "/", "*", "*/r",
                 "p/*", "?", "[r]", "p/../p/r", f"{run.path}/../r", str(outside.path), "\0", "/\0",
                 "/" + "r" * 5000, "../../elsewhere/projects/p/runs/r"):
        with pytest.raises(RunError) as refused:
            find_run(workspace, name)
        assert refused.value.fix
    write_text(RunFolder(workspace.projects / "q" / "runs" / "r").plan, "format: 1\n")
    with pytest.raises(RunError, match="several projects"):
        find_run(workspace, "r")
    assert {r.id for r in all_runs(workspace)} == {"p/r", "q/r"}
    assert [r.id for r in all_runs(workspace, "q")] == ["q/r"]
    for project in ("../../*/projects/*", "*", "../q", "/", "[pq]", "q/../p"):
        with pytest.raises(RunError, match="not a project name") as refused:
            all_runs(workspace, project)
        assert "q/r" not in refused.value.lines()
