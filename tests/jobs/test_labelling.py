"""Files labelled with a run's small model, in a process of its own: told, found again, stopped, cleared."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from engine.errors import InputError, RunError, SpaceError
from engine.events import read_events
from engine.jobs import asker, labelling
from engine.jobs.folder import RunFolder
from engine.jobs.labelled import LOST, LabelFolder, at_work, labelling_of, places
from engine.jobs.process import START_GRACE_S
from engine.plan import DistillPlan
from engine.students.base import Student
from engine.studio import Studio
from engine.views import Labelling
from engine.workspace import Workspace, write_json
from tests.conftest import wait_for
from tests.students.tiny import CPU, KEYWORDS, MODEL, TASK, Made, phases

ROWS = ["Water in the river and rain", "", "Smoke and flames and heat", "Music at the party", "!!!"]


@pytest.fixture
def run(made: Made, tiny_model) -> RunFolder:
    """A finished run as far as its small model goes: an untaught one, which answers all the same."""
    run = made.run()
    Student.fresh(tiny_model, made.plan().student, TASK, CPU, seed=0).save(run.student)
    write_json(run.report, {"kind": "single_label"})
    run.event_log.write("run_started", resumed=False)
    run.event_log.write("done", sentence="Done.")
    return run


def calls(folder: Path, rows: list[str] = ROWS, name: str = "calls é.csv") -> Path:
    folder.mkdir(exist_ok=True)
    pd.DataFrame({"id": [f"c{i}" for i in range(len(rows))], "text": rows}).to_csv(folder / name, index=False)
    return folder / name


def many(n: int) -> list[str]:
    words = [word for row in KEYWORDS for word in row]
    return [" ".join(words[(i * k) % len(words)] for k in range(1, 40)) + f" number {i}" for i in range(n)]


def ended(run: RunFolder, seconds: float = 120) -> Labelling:
    def runs() -> bool:
        now = labelling_of(run)
        return now is not None and now.state == "running"
    wait_for(lambda: not runs(), seconds, "the labelling did not end")
    now = labelling_of(run)
    assert now is not None
    return now


def plan(made: Made) -> DistillPlan:
    return made.plan(phases=phases(1.0, representations=0.0)[:1])


def test_files_of_several_kinds_become_one_table(made: Made, run: RunFolder, tmp_path: Path) -> None:
    studio = Studio(made.workspace)
    assert studio.labelling_status(run.id) is None
    brought = tmp_path / "brought"
    table, notes = calls(brought), brought / "notes.txt"
    notes.write_text("Ash and smoke over the valley, roads are closed since the morning.\n")
    with zipfile.ZipFile(brought / "more.zip", "w") as packed:
        packed.writestr("in/messages.jsonl", "".join(f'{{"text": "Boat {i} on the river"}}\n'
                                                     for i in range(12)))
    broken = brought / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 cut short")
    studio.start_labelling(run.id, [table, notes, brought / "more.zip", broken])
    assert studio.labelling_status(run.id).state == "running"
    for file in brought.iterdir():  # an upload goes when its page is closed
        file.unlink()
    done = ended(run)
    assert done.state == "done", (places(run)[0].path / "worker.log").read_text()
    assert done.files == ("calls é.csv", "notes.txt", "more.zip", "broken.xlsx")
    assert done.documents == 16 and done.rows_read == 18 and sum(done.dropped.values()) == 2
    assert [what for what, _ in done.refused] and "broken.xlsx" in done.refused[0][0] and done.refused[0][1]
    assert done.table.name == "calls-é-and-3-more-labelled.csv"
    assert done.table.read_bytes().startswith(b"\xef\xbb\xbf")  # for the program analysts open it with
    rows = pd.read_csv(done.table, encoding="utf-8-sig")
    assert len(rows) == 16 and set(rows["answer"]) <= {"flood", "fire", "other"}
    assert rows["confidence"].between(1 / 3 - 0.01, 1).all()
    assert dict(done.found) == {name: int((rows["answer"] == name).sum()) for name in TASK.names}
    assert [n for _, n in done.found] == sorted((n for _, n in done.found), reverse=True)
    assert done.unsure == int((rows["confidence"] < 0.5).sum())
    assert [one["text"] for one in done.first] == rows["text"].tolist()[:5]
    assert done.kind == "single_label" and done.first[0]["confidence"] == rows["confidence"][0]
    place = places(run)[0]
    wait_for(lambda: not place.worker.path.exists(), 60,  # the table is told of before that
             "its process did not sign off")
    assert sorted(p.name for p in place.path.iterdir()) == sorted(
        ["events.jsonl", "worker.log", "result.json", done.table.name])
    stages = [e["stage"] for e in read_events(place.log)[0] if e["kind"] == "progress"]
    assert list(dict.fromkeys(stages)) == ["loading", "reading", "duplicates", "answering"]
    assert place.path.is_relative_to(run.path / "labelled") and run.report.exists()
    assert Studio(made.workspace).labelling_status(run.id) == done  # whoever comes again finds it
    studio.start_labelling(run.id, [calls(brought)])
    second = ended(run)
    assert second.earlier == (done.table,) and done.table.exists() and second.files == ("calls é.csv",)
    assert second.table.name == "calls-é-labelled.csv"


def test_one_at_a_time_and_the_others_are_told_by_what(made: Made, run: RunFolder, tmp_path: Path) -> None:
    studio, busy = Studio(made.workspace), made.run("busy")
    busy.event_log.write("launched", requests=0)
    with pytest.raises(RunError, match=f"{busy.id} is running"):
        studio.start_labelling(run.id, [calls(tmp_path)])
    assert labelling_of(run) is None and not (run.path / "labelled").exists()
    busy.event_log.write("cancelled")
    with pytest.raises(RunError, match="no report yet"):
        studio.start_labelling(busy.id, [calls(tmp_path)])
    studio.start_labelling(run.id, [calls(tmp_path, many(6000))])
    for press in (lambda: studio.start(plan(made)), lambda: asker.call(made.workspace, {}),
                  lambda: studio.start_labelling(run.id, [calls(tmp_path)])):
        with pytest.raises(RunError, match=f"labelled with the small model of the run {run.id}") as told:
            press()
        assert "stop it in Take home" in told.value.fix
    studio.stop_labelling(run.id)
    assert at_work(made.workspace) is None


def test_another_visitors_labelling_is_not_named(made: Made, run: RunFolder, tmp_path: Path) -> None:
    home = tmp_path / "all"
    theirs = home / "visitors" / ("a" * 32)
    theirs.parent.mkdir(parents=True)
    made.workspace.home.rename(theirs)
    mine = Workspace(home / "visitors" / ("b" * 32), home)
    place = LabelFolder(theirs / run.path.relative_to(made.workspace.home) / "labelled" / "1")
    write_json(place.order, {"files": ["secret.csv"], "text_column": ""})
    place.event_log.write("launched", files=["secret.csv"])
    with pytest.raises(RunError, match="Another visitor") as told:
        asker.call(mine, {})
    assert run.id not in told.value.lines() and "secret" not in told.value.lines()
    place.worker.sign_on()
    with pytest.raises(RunError, match="Another visitor"):
        asker.call(mine, {})
    write_json(place.result, {})
    assert at_work(mine) is None


def ordered(run: RunFolder, *files: Path) -> LabelFolder:
    """What `start` leaves, without a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelling, "spawn", lambda *_: 1)
        labelling.start(Workspace(run.path), run, files)
    return places(run)[0]


