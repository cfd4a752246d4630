"""The three small rooms everything stands on: errors in words, the event log, where things live."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from engine import errors
from engine.errors import EngineError, RunError, SpaceError, disk_errors_in_words
from engine.events import EventLog, follow, read_events
from engine.workspace import (
    Workspace,
    as_yaml,
    fresh_folder,
    read_json,
    slug,
    write_atomic,
    write_json,
    write_new,
    write_text,
)


def test_an_error_says_what_happened_what_is_safe_and_what_to_do() -> None:
    error = EngineError("The file is empty.", "Choose another file.")
    assert str(error) == "The file is empty."
    assert error.lines() == "The file is empty.\nNothing you made was lost.\nChoose another file."


def test_every_error_is_an_engine_error_and_stands_in_the_tree_of_the_header() -> None:
    kinds = {name for name, kind in vars(errors).items()
             if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == errors.__name__}
    assert all(issubclass(getattr(errors, name), EngineError) for name in kinds)
    assert all(name in (errors.__doc__ or "") for name in kinds)


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"),
    (errno.EACCES, "No permission"), (errno.EROFS, "No permission"),
])
def test_disk_errors_become_words(number: int, words: str) -> None:
    with pytest.raises(SpaceError, match=words) as told, disk_errors_in_words("the table"):
        raise OSError(number, os.strerror(number), "/place")
    assert "the table" in told.value.what and told.value.fix


def test_a_full_disk_is_told_by_what_writes_numbers_too(tmp_path: Path) -> None:
    """safetensors tells the system's error in its text only."""
    def full(path: Path) -> None:
        raise SafetensorError(f"I/O error: No space left on device (os error {errno.ENOSPC})")
    with pytest.raises(SpaceError, match="disk is full"):
        write_atomic(tmp_path / "state.safetensors", full)
    with pytest.raises(SafetensorError), disk_errors_in_words("the table"):
        raise SafetensorError("HeaderTooLarge (os error 2)")


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_file_of_numbers_is_named_with_what_to_do(tmp_path: Path, damage: str) -> None:
    from engine.cache.signals import load_signal, load_vectors, load_written, save_vectors
    from engine.training.checkpoints import finish_phase, finished_phase, load_state, save_state
    save_vectors(tmp_path / "v.safetensors", np.ones((50, 8), np.float32))
    save_state(tmp_path / "phase", {"a": torch.ones(50)}, {"step": 1})
    finish_phase(tmp_path / "other", [torch.ones(50)], {})
    readers = {tmp_path / "v.safetensors": (load_vectors, load_signal, load_written),
               tmp_path / "phase" / "state-1.safetensors": (lambda _: load_state(tmp_path / "phase"),),
               tmp_path / "other" / "adapter.safetensors": (lambda _: finished_phase(tmp_path / "other"),)}
    for path, read in readers.items():
        whole = path.read_bytes()
        path.write_bytes({"cut": whole[:-9], "empty": b"", "other": b"not at all"}[damage])
        for one in read:
            with pytest.raises(RunError, match="damaged") as told:
                one(path)
            assert str(path) in told.value.what
            assert "Delete" in told.value.fix or "new run" in told.value.fix


def test_other_errors_pass_a_disk_guard_unchanged() -> None:
    with pytest.raises(FileNotFoundError), disk_errors_in_words("the table"):
        raise FileNotFoundError(errno.ENOENT, "gone")


def test_events_come_back_in_order_and_only_once(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "run" / "events.jsonl")
    first = log.write("step", loss=np.float32(0.5), file=tmp_path, text="é\nü")
    events, offset = read_events(log.path)
    assert [e["kind"] for e in events] == ["step"]
    assert events[0] == {"time": first["time"], "kind": "step", "loss": 0.5, "file": str(tmp_path),
                         "text": "é\nü"}
    log.write("done")
    later, end = read_events(log.path, offset)
    assert [e["kind"] for e in later] == ["done"] and end == log.path.stat().st_size
    assert read_events(log.path, end) == ([], end)


