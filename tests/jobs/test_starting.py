"""One run at a time, on a machine whose name may change: who is believed to live, and who may start."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from engine.errors import EngineError, RunError
from engine.jobs import asker, process, starting
from engine.jobs.folder import RunFolder, all_runs, put_request
from engine.jobs.process import BEAT_S, SILENCE_S, Worker, signed_on
from engine.jobs.starting import alone, make_room
from engine.jobs.status import status
from engine.plan import DistillPlan
from engine.studio import Studio
from engine.workspace import Workspace, read_json, write_json
from tests.conftest import wait_for
from tests.students.tiny import Made, make_workspace, phases


def sign(path: Path, host: str, pid: int = 2**22 + 1, created: float = 0.0, silent_s: float = 0.0) -> None:
    """A sign-on file of another host, `silent_s` old."""
    write_json(path, {"pid": pid, "created": created, "host": host})
    then = time.time() - silent_s
    os.utime(path, (then, then))


def started(run: RunFolder) -> RunFolder:
    """A run whose log says that it runs; who signed it is another matter."""
    run.event_log.write("launched", requests=0)
    run.event_log.write("run_started", resumed=False)
    return run


def plan(made: Made) -> DistillPlan:
    """A plan that needs no model but the tiny one."""
    return made.plan(phases=phases(1.0, representations=0.0)[:1])


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs that were launched: their logs say so, and no process is started."""
    ids: list[str] = []

    def launch(run: RunFolder, *_: object) -> int:
        run.worker.unlink(missing_ok=True)
        run.event_log.write("launched", requests=0)
        ids.append(run.id)
        return 1
    monkeypatch.setattr("engine.studio.launch", launch)
    return ids


# Another host


@pytest.mark.parametrize(("silent_s", "state"), [(0, "running"), (BEAT_S * 2, "running"),
                                                 (SILENCE_S + 5, "lost"), (1e6, "lost")])
def test_another_host_is_believed_while_it_gives_signs_of_life(
    made: Made, silent_s: float, state: str
) -> None:
    run = started(made.run())
    sign(run.worker, "elsewhere", silent_s=silent_s)
    assert status(run).state == state and Worker(run.worker).pid() is None
    assert ("resume" in status(run).can) == (state == "lost")


def test_a_machine_that_was_renamed_still_knows_its_own_process(made: Made) -> None:
    run = started(made.run())
    sign(run.worker, "its-old-name", os.getpid(), psutil.Process().create_time(), silent_s=1e6)
    assert status(run).state == "running" and Worker(run.worker).pid() == os.getpid()
    Worker(run.worker).sign_off()
    assert not run.worker.exists()


def test_signs_of_life_come_by_themselves_also_in_a_long_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "BEAT_S", 0.02)
    path = tmp_path / "worker.json"
    with signed_on(path):
        sign(path, "here", os.getpid(), psutil.Process().create_time(), silent_s=1e6)
        wait_for(lambda: time.time() - path.stat().st_mtime < 100, 10, "it gave no sign of life")
    assert not path.exists()
    for thread in threading.enumerate():
        if thread.name == "beats-worker.json":
            thread.join(5)
            assert not thread.is_alive()


def test_a_killed_run_of_a_host_that_is_gone_can_be_gone_on_with(
    made: Made, launched: list[str]
) -> None:
    """A new container on a kept volume."""
    studio, run = Studio(made.workspace), started(made.run())
    sign(run.worker, "container-1", silent_s=SILENCE_S + 5)
    sign(made.workspace.home / "asker.pid", "container-1")  # however young: it listens on that host only
    write_json(made.workspace.home / "asker.json", {"port": 1, "token": "x"})
    studio.resume(run.id)
    assert launched == [run.id] and status(run).state == "running"


def test_a_killed_run_of_a_host_that_is_gone_can_be_cancelled(made: Made) -> None:
    studio, run = Studio(made.workspace), started(made.run())
    sign(run.worker, "container-1", silent_s=SILENCE_S + 5)
    studio.request(run.id, "cancel")
    assert status(run).state == "cancelled" and not (run.path / "requests").exists()