def damaged(made: Made, run: RunFolder, folder: Path) -> Path:
    (folder / "damaged.xlsx").write_bytes(b"PK\x03\x04 cut short")
    return folder / "damaged.xlsx"


def empty(made: Made, run: RunFolder, folder: Path) -> Path:
    return calls(folder, ["", " ", "..."])


def without_base(made: Made, run: RunFolder, folder: Path) -> Path:
    (made.workspace.models / MODEL).rename(folder / "away")
    return calls(folder)


def without_student(made: Made, run: RunFolder, folder: Path) -> Path:
    run.student.rename(folder / "student-away")
    return calls(folder)


@pytest.mark.parametrize(("harm", "what", "fix"), [
    (damaged, "damaged.xlsx", "again"), (empty, "No column in this file holds text", "column"),
    (without_base, MODEL, "Known names"), (without_student, "no small model", "folder")])
def test_what_goes_wrong_is_said_in_words(made: Made, run: RunFolder, tmp_path: Path, harm, what: str,
                                          fix: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    place = ordered(run, harm(made, run, folder))
    assert labelling.work(place, made.workspace) == "failed"
    now = labelling_of(run)
    assert now.state == "failed" and what in now.error[0] and fix in now.error[2] and now.error[1]
    assert "Traceback" not in " ".join(now.error)
    assert not place.files.exists() and not place.order.exists() and at_work(made.workspace) is None
    with pytest.raises(RunError, match="Nothing is being labelled"):
        labelling.stop(run)


@pytest.mark.parametrize(("problem", "words"), [
    (OSError(28, "No space left"), "The disk is full"), (MemoryError(), "out of memory"),
    (KeyError("secret"), "Something unexpected happened (KeyError)")])
def test_so_is_what_the_machine_refuses(made: Made, run: RunFolder, tmp_path: Path, problem: BaseException,
                                        words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ordered(run, calls(tmp_path / "in"))

    def fails(*_: object) -> None:
        raise problem
    monkeypatch.setattr("engine.export.tables.write_predictions", fails)
    try:
        assert labelling.work(place, made.workspace) == "failed"
    except KeyError:
        assert isinstance(problem, KeyError)
    now = labelling_of(run)
    assert now.state == "failed" and words in now.error[0]
    assert "secret" not in " ".join(now.error) and not place.worker.path.exists()


def test_a_killed_one_is_lost_and_its_leftovers_go_when_the_next_begins(made: Made, run: RunFolder,
                                                                        tmp_path: Path) -> None:
    place = ordered(run, calls(tmp_path / "in"))
    assert labelling_of(run).state == "running" and at_work(made.workspace) == place
    write_json(place.worker.path, {"pid": 2**22 + 1, "created": 0.0, "host": os.uname().nodename})
    place.event_log.write("progress", stage="answering", done=1, total=3, left_s=4.0)
    now = labelling_of(run)
    assert now.state == "lost" and now.error == LOST and now.files == ("calls é.csv",)
    assert at_work(made.workspace) is None
    Studio(made.workspace).start_labelling(run.id, [calls(tmp_path / "in")])
    assert ended(run).state == "done" and len(places(run)) == 1
    assert [e["kind"] for e in read_events(places(run)[0].log)[0]].count("launched") == 1


def test_what_is_told_of_a_table_may_be_damaged(run: RunFolder, tmp_path: Path) -> None:
    place = ordered(run, calls(tmp_path / "in"))
    place.result.write_text('{"table": ')
    now = labelling_of(run)
    assert now.state == "failed" and "result.json is damaged" in now.error[0] and now.error[2]
    write_json(run.path / "labelled" / "30000101-000000" / "order.json", {"files": [], "text_column": ""})
    newer = places(run)[0]
    newer.event_log.write("failed", what="No.", safe="Kept.", fix="Again.")
    assert labelling_of(run).earlier == ()


def test_one_that_never_came_up_is_lost_after_a_while(run: RunFolder, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(run, calls(tmp_path / "in"))
    later = time.time() + START_GRACE_S + 1
    monkeypatch.setattr("engine.jobs.labelled.time.time", lambda: later)
    assert labelling_of(run).state == "lost"


def test_what_cannot_be_begun_leaves_nothing(made: Made, run: RunFolder, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(made.workspace)
    with pytest.raises(InputError, match="No file"):
        studio.start_labelling(run.id, [])
    with pytest.raises(InputError, match="no longer at hand"):
        studio.start_labelling(run.id, [calls(tmp_path / "in"), tmp_path / "gone.csv"])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(labelling.os, "link", full)
    monkeypatch.setattr(labelling.shutil, "copyfile", full)
    with pytest.raises(SpaceError, match="disk is full"):
        studio.start_labelling(run.id, [calls(tmp_path / "in")])
    assert not list((run.path / "labelled").iterdir()) and labelling_of(run) is None


def test_where_no_second_name_can_be_given_files_are_copied(run: RunFolder, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")
    monkeypatch.setattr(labelling.os, "link", no_links)
    file = calls(tmp_path / "in")
    assert (ordered(run, file).files / "0" / file.name).read_bytes() == file.read_bytes()


def test_how_long_is_left_follows_the_characters_not_the_count(run: RunFolder, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    place = ordered(run, calls(tmp_path / "in"))
    place.worker.sign_on()
    now = [100.0]
    monkeypatch.setattr("engine.jobs.labelling.time.monotonic", lambda: now[0])
    tell = labelling._Progress(place)
    tell.begin([960, 60, 60, 60])  # with the question around each: 1000 and three times 100
    now[0] += 30
    tell.answered(3, 4)
    told = labelling_of(run)
    assert (told.stage, told.done, told.total) == ("answering", 3, 4)
    assert told.left_s == pytest.approx(100, abs=1)


def test_watching_needs_no_model_library() -> None:
    code = "import json, sys, engine.jobs.labelling; print(json.dumps('torch' in sys.modules))"
    root = Path(labelling.__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "false"


def test_one_that_signs_on_while_it_is_looked_at_is_neither_lost_nor_free(
        made: Made, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it lives is asked last: a process may sign on between two questions."""
    place = ordered(run, calls(tmp_path / "in"))
    looks: list[bool] = []

    def alive(worker: object) -> bool:
        looks.append(place.worker.path.exists())
        if not looks[-1] and len(looks) > 1:
            place.worker.path.write_text("{}")  # it signs on as it is looked at, a moment too late
        return looks[-1]
    monkeypatch.setattr("engine.jobs.process.Worker.alive", alive)
    assert labelling_of(run).state == "running" and at_work(made.workspace)
