"""Every kind of question goes down the same line: several labels, texts, an encoder that reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.table import ReadOptions
from engine.errors import SettingsError
from engine.evaluation.labelled import answered_typed
from engine.events import read_events
from engine.export.labelling import export_student, label_files, open_student
from engine.jobs.folder import RequestReader, RunFolder
from engine.jobs.worker import work
from engine.models.folders import require
from engine.plan import ENCODER, STUDENT_PROMPTS, StudentPlan
from engine.students.base import Student
from engine.students.predicting import predict
from engine.tasks.definition import Field, Task
from engine.workspace import read_json, write_json
from tests.students.taught import ASKED, LINE, ONE, SEVERAL, WRITTEN, with_encoder
from tests.students.tiny import CPU, MODEL, Made


def done(run: RunFolder, made: Made) -> tuple[dict, pd.DataFrame]:
    assert work(run, made.workspace) == "done", run.event_log.path.read_text()[-2000:]
    return read_json(run.report), pd.read_parquet(run.predictions)


def file_of(made: Made, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    target = folder / "more.csv"
    pd.DataFrame({"text": made.corpus.texts[:5]}).to_csv(target, index=False)
    return target


def test_several_labels_from_asking_to_a_labelled_file(large: Made, tmp_path: Path) -> None:
    run = large.run(task=SEVERAL, ask=ASKED, phases=tuple(
        p.model_copy(update={"passes": 3 * p.passes}) for p in ONE))
    report, table = done(run, large)
    assert report["several"] and report["kind"] == "multi_label" and report["confusion"] is None
    assert report["n"] == 18 and 0 <= report["agreement_f1"] <= 1
    learned = table[table["part"] == "learn"]  # the 18 kept aside are too few for a tiny model: it may guess
    always_the_commonest = learned["teacher"].value_counts(normalize=True).max()
    assert (learned["teacher"] == learned["student"]).mean() > always_the_commonest + 0.2
    steps = [e for e in read_events(run.event_log.path)[0] if e["kind"] == "step"]
    assert {"outputs", "representations"} <= steps[0].keys() and "way" in steps[-1]
    assert steps[-1]["outputs"] < steps[0]["outputs"]
    kept = table[table["part"] == "kept_aside"]
    assert (kept["teacher"] == kept["student"]).mean() == pytest.approx(report["agreement"])
    for row, said in zip(table["student_probs"], table["student"], strict=True):
        yes = [name for name, p in json.loads(row).items() if p >= 0.5]
        assert said == ("; ".join(yes) or "none")
    assert "18 of 18 answers are the same" in report["reloaded"]
    told: list[tuple[str, int, int]] = []
    result = label_files(large.workspace, run.student, [file_of(large, tmp_path / "in")],
                         tmp_path / "out.csv", ReadOptions(), lambda *how_far: told.append(how_far))
    assert result["documents"] == 5
    assert [one for one in told if one[0] == "Answering"][-1] == ("Answering", 5, 5)
    answers = pd.read_csv(tmp_path / "out.csv", encoding="utf-8-sig", keep_default_na=False)
    assert answers["answer"].tolist() == table["student"].tolist()[:5]


def test_at_home_texts_are_cleaned_as_those_it_learned_from(large: Made, tmp_path: Path) -> None:
    run = large.run(phases=ONE[:1])
    done(run, large)
    settings = run.student / "anon_student.json"
    held = read_json(settings)
    assert held["cleaning"] == list(DEFAULT_STEPS)
    write_json(settings, held | {"cleaning": [*held["cleaning"], "private"]})  # as of a masked upload
    (tmp_path / "calls.csv").write_text("text\n" + "\n".join(
        f"RT @a: boat {i} needed call +509 3412-56{i}" for i in range(20, 40)))
    read = []

    def watched(student: Student, texts: list[str], *_: object) -> np.ndarray:
        read.extend(texts)
        return predict(student, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.export.labelling.predict", watched)
        label_files(large.workspace, run.student, [tmp_path / "calls.csv"], tmp_path / "out.csv",
                    ReadOptions())
    assert read[0] == "boat 20 needed call (phone)" and not any("3412" in text for text in read)
    write_json(settings, held | {"repair": True})  # as of an upload whose letters were mended
    (tmp_path / "calls.csv").write_text("text\n" + "\n".join(
        f"inundaciÃ³n en la calle {i}" for i in range(20, 40)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.export.labelling.predict", watched)
        label_files(large.workspace, run.student, [tmp_path / "calls.csv"], tmp_path / "out.csv",
                    ReadOptions())
    assert read[-20] == "inundación en la calle 20"
    mended = open_student(large.workspace, run.student)
    assert answered_typed(mended, "inundaciÃ³n aquí")[1].tolist() == predict(
        mended, ["inundación aquí"])[0].tolist()
    write_json(settings, held | {"cleaning": [*held["cleaning"], "private"]})
    student = open_student(large.workspace, run.student)
    typed = answered_typed(student, "RT @a: boat needed call +509 3412-5620")[1]
    assert typed.tolist() == predict(student, ["boat needed call (phone)"])[0].tolist()
    long = " ".join(["Flood water rises."] * 100 + ["Fire and smoke."] * 100)  # in pieces, merged
    whole = answered_typed(student, long)[1]
    links = " ".join(["https://t.co/abc"] * 150)  # of which cleaning leaves nothing
    read.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.evaluation.labelled.predict", watched)
        answered_typed(student, f"{long} {links}")
    assert len(read) > 1 and all(read)
    assert whole.sum() == pytest.approx(1) and not np.allclose(whole, predict(student, [long])[0])


def test_labels_of_an_upload_score_several_categories(large: Made) -> None:
    """Each document of the upload carries one of the names: they are scored, and change no weight."""
    run = large.run(task=SEVERAL, ask=ASKED, phases=ONE[:1])
    report, _ = done(run, large)
    assert report["has_gold"] and report["n_gold"] == 18
    assert len(report["student"]["per_label"]) == 3
    assert 0 <= report["student"]["macro_f1"] <= 1 and report["student_minus_baseline"]["n"] == 18


@pytest.mark.parametrize(("outputs", "loss"), [(1.0, "forward_kl"), (0.0, "forward_kl"),
                                               (1.0, "sorted_distance")])
def test_answers_in_writing_from_asking_to_a_labelled_file(
    large: Made, tmp_path: Path, outputs: float, loss: str
) -> None:
    with_encoder(large)
    moves = outputs > 0 and loss != "sorted_distance"
    wanted = tuple(p.model_copy(update={"text": 0.5, "outputs": outputs, "slice": "all", "passes": 8.0,
                                        "taid": p.taid and moves}) for p in ONE)
    run = large.run(task=LINE, ask=WRITTEN, phases=wanted, output_loss=loss,
                    student=StudentPlan(model=MODEL, rank=8, alpha=16, prompt=STUDENT_PROMPTS["generate"]))
    report, table = done(run, large)
    assert report["kind"] == "generate" and report["n"] > 10 and not report["has_gold"]
    steps = [e for e in read_events(run.event_log.path)[0] if e["kind"] == "step"]
    assert ("outputs" in steps[0]) == bool(outputs) and {"text", "representations"} <= steps[0].keys()
    assert steps[-1]["text"] < 0.8 * steps[0]["text"]
    assert report["phases"][-1]["agreement"] > report["phases"][0]["agreement_before"]
    end = read_json(run.student / "anon_student.json")["end_token"]
    assert end == (1 if moves else None)  # where answers learned from end in the teacher's tokens
    kept = table[(table["part"] == "kept_aside") & (table["teacher"] != "")]
    assert len(kept) == report["n"] and kept["student"].str.len().gt(0).any()
    assert f"{report['n']} of {report['n']} answers are the same" in report["reloaded"]
    signal = load_file(run.path / "signal.safetensors")
    assert ("token_ids" in signal) and signal["sureness"].max() <= 1
    label_files(large.workspace, run.student, [file_of(large, tmp_path / "in")], tmp_path / "out.jsonl",
                ReadOptions())
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 5 and all("answer" in line for line in lines)


def test_words_read_once_are_not_read_again(large: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    with_encoder(large)
    fields = {"task": LINE, "ask": WRITTEN, "phases": tuple(
        p.model_copy(update={"passes": 1.0}) for p in ONE[:1])}
    first, _ = done(large.run("first", **fields), large)

    def never(*_: object) -> None:
        raise AssertionError("read again")
    monkeypatch.setattr("engine.teachers.local.list_answers", never)
    second, _ = done(large.run("second", **fields), large)
    assert first["agreement"] == second["agreement"]
    runs = large.workspace.project(large.project).runs
    told = read_json(runs / "second" / "stages" / "asking.json")["facts"]
    assert told["from_cache"] == told["prompts"] and told["documents_per_s"] is None  # nothing was asked
    one, two = (load_file(large.workspace.project(large.project).runs / name / "signal.safetensors")
                for name in ("first", "second"))
    assert one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)


def test_an_encoder_learns_labels_and_is_taken_home(large: Made, tmp_path: Path) -> None:
    with_encoder(large)
    fields = {"student": StudentPlan(model=ENCODER, rank=4, alpha=8), "phases": tuple(
        p.model_copy(update={"learning_rate": 3e-3, "passes": 3.0}) for p in ONE)}
    run = large.run(**fields)
    report, table = done(run, large)
    assert report["agreement"] > 0.5 and "18 of 18 answers are the same" in report["reloaded"]
    assert (run.student / "head.safetensors").exists()
    label_files(large.workspace, run.student, [file_of(large, tmp_path / "in")], tmp_path / "out.csv",
                ReadOptions())
    answers = pd.read_csv(tmp_path / "out.csv", encoding="utf-8-sig")
    assert answers["answer"].tolist() == table["student"].tolist()[:5]
    with pytest.raises(Exception, match="cannot be merged"):
        export_student(large.workspace, run.student, tmp_path / "merged", merged=True)


def test_an_encoder_paused_and_resumed_is_the_same_to_the_bit(large: Made) -> None:
    """Encoders come with dropout of their own; nothing that a save point does not know may decide."""
    with_encoder(large)
    fields = {"student": StudentPlan(model=ENCODER, rank=4, alpha=8), "phases": ONE[:1]}
    straight, broken = large.run("straight", **fields), large.run("broken", **fields)
    done(straight, large)
    looks = iter(range(1_000))

    def wish(reader: RequestReader) -> str | None:  # noqa: ARG001 - stands for a method
        return "pause" if sum(e["kind"] == "step" for e in read_events(broken.events)[0]) == 3 and (
            next(looks) == 0) else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestReader, "wish", wish)
        assert work(broken, large.workspace) == "paused"
    done(broken, large)
    one, two = (load_file(run.student / "adapter_model.safetensors") for run in (straight, broken))
    assert one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)


def test_an_encoder_cannot_write(large: Made) -> None:
    with_encoder(large)
    from engine.students.opening import fresh_student
    with pytest.raises(SettingsError, match="cannot write"):
        fresh_student(require(large.workspace.models, ENCODER), StudentPlan(model=ENCODER),
                      Task(id="facts", kind="extract", question="What?", fields=(Field(name="place"),)), CPU,
                      0)
