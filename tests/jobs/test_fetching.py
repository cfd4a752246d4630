"""Fetches in the background: what is said of them, and that a click made again neither kills nor doubles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import WeightsError
from engine.jobs import fetching
from engine.jobs.fetching import FetchStatus, fetch_status, main, start_fetch
from engine.jobs.process import START_GRACE_S, Worker
from engine.workspace import Workspace, write_json
from tests.conftest import wait_for
from tests.models.conftest import model_files, write_folder

NAME = "qwen2.5-7b-instruct"


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have been started."""
    commands: list[list[str]] = []
    monkeypatch.setattr(fetching, "spawn", lambda command, _log: commands.append(command))
    return commands


def at(workspace: Workspace, ending: str = ".jsonl") -> Path:
    return (workspace.models / ".fetch-logs" / "qwen2-5-7b-instruct").with_suffix(ending)


def state(workspace: Workspace, name: str = NAME) -> str:
    now = fetch_status(workspace, name)
    assert now and now.sentence
    return now.state


def died(workspace: Workspace) -> None:
    """An earlier fetch that signed on and was killed."""
    write_json(at(workspace, ".pid"), {"pid": 2**22 + 1, "created": 0.0, "host": os.uname().nodename})


def was_lost(workspace: Workspace) -> None:
    fetching._log(workspace, NAME).write("progress", sentence="Fetching", done=1, total=9)
    died(workspace)


def had_failed(workspace: Workspace) -> None:
    fetching._log(workspace, NAME).write("failed", what="No network.", safe="Kept.", fix="Try again.")
    died(workspace)


@pytest.mark.parametrize("before", [lambda _: None, was_lost, had_failed])
def test_a_fetch_pressed_again_is_starting_and_a_further_press_changes_nothing(
    workspace: Workspace, spawned: list[list[str]], before: Callable[[Workspace], None]
) -> None:
    before(workspace)
    for _ in range(3):
        start_fetch(workspace, NAME, "hub")
        assert state(workspace) == "running"
    assert len(spawned) == 1 and spawned[0][-2:] == [NAME, "hub"]
    Worker(at(workspace, ".pid")).sign_on()
    kept = at(workspace).read_bytes()
    start_fetch(workspace, NAME, "hub")
    assert len(spawned) == 1 and at(workspace).read_bytes() == kept


def test_clicks_in_the_same_moment_start_one(workspace: Workspace, spawned: list[list[str]]) -> None:
    with ThreadPoolExecutor(4) as tabs:
        list(tabs.map(lambda _: start_fetch(workspace, NAME, "hub"), range(8)))
    assert len(spawned) == 1


def test_one_that_never_came_up_is_lost_after_a_while(
    workspace: Workspace, spawned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_fetch(workspace, NAME, "hub")
    later = time.time() + START_GRACE_S + 1
    (at(workspace).parent / "another.jsonl").write_text("")  # other fetches say nothing about this one
    monkeypatch.setattr("engine.jobs.process.time.time", lambda: later)
    assert state(workspace) == "lost"
    start_fetch(workspace, NAME, "hub")
    assert len(spawned) == 2


def test_one_that_was_killed_is_lost_at_once(workspace: Workspace, spawned: list[list[str]]) -> None:
    start_fetch(workspace, NAME, "hub")
    died(workspace)
    now = fetch_status(workspace, NAME)
    assert now and now.state == "lost" and "Fetch again" in now.fix


@pytest.mark.parametrize(("problem", "words"), [
    (WeightsError("No network.", "Try again.", "Kept."), "No network. Kept."),
    (KeyError("secret"), "Something unexpected happened (KeyError)."),
    (MemoryError(), "This machine ran out of memory. What was fetched is kept.")])
def test_however_it_ends_it_is_said_and_signed_off(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, problem: Exception, words: str
) -> None:
    def get(*_: object) -> None:
        assert Worker(at(workspace, ".pid")).alive() and state(workspace) == "running"
        raise problem
    fetching._log(workspace, NAME).write("launched")
    monkeypatch.setattr("engine.models.weights.get", get)
    try:
        assert main([*workspace.arguments(), "--", NAME, "hub"]) == 1
    except (KeyError, MemoryError) as error:
        assert error is problem
    now = fetch_status(workspace, NAME)
    assert now and now.state == "failed" and words in now.sentence and now.fix
    assert "secret" not in now.sentence
    assert not at(workspace, ".pid").exists()


def test_a_real_one_ends_as_done(workspace: Workspace, tmp_path: Path) -> None:
    mine = str(write_folder(tmp_path / "mine", model_files()))
    start_fetch(workspace, mine, "auto")
    wait_for(lambda: state(workspace, mine) != "running", 60, "it did not end")
    assert fetch_status(workspace, mine) == FetchStatus("done", "It is here and checked.", 1, 1)
    assert (workspace.models / "mine" / "manifest.json").exists()
    assert not list((workspace.models / ".fetch-logs").glob("*.pid"))
    assert fetch_status(workspace, "never-fetched") is None


def test_watching_needs_no_model_library() -> None:
    code = "import json, sys, engine.jobs.fetching; print(json.dumps('torch' in sys.modules))"
    root = Path(fetching.__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) is False