def test_a_half_written_event_waits_and_a_broken_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"kind": "a"}\n{"kind": "b", "te')
    events, offset = read_events(path)
    assert [e["kind"] for e in events] == ["a"] and offset == len(b'{"kind": "a"}\n')
    with open(path, "ab") as out:
        out.write(b'xt": 1}\n\x00\x00\x00\n{"kind": "c"}\n')
    assert [e["kind"] for e in read_events(path, offset)[0]] == ["b", "c"]


@pytest.mark.skipif(os.name == "nt", reason="limits of a process")
@pytest.mark.parametrize("room", [0, 1, 30])
def test_a_disk_that_takes_half_an_event_is_told_and_swallows_no_other_one(tmp_path: Path, room: int) -> None:
    """Such a disk takes what it has room for and says nothing; here a limit on the size of files does so."""
    import resource
    log = EventLog(tmp_path / "events.jsonl")
    log.write("step", text="ü" * 40)
    size, limits = log.path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, limits[1]))
    try:
        with pytest.raises((SpaceError, OSError)) as told:
            log.write("lost", text="ü" * 40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not room or isinstance(told.value, SpaceError)
    assert log.path.stat().st_size == size + room
    log.write("run_started")
    log.write("stage_started")
    assert [e["kind"] for e in read_events(log.path)[0]] == ["step", "run_started", "stage_started"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_told_by_the_log(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    with pytest.raises(SpaceError, match="event log"):
        EventLog(tmp_path / "events.jsonl").write("step")


def test_no_log_yet_is_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == ([], 0)


@given(st.integers(0, 200))
def test_whatever_the_cut_no_event_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    whole = b"".join(json.dumps({"kind": f"k{n}", "text": "ü"}).encode() + b"\n" for n in range(6))
    path = tmp_path_factory.mktemp("cut") / "events.jsonl"
    path.write_bytes(whole[:cut])
    early, offset = read_events(path)
    path.write_bytes(whole)
    late, _ = read_events(path, offset)
    assert [e["kind"] for e in early + late] == [f"k{n}" for n in range(6)]


def test_many_writers_never_tear_a_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    threads = [threading.Thread(target=lambda n=n: [log.write("x", n=n, text="y" * 2000) for _ in range(40)])
               for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events, _ = read_events(log.path)
    assert sorted(e["n"] for e in events) == sorted([0, 1, 2, 3] * 40)


def test_following_ends_with_the_run(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.write("step")
    seen = []
    for event in follow(log.path, until=("done", "failed"), poll_s=0.01):
        seen.append(event["kind"])
        if len(seen) == 1:
            log.write("done")
            log.write("after")
    assert seen == ["step", "done"]


def test_home_is_the_setting_or_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANON_HOME", str(tmp_path / "there"))
    assert Workspace.default().home == tmp_path / "there"
    monkeypatch.setenv("ANON_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace.default().home == tmp_path / ".anon-studio"


def test_a_workspace_is_only_paths_and_weights_may_be_shared(tmp_path: Path) -> None:
    alone, visitor = Workspace(tmp_path / "a"), Workspace(tmp_path / "v", models_home=tmp_path / "a")
    assert visitor.models == alone.models == tmp_path / "a" / "models"
    assert visitor.projects == tmp_path / "v" / "projects" and visitor.cache == tmp_path / "v" / "cache"
    project = visitor.project("floods")
    assert project.runs == tmp_path / "v" / "projects" / "floods" / "runs"
    assert [folder.name for folder in (project.corpora, project.tasks, project.templates)] == [
        "corpora", "tasks", "templates"]
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"
    with pytest.raises(FrozenInstanceError):
        alone.home = tmp_path  # type: ignore[misc]


@pytest.mark.parametrize("name", ["../floods", "a/b", "", ".", "Floods 2024", "x" * 61])
def test_a_project_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="not a project name"):
        Workspace(tmp_path).project(name)


@given(st.text(max_size=200))
def test_slugs_are_folder_safe_and_settled(name: str) -> None:
    made = slug(name)
    assert 1 <= len(made) <= 60 and set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not made.startswith("-") and not made.endswith("-") and slug(made) == made


@pytest.mark.parametrize("text", ["00\x85", "a\x85b", "a\u2028b", "a\nb ", "日本語", "é: #", "'", "\t"])
def test_any_text_comes_back_from_yaml(text: str) -> None:
    assert yaml.safe_load(as_yaml({"b": text, "a": [text]})) == {"b": text, "a": [text]}


def test_fresh_folders_count_up_and_no_two_askers_get_the_same(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    assert [fresh_folder(runs, "run").name for _ in range(3)] == ["run", "run-2", "run-3"]
    with ThreadPoolExecutor(16) as many:
        made = list(many.map(lambda _: fresh_folder(runs, "at-once"), range(64)))
    assert len(set(made)) == 64 and all(path.is_dir() for path in made)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "plan.json"
    write_json(path, {"größe": 1})
    assert read_json(path) == {"größe": 1} and "größe" in path.read_text(encoding="utf-8")

    def full(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SpaceError, match="plan.json"):
        write_atomic(path, full)
    assert read_json(path) == {"größe": 1}
    assert [p.name for p in path.parent.iterdir()] == ["plan.json"]


LINKLESS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL,
            errno.EIO)


@pytest.mark.parametrize("number", LINKLESS)
def test_a_disk_without_hard_links_takes_new_files_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """FAT, SMB and FUSE each say in their own way that they have none."""
    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))
    monkeypatch.setattr(os, "link", refuses)
    path = tmp_path / "requests" / "1.json"
    write_new(path, '{"kind": "pause"}')
    with pytest.raises(FileExistsError):
        write_new(path, "another")
    assert path.read_text() == '{"kind": "pause"}' and [p.name for p in path.parent.iterdir()] == ["1.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["link", "write"])
def test_a_full_disk_leaves_no_half_of_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def linkless(*_: object) -> None:
        monkeypatch.setattr("builtins.open", lambda *given, **more: _Full(open_(*given, **more), full))
        raise OSError(errno.ENOTSUP, "no links")
    open_ = open
    monkeypatch.setattr(os, "link", full if where == "link" else linkless)
    with pytest.raises(SpaceError, match="disk is full"):
        write_new(tmp_path / "1.json", "{}")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


class _Full:
    """A file on a disk that has just become full."""

    def __init__(self, file: TextIO, write: Callable[..., None]) -> None:
        self.file, self.write = file, write

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def test_a_new_file_that_links_is_never_replaced(tmp_path: Path) -> None:
    write_new(tmp_path / "1.json", "one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "1.json", "two")
    assert (tmp_path / "1.json").read_text() == "one" and len(list(tmp_path.iterdir())) == 1


def test_readers_see_the_old_text_or_the_new_never_half(tmp_path: Path) -> None:
    path, texts = tmp_path / "status.txt", ["a" * 100_000, "b" * 100_000]
    write_text(path, texts[0])
    writing = threading.Thread(target=lambda: [write_text(path, texts[n % 2]) for n in range(20)])
    writing.start()
    seen = set()
    while writing.is_alive():
        seen.add(path.read_text())
    writing.join()
    assert seen <= set(texts)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"a": 1,\n "b"')
    with pytest.raises(RunError, match=r"report\.json is damaged \(line 2\)"):
        read_json(tmp_path / "report.json")
