"""A disk that is full: the run says so, also where there is no room left to say it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.cache.answers import AnswerCache
from engine.errors import RunError, SpaceError
from engine.events import EventLog
from engine.jobs import worker
from engine.jobs.folder import RunFolder
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.models.folders import ModelFolder
from engine.students.base import Student
from tests.students.test_base import PLAN
from tests.students.tiny import CPU, TASK, Made, phases


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/place")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills while the small model is saved: from then on there is only the room the worker kept."""
    write, save = EventLog.write, Student.save

    def filled(self: Student, path: Path) -> None:
        monkeypatch.setattr("engine.workspace._fill", no_room)
        monkeypatch.setattr(EventLog, "write", only_with_room)
        monkeypatch.setattr(self.model, "save_pretrained", no_room)
        save(self, path)

    def only_with_room(self: EventLog, kind: str, **fields: object) -> object:
        if (self.path.parent / "spare").exists():
            raise SpaceError("The disk is full: there was no room for the event log.", "Free some space.")
        return write(self, kind, **fields)
    monkeypatch.setattr(Student, "save", filled)


@pytest.mark.usefixtures("full")
def test_it_is_told_in_words_and_the_run_goes_on_when_there_is_room(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made.run(phases=phases()[:1])
    run.log.mkdir()  # nor can a traceback be written
    assert work(run, made.workspace) == "failed"
    now = status(run)
    assert now.state == "failed" and "no room for the small model" in now.sentence and "Free some space" in (
        now.error["fix"])
    assert not (run.path / "spare").exists()
    monkeypatch.undo()
    monkeypatch.setenv("ANON_DTYPE", "float32")
    assert work(run, made.workspace) == "done"


def test_room_is_kept_for_as_long_as_a_run_is_at_work(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    run, seen = made.run(phases=phases()[:1]), []

    def looked(given: RunFolder, *_: object) -> None:
        seen.append((given.path / "spare").stat().st_size)
        raise RunError("It ends here.", "Nothing.")
    monkeypatch.setattr("engine.pipeline.run_pipeline", looked)
    assert work(run, made.workspace) == "failed" and seen == [worker.SPARE]
    assert not (run.path / "spare").exists()


def test_a_run_whose_folder_was_deleted_does_not_come_back_to_say_that_it_failed(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made.run()

    def deleted(given: RunFolder, *_: object) -> None:
        shutil.rmtree(given.path)
        raise RunError("It cannot go on.", "Nothing.")
    monkeypatch.setattr("engine.pipeline.run_pipeline", deleted)
    assert work(run, made.workspace) == "failed" and not run.path.exists()


def test_a_small_model_that_finds_no_room_says_so(
    tiny_model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    monkeypatch.setattr(student.model, "save_pretrained", no_room)
    with pytest.raises(SpaceError, match="the small model"):
        student.save(tmp_path / "student")


def test_a_store_of_answers_that_finds_no_room_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(sqlite3.Connection):
        def executescript(self, script: str) -> None:  # noqa: ARG002
            raise sqlite3.OperationalError("database or disk is full")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
    with pytest.raises(SpaceError, match="answers of the large model"):
        AnswerCache(tmp_path / "answers.sqlite")
