"""What changes under a run: its folder is deleted, the clock is set back, documents come in anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.corpus.table import ReadOptions
from engine.errors import RunError
from engine.events import spent_before
from engine.jobs.folder import RunFolder, all_runs
from engine.jobs.status import standing, status
from engine.jobs.worker import work
from engine.plan import load_plan, save_plan
from engine.speeds import measured_speed, note_speed
from engine.studio import Studio
from engine.workspace import Workspace, read_json, write_text
from tests.students.tiny import Made, phases


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run folder with a plan, nothing more."""
    made = RunFolder(tmp_path / "home" / "projects" / "p" / "runs" / "r")
    write_text(made.plan, "format: 1\n")
    return made


def test_a_run_that_is_deleted_meanwhile_is_left_out_or_named(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RunFolder(run.path.with_name("other"))
    write_text(other.plan, "format: 1\n")
    workspace = Workspace(run.path.parents[3])
    glob = Path.glob

    def then_deleted(self: Path, pattern: str) -> list[Path]:
        found = list(glob(self, pattern))
        shutil.rmtree(other.path, ignore_errors=True)
        return found
    listed = all_runs(workspace)
    assert {one.path for one in listed} == {run.path, other.path}
    monkeypatch.setattr(Path, "glob", then_deleted)
    assert [one.path for one in all_runs(workspace)] == [run.path]
    assert [(one.path, now.state) for one, now in standing(listed)] == [(run.path, "new")]
    with pytest.raises(RunError, match="not there any more"):
        status(other)


def test_a_clock_that_is_set_back_takes_nothing_off_the_time_spent(run: RunFolder) -> None:
    times = [(100, "run_started"), (110, "phase_started"), (160, "step"), (20, "step"), (30, "paused"),
             (40, "run_started"), (45, "phase_started"), (50, "step")]
    run.events.write_text("".join(json.dumps({
        "time": time, "kind": kind, "phase": "p", "title": "P", "because": "", "step": 1, "steps": 2,
        "documents_per_s": 1.0}) + "\n" for time, kind in times))
    assert spent_before(run.events, "phase_started", phase="p") == 50 + 10
    assert status(run).elapsed_s == 60 + 10 + 10


@pytest.mark.parametrize("speed", [0.0, -3.0, float("nan"), float("inf")])
def test_what_is_no_speed_is_not_kept(tmp_path: Path, speed: float) -> None:
    space = Workspace(tmp_path)
    note_speed(space, "train", "single_label", "m", 2.0, tokens=10, run="r")
    note_speed(space, "train", "single_label", "m", speed, tokens=10, run="s")
    assert measured_speed(space, "train", "single_label", "m", 10) == 2.0


def test_labels_that_are_not_there_are_told_before_anything_is_asked(made: Made) -> None:
    stops = Studio(made.workspace).preflight(made.plan(gold_column="lable")).problems
    assert any("no labels “lable”" in stop and "There are: label." in stop for stop in stops)
    assert not any("labels" in stop for column in ("label", "")
                   for stop in Studio(made.workspace).preflight(made.plan(gold_column=column)).problems)
    run = made.run(gold_column="lable", phases=phases()[:1])
    assert work(run, made.workspace) == "failed" and "no labels “lable”" in status(run).error["what"]
    assert not run.stage("parts").exists() and not run.stage("asking").exists()
    save_plan(run.plan, load_plan(run.plan).model_copy(update={"gold_column": "label"}))
    assert work(run, made.workspace) == "done" and read_json(run.report)["has_gold"]


def test_documents_added_again_without_labels_cost_a_run_at_work_nothing(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another tab: their content is the same, so is their folder."""
    from engine import pipeline
    studio, train = Studio(made.workspace), pipeline.train_student

    def then_added_again(line: pipeline.Line) -> dict:
        facts = train(line)
        read = studio.read_files([made.workspace.home / "documents.csv"],
                                 ReadOptions(roles={"label": "ignore"}))
        assert read.corpus == made.corpus.id and not read.labels
        studio.use_reading(made.project, read)
        return facts
    calm, run = (made.run(name, gold_column="label", phases=phases()[:1]) for name in ("calm", "added"))
    assert work(calm, made.workspace) == "done"
    monkeypatch.setattr(pipeline, "train_student", then_added_again)
    assert work(run, made.workspace) == "done", status(run).error
    for part in ("student", "teacher", "agreement", "gold_column"):
        assert read_json(run.report)[part] == read_json(calm.report)[part]