def test_an_asker_of_a_host_that_is_gone_stands_in_nobody_s_way(
    made: Made, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = made.workspace.home
    sign(home / "asker.pid", "container-1")
    write_json(home / "asker.json", {"port": 1, "token": "x"})
    spawned: list[object] = []

    def spawn(*given: object) -> None:
        assert not (home / "asker.pid").exists() and not (home / "asker.json").exists()
        spawned.append(given)
        write_json(home / "asker.json", {"port": 1, "token": "new"})
    monkeypatch.setattr(asker, "spawn", spawn)
    assert asker._address(made.workspace)["token"] == "new" and len(spawned) == 1
    Studio(made.workspace).start(plan(made))
    assert len(launched) == 1 and len(all_runs(made.workspace)) == 1


def test_a_start_that_cannot_be_made_leaves_no_run_behind(
    made: Made, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise RunError("It does not answer.", "Try again.")
    monkeypatch.setattr(asker, "unload", fails)
    for _ in range(2):
        with pytest.raises(RunError, match="does not answer"):
            Studio(made.workspace).start(plan(made))
    assert launched == [] and all_runs(made.workspace) == []


# One at a time


def busy_alive(made: Made) -> RunFolder:
    run = started(made.run("busy"))
    Worker(run.worker).sign_on()
    return run


def busy_launched(made: Made) -> RunFolder:
    run = made.run("busy")
    run.event_log.write("launched", requests=0)
    return run


def busy_elsewhere(made: Made) -> RunFolder:
    run = started(made.run("busy"))
    sign(run.worker, "elsewhere", silent_s=BEAT_S)
    return run


@pytest.mark.parametrize("busy", [busy_alive, busy_launched, busy_elsewhere])
def test_beside_a_running_one_nothing_starts_and_nothing_is_left(
    made: Made, launched: list[str], busy: Callable[[Made], RunFolder]
) -> None:
    studio, paused = Studio(made.workspace), started(made.run("paused"))
    paused.event_log.write("paused")
    first = busy(made)
    for press in (lambda: studio.start(plan(made)), lambda: studio.resume(paused.id)):
        with pytest.raises(RunError, match=f"{first.id} is running") as told:
            press()
        assert "pause it" in told.value.fix
    assert launched == [] and len(all_runs(made.workspace)) == 2 and status(paused).state == "paused"
    first.worker.unlink(missing_ok=True)
    first.event_log.write("done", sentence="Done.")
    studio.resume(paused.id)
    assert launched == [paused.id]


def test_visitors_of_a_public_page_share_one_machine(tmp_path: Path, launched: list[str]) -> None:
    """One run, one model in memory; whose run it is, is nobody's business."""
    home = tmp_path / "home"
    first, second = (make_workspace(home / "visitors" / key) for key in ("a" * 32, "b" * 32))
    visitors = [Workspace(one.workspace.home, home) for one in (first, second)]
    (home / "models").symlink_to(first.workspace.models)
    busy = started(first.run("busy"))
    Worker(busy.worker).sign_on()
    for press in (lambda: Studio(visitors[1]).start(plan(second)), lambda: asker.call(visitors[1], {})):
        with pytest.raises(RunError, match="A run of another visitor") as told:
            press()
        assert busy.id not in told.value.lines() and "busy" not in told.value.lines()
    with pytest.raises(RunError, match=busy.id):
        asker.call(visitors[0], {})
    busy.event_log.write("done", sentence="Done.")
    Worker(busy.worker).sign_off()
    Worker(home / "asker.pid").sign_on()
    write_json(home / "asker.json", {"port": 1, "token": "x"})
    assert [asker._address(visitor)["token"] for visitor in visitors] == ["x", "x"]
    Studio(visitors[1]).start(plan(second))
    assert len(launched) == 1


def test_of_two_tabs_that_press_start_together_one_starts(made: Made, launched: list[str]) -> None:
    studio, gate = Studio(made.workspace), threading.Barrier(4)

    def press(_: int) -> str:
        gate.wait()
        try:
            return studio.start(plan(made))
        except EngineError as error:
            return error.what
    with ThreadPoolExecutor(4) as tabs:
        said = list(tabs.map(press, range(4)))
    assert len(launched) == 1 and len(all_runs(made.workspace)) == 1
    assert sorted(f"The run {launched[0]} is running" in what for what in said) == [False, True, True, True]


def test_while_one_is_being_started_the_others_are_told(
    made: Made, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "PATIENCE_S", 0.05)
    with alone(made.workspace), pytest.raises(RunError, match="being started"):
        Studio(made.workspace).start(plan(made))
    assert launched == []
    Studio(made.workspace).start(plan(made))  # and the next finds the way free
    assert len(launched) == 1


def test_start_and_resume_both_take_the_large_model_out_of_memory_first(
    made: Made, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unloaded: list[int] = []
    monkeypatch.setattr(asker, "unload", lambda _: unloaded.append(len(launched)))
    studio = Studio(made.workspace)
    run = studio.start(plan(made))
    RunFolder(made.workspace.project(made.project).runs / run.rpartition("/")[2]).event_log.write("paused")
    studio.resume(run)
    assert unloaded == [0, 1] and launched == [run, run]


def test_an_asker_that_ended_meanwhile_holds_no_memory(made: Made) -> None:
    home = made.workspace.home
    Worker(home / "asker.pid").sign_on()
    write_json(home / "asker.json", {"port": 1, "token": "x"})  # nobody listens
    make_room(made.workspace)
    assert read_json(home / "asker.json")["port"] == 1


def test_a_run_whose_folder_was_deleted_ends_and_does_not_come_back(made: Made) -> None:
    from shutil import rmtree

    from engine.jobs.folder import RequestReader
    run = started(made.run())
    reader = RequestReader(run, 0)
    assert reader.wish() is None
    rmtree(run.path)
    assert reader.wish() == "cancel" and not run.path.exists()


def test_half_a_wish_waits_for_its_other_half(made: Made) -> None:
    from engine.jobs.folder import RequestReader
    run = started(made.run())
    reader = RequestReader(run, 0)
    put_request(run, "pause")
    wish = run.path / "requests" / "1.json"
    whole = wish.read_text()
    wish.write_text(whole[:5])
    assert reader.wish() is None
    wish.write_text(whole)
    assert reader.wish() == "pause" and reader.wish() is None
