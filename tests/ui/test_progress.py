"""What a run shows while it works and after: line of status, bar, timeline, reasons."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engine.jobs.process import Worker
from engine.studio import Studio
from engine.training.gates import Gate, judge
from tests.ui import made_runs
from ui import progress, wording_run


def test_the_timeline_names_every_phase_with_one_sentence(studio: Studio, project: str) -> None:
    run = made_runs.finished(studio, project)
    steps = progress.timeline(studio.status(run), studio.plan(run))
    assert steps.count("<li") == 8 and "31 % → 38 % of the next words" in steps
    ahead = progress.timeline(studio.status(run), studio.plan(run).model_copy(update={"phases": (
        studio.plan(run).phases[0].model_copy(update={"name": "not-begun"}),)}))
    assert "None" not in steps + ahead
    assert wording_run.distil_ahead("all", 1.0, reads=True) == (
        "1 pass over all documents, word by word, before it is taught any answer.")
    assert "60 % agreement on 18 steering documents" in steps and "rolled back" in steps


def test_the_status_line_says_when_it_last_heard_something(studio: Studio, project: str) -> None:
    status = studio.status(made_runs.lost(studio, project))
    alive = SimpleNamespace(state="running", sentence="Foundations: step 3 of 9", age_s=2.2, left_s=240.0,
                            count_left_s=None, elapsed_s=61.0, done=3, total=9, wish=None, stage="training",
                            events=status.events)
    line = progress.status_line(alive)
    assert "updated 2 s ago" in line and "about 4 min left" in line and "33.3%" in line
    assert "left of this step" not in line
    alive.left_s, alive.count_left_s = None, 300.0
    assert "about 5 min left of this step" in progress.status_line(alive)
    alive.age_s, said = 80.0, set[str]()
    for alive.stage in ("", "parts", "asking", "training", "scoring", "take-home"):
        line = progress.status_line(alive)
        assert "quieter than usual" in line
        assert "large" not in line  # it works in one stage only, and not where its answers are recorded
        said.add(line)
    assert len(said) == 5


def test_a_count_stands_beside_what_it_counts_and_a_phase_begins_empty(studio: Studio, project: str) -> None:
    run, plan = made_runs.prepared(studio, project)
    Worker(run.worker).sign_on()
    log = run.event_log

    def line() -> str:
        return progress.status_line(studio.status(run.id))

    log.write("run_started", resumed=False)
    log.write("stage_started", stage="asking", title="Asking the large model")
    log.write("progress", stage="asking", title="Mapping which documents are alike", done=64, total=470)
    assert "<span>Mapping which documents are alike: 64 of 470.</span>" in progress.timeline(
        studio.status(run.id), plan)
    log.write("progress", stage="asking", title="Asking the large model", done=470, total=470)
    assert "<span>470 of 470.</span>" in progress.timeline(studio.status(run.id), plan)
    assert "100.0%" in line()
    log.write("stage_started", stage="training", title="Training the small model")
    assert "width:0.0%" in line() and "valuenow" not in line()
    log.write("progress", stage="training", title="Asking again about documents in doubt", done=9, total=9)
    assert "100.0%" in line()
    log.write("phase_started", phase="breadth", title="Breadth", because="all", index=1)
    assert "width:0.0%" in line()
    log.write("resumed", phase="breadth", step=6, steps=20)  # goes on from a save point
    assert "width:30.0%" in line()
    log.write("step", phase="breadth", step=20, steps=20, title="Breadth", documents_per_s=1.0)
    assert "100.0%" in line()
    log.write("phase_done", phase="breadth", title="Breadth", kept=True, because="", seconds=1, agreement=1.0)
    assert "width:0.0%" in line() and "Breadth: done." in line()


def test_how_documents_are_parted_agrees_with_how_many_are_learned_from() -> None:
    """Copies are parted with the others, and one of each is learned from."""
    said = wording_run.distil_parts({"learn": 313, "steer": 67, "kept_aside": 90})
    assert "313 to learn from" in said and "near-duplicates the small model learns from one" in said


@pytest.mark.parametrize(("lost", "kept"), [(False, True), (True, False)])
def test_how_a_phase_ended_is_said_once(lost: bool, kept: bool) -> None:
    before = Gate(0.43, 0.5, 67, np.repeat((1.0, 0.0), (29, 38)))
    after = Gate(0.58, 0.3, 67, np.repeat((1.0, 0.0), (39, 28)))
    start, end = (after, before) if lost else (before, after)
    judged, because = judge(start, end)
    assert judged == kept
    said = wording_run.distil_phase_done((end if kept else start).agreement, 67, kept, because, 1020.0)
    assert said.count("agreement") == said.count("67") == 1 and "17 min" in said
    assert said.startswith("Kept · 17 min. " if kept else "17 min. ") and because in said
    other = wording_run.distil_phase_done(0.58, 67, False, "nothing is hard: left out.", None)
    assert other == "58 % agreement on 67 steering documents. Nothing is hard: left out."


def test_reasons_are_escaped() -> None:
    hostile = made_runs.HOSTILE
    events = [{"kind": "choice", "what": "machine", "choice": hostile, "because": hostile}]
    assert "<img" not in progress.reasons(events)
