"""The straight line, run by workers that nobody holds by the hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from safetensors.numpy import load_file

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.ingest import ingest
from engine.corpus.store import save_corpus
from engine.errors import RunError
from engine.events import read_events
from engine.jobs.folder import RequestReader, RunFolder, put_request
from engine.jobs.launcher import launch
from engine.jobs.process import Worker
from engine.jobs.status import RunStatus, status
from engine.jobs.worker import work
from engine.models.folders import require
from engine.plan import load_plan, save_plan
from engine.students.base import Student
from engine.students.predicting import predict
from engine.workspace import read_json, write_json
from tests.students.tiny import CPU, FIRST, MODEL, TASK, Made, phases


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Workers inherit it: small models on several threads only wait for each other."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def until(run: RunFolder, wanted: Callable[[RunStatus], bool], seconds: float = 200) -> RunStatus:
    """Watch a run as the page does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = status(run)
        assert now.sentence
        if wanted(now):
            return now
        time.sleep(0.05)
    raise AssertionError(f"{status(run).state}: {status(run).sentence}\n{run.log.read_text()[-3000:]}")


def steps(now: RunStatus) -> int:
    return sum(e["kind"] == "step" for e in now.events)


def adapter(run: RunFolder) -> dict[str, np.ndarray]:
    return load_file(run.student / "adapter_model.safetensors")


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a)


def test_the_whole_line_leaves_what_the_contract_says(made: Made) -> None:
    run = made.run(phases=phases(3.0))
    assert work(run, made.workspace) == "done"
    now = status(run)
    assert now.state == "done" and not run.worker.exists()
    assert [p["name"] for p in now.phases] == ["foundations", "breadth", "hard-cases"]
    looks = [e for e in now.events if e["kind"] == "gate"]
    assert [e["step"] for e in looks].count(0) == 1 and looks[0]["step"] == 0  # told before the first step
    report = read_json(run.report)
    assert looks[0]["agreement"] == pytest.approx(report["phases"][0]["agreement_before"], abs=1e-4)
    for who in ("teacher", "student", "baseline"):
        assert {"accuracy", "macro_f1", "n"} <= report[who].keys() and 0 <= report[who]["accuracy"] <= 1
    assert report["n"] == report["sizes"]["kept_aside"] == report["student"]["n"] == 18
    assert [set(p) >= {"name", "agreement", "kept", "seconds"} for p in report["phases"]] == [True] * 3
    assert 0 < report["seconds"] < 600 and 0.05 < report["peak_memory_gb"] < 20
    assert report["verdict"] == now.sentence and report["agreement"] > 0.5
    assert "18 of 18 answers are the same" in report["reloaded"]

    table = pd.read_parquet(run.predictions)
    assert len(table) == len(made.corpus) and set(table["part"]) == {"learn", "steer", "kept_aside"}
    assert table["id"].tolist() == [d.id for d in made.corpus.documents]
    kept = table[table["part"] == "kept_aside"]
    assert (kept["student"] == kept["teacher"]).mean() == pytest.approx(report["agreement"])
    assert (kept["student"] == kept["gold"]).mean() == pytest.approx(report["student"]["accuracy"])
    assert not table[table["part"] != "learn"]["asked_again"].any()  # frozen
    assert table["asked_again"].sum() == report["asked"]["again"] > 0
    for row in table["student_probs"]:
        assert sum(json.loads(row).values()) == pytest.approx(1, abs=1e-3)

    kept_phases = [p for p in report["phases"] if p["kept"]]
    assert ["kept_aside" in p for p in kept_phases] == [True] * (len(kept_phases) - 1) + [False]
    assert set(table[table["part"] != "kept_aside"]["by_phase"]) == {""}
    earlier = [json.loads(said) for said in kept["by_phase"]]
    for i, phase in enumerate(kept_phases[:-1]):
        assert {said[i][0] for said in earlier} == {phase["title"]}
        same = np.mean([said[i][1] == wanted for said, wanted in zip(earlier, kept["teacher"], strict=True)])
        assert same == pytest.approx(phase["kept_aside"], abs=1e-4)

    student = Student.from_folder(run.student, require(made.workspace.models, MODEL), CPU)
    assert student.settings.cleaning == tuple(DEFAULT_STEPS)
    probs = predict(student, table["text"].tolist())
    assert [TASK.names[i] for i in probs.argmax(1)] == table["student"].tolist()
    assert [student.prompt(t) for t in table["text"]] == table["student_prompt"].tolist()
    card = (run.student / "README.md").read_text(encoding="utf-8")
    assert report["verdict"] in card and str(made.workspace.home) not in card
    assert {p.name for p in (run.path / "take-home").iterdir()} == {"student.zip", "predictions.csv"}


def test_a_run_goes_on_in_the_number_format_it_began_with(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial is timed: between a pause and its end the other format may come out."""
    run = made.run(phases=phases(1.0), device="cpu")
    monkeypatch.delenv("ANON_DTYPE", raising=False)
    monkeypatch.setattr("engine.devices.matmul_trial", lambda: (1.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestReader, "wish", lambda self: "pause" if (run.path / "phases").exists() else None)
        assert work(run, made.workspace) == "paused"
    monkeypatch.setattr("engine.devices.matmul_trial", lambda: (2.0, 1.0))
    assert work(run, made.workspace) == "done"
    chosen = [e for e in read_events(run.events)[0] if e.get("what") == "machine"]
    assert [e["choice"] for e in chosen] == ["cpu, float32"] * 2
    assert "began with float32" in chosen[1]["because"]
    assert read_json(run.student / "anon_student.json")["dtype"] == "float32"
    assert work(made.run("another", phases=phases(1.0)[:1], device="cpu"), made.workspace) == "done"
    other = read_events(made.workspace.project(made.project).runs / "another" / "events.jsonl")[0]
    assert next(e for e in other if e.get("what") == "machine")["choice"] == "cpu, bfloat16"
    monkeypatch.setenv("ANON_DTYPE", "bfloat16")  # who sets it is obeyed
    assert work(run, made.workspace) == "done"
    chosen = [e for e in read_events(run.events)[0] if e.get("what") == "machine"]
    assert chosen[-1]["choice"] == "cpu, bfloat16"


def replaced_at_a_pause(made: Made, file: str, key: str) -> tuple[RunFolder, Path, dict[str, object]]:
    """A run that was paused while it trained, and a model's manifest that is another since; as it was."""
    run = made.run(phases=phases(1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestReader, "wish", lambda self: "pause" if (run.path / "phases").exists() else None)
        assert work(run, made.workspace) == "paused"
    about = made.workspace.models / file
    held = read_json(about)
    write_json(about, held | {key: "other"})
    return run, about, held


def test_a_small_model_that_was_replaced_between_a_pause_and_its_end_is_refused(made: Made) -> None:
    run, about, held = replaced_at_a_pause(made, f"{MODEL}/manifest.json", "digest")
    assert work(run, made.workspace) == "failed"
    assert "not those that this run began" in status(run).error["what"]
    write_json(about, held)
    assert work(run, made.workspace) == "done"


def test_a_large_model_that_was_replaced_is_not_asked_again_and_no_phase_is_lost(made: Made) -> None:
    run, _, _ = replaced_at_a_pause(made, "recordings/tiny.json", "teacher_digest")
    assert work(run, made.workspace) == "done"
    told = next(e for e in read_events(run.events)[0] if e["kind"] == "asked_again")
    assert told["n"] == 0 and "could not be asked again" in told["because"]
    assert "not the model that answered" in told["because"] and read_json(run.report)["asked"]["again"] == 0
    assert len(read_json(run.report)["phases"]) == 3


def test_what_cannot_be_a_small_model_is_found_before_anything_is_asked(made: Made) -> None:
    run = made.run(student=made.plan().student.model_copy(update={"layers": 90}))
    assert work(run, made.workspace) == "failed" and "90 layers" in status(run).error["what"]
    assert not any(e["kind"] == "stage_started" for e in read_events(run.events)[0])


def test_the_peak_of_memory_is_that_of_all_sessions(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made.run(phases=phases(1.0)[:1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestReader, "wish", lambda self: "pause" if (run.path / "phases").exists() else None)
        patch.setattr("engine.pipeline.PeakMemory.peak_gb", 7.25)
        assert work(run, made.workspace) == "paused"
    assert work(run, made.workspace) == "done" and read_json(run.report)["peak_memory_gb"] == 7.25


def test_a_finished_run_run_again_changes_nothing(made: Made) -> None:
    run = made.run(phases=phases()[:1])
    assert work(run, made.workspace) == "done"
    before, weights = read_json(run.report), adapter(run)
    assert work(run, made.workspace) == "done"
    after = read_json(run.report)
    assert same(adapter(run), weights)
    assert {k: v for k, v in after.items() if k not in ("seconds", "peak_memory_gb")} == {
        k: v for k, v in before.items() if k not in ("seconds", "peak_memory_gb")}


def test_changing_every_gold_label_changes_no_weight(made: Made) -> None:
    first = made.run("first", phases=phases())
    work(first, made.workspace)
    folder = made.workspace.project(made.project).corpora / made.corpus.id
    table = made.workspace.home / "documents.csv"
    rows = table.read_text().splitlines()
    wrong = {"flood": "other", "fire": "flood", "other": "fire"}
    table.write_text("\n".join([rows[0], *(
        ",".join([*r.split(",")[:2], wrong[r.split(",")[2]]]) for r in rows[1:])]) + "\n")
    read = ingest([table])
    assert read.corpus.digest == made.corpus.digest  # the documents are what they were
    save_corpus(folder, replace(read, corpus=replace(read.corpus, id=made.corpus.id)))
    second = made.run("second", phases=phases())
    work(second, made.workspace)
    assert same(adapter(first), adapter(second))
    one, two = read_json(first.report), read_json(second.report)
    assert one["agreement"] == two["agreement"] and one["baseline_because"] == two["baseline_because"]
    assert one["student"]["accuracy"] != two["student"]["accuracy"]  # scoring did see them


def test_documents_without_labels_are_distilled_all_the_same(tmp_path: Path) -> None:
    from tests.students.tiny import make_workspace
    made = make_workspace(tmp_path / "home", gold=False)
    run = made.run(phases=phases()[:1])
    assert work(run, made.workspace) == "done"
    report = read_json(run.report)
    assert not report["has_gold"] and report["student"]["macro_f1"] is None and report["student"]["n"] == 0
    assert "without labels" in (run.student / "README.md").read_text()


def test_a_changed_plan_is_refused_for_a_run_that_began(made: Made) -> None:
    run = made.run(phases=phases()[:1])
    work(run, made.workspace)
    save_plan(run.plan, load_plan(run.plan).model_copy(update={"seed": 5}))
    assert work(run, made.workspace) == "failed"
    assert "changed since" in status(run).error["what"] and status(run).error["fix"]


def test_documents_parted_otherwise_by_another_version_are_refused(made: Made) -> None:
    """Or what was kept aside until now would be learned from."""
    run = made.run(phases=phases(1.0)[:1])
    assert work(run, made.workspace) == "done"
    parts = read_json(run.stage("parts"))
    write_json(run.stage("parts"), {**parts, "facts": {**parts["facts"], "digest": "of another version"}})
    run.stage("take-home").unlink()
    assert work(run, made.workspace) == "failed"
    assert "divides the documents differently" in status(run).sentence


def test_a_failure_is_told_in_words_with_the_traceback_in_the_log_only(
    made: Made, capfd: pytest.CaptureFixture[str]
) -> None:
    ask = made.plan().ask
    run = made.run(ask=ask.model_copy(update={"template": FIRST.model_copy(
        update={"text": "Other: " + FIRST.text})}))
    assert work(run, made.workspace) == "failed"
    now = status(run)
    assert now.state == "failed" and "do not cover" in now.error["what"] and now.error["fix"]
    assert "Traceback" in run.log.read_text() and "Traceback" not in capfd.readouterr().err


def test_two_workers_never_share_a_run(made: Made) -> None:
    from filelock import FileLock
    run = made.run()
    with FileLock(run.path / "worker.lock"), pytest.raises(RunError, match="already"):
        work(run, made.workspace)
    assert not run.events.exists() and not run.worker.exists()


STARTER = """
import sys, time
from pathlib import Path
from engine.jobs.folder import RunFolder
from engine.jobs.launcher import launch
from engine.workspace import Workspace
print(launch(RunFolder(Path(sys.argv[1])), Workspace(Path(sys.argv[2]))), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_detached_worker_is_orphaned_paused_killed_resumed_and_done(made: Made) -> None:
    """The same run, undisturbed and mishandled: the same weights to the bit."""
    calm_run = made.run("calm", phases=phases(8.0))
    assert work(calm_run, made.workspace) == "done"

    run = made.run("rough", phases=phases(8.0))
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(run.path), str(made.workspace.home)],
                               stdout=subprocess.PIPE, text=True, start_new_session=True)
    pid = int(starter.stdout.readline())
    assert status(run).state == "running"
    os.killpg(starter.pid, signal.SIGTERM)  # Ctrl-C or a closed terminal reach the whole group
    starter.wait()
    starter.stdout.close()
    assert psutil.pid_exists(pid) and os.getsid(pid) == pid
    until(run, lambda s: steps(s) >= 5)
    assert Worker(run.worker).pid() == pid
    put_request(run, "pause")
    now = until(run, lambda s: s.state == "paused")
    at_pause = steps(now)
    assert [e["request"] for e in now.events if e["kind"] == "request"] == ["pause"]
    assert at_pause >= 5 and list(run.path.glob("phases/*/cursor.json"))

    launch(run, made.workspace)
    assert status(run).state == "running"  # at once, before the worker is up
    with pytest.raises(RunError, match="already"):
        launch(run, made.workspace)
    until(run, lambda s: steps(s) >= at_pause + 5)
    os.kill(Worker(run.worker).pid(), signal.SIGKILL)
    assert until(run, lambda s: s.state == "lost", 10).can == {"resume", "cancel"}

    launch(run, made.workspace)
    now = until(run, lambda s: s.state == "done")
    assert same(adapter(run), adapter(calm_run))
    assert [e["resumed"] for e in now.events if e["kind"] == "run_started"] == [False, True, True]
    assert read_json(run.report)["agreement"] == read_json(calm_run.report)["agreement"]
