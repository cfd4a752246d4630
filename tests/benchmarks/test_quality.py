"""The long benchmark of quality runs to its end, on a tiny model: hours must not be lost to a slip."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.corpus.splits import split
from engine.plan import StudentPlan
from engine.records import TeacherSignal
from tests.benchmarks import held_out, quality, schedules
from tests.students.tiny import MODEL, Made, calm, made, phases, tiny_home

__all__ = ["calm", "made", "tiny_home"]
GIVEN = Namespace(seeds=[0, 1], preset="quick", students=(quality.DEFAULT_STUDENT, quality.LARGER))


@pytest.fixture
def ground(made: Made, monkeypatch: pytest.MonkeyPatch) -> quality.Ground:  # noqa: F811
    n, labels = len(made.corpus), 3
    probs = np.full((n, labels), 0.1)
    probs[np.arange(n), made.truth] = 0.8
    signal = TeacherSignal(probs, np.ones(n), np.ones(n, dtype=int), None, ())
    monkeypatch.setattr(quality, "CURVE", (40, 72))
    otherwise = replace(signal, probs=probs[:, ::-1])  # the large model itself is not asked here
    for name in ("without_adapting", "without_calibration"):
        monkeypatch.setattr(quality, name, lambda on: replace(on, signal=otherwise, made={}))
    monkeypatch.setattr(quality, "plan_of", lambda student, seed, preset, **_: made.plan(
        seed=seed, phases=tuple(p.model_copy(update={"ask_again": False}) for p in phases(1.0)),
        student=StudentPlan(model=MODEL, rank=2 if student.layers else 4, alpha=8)))
    vectors = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    return quality.Ground(made.workspace, made.corpus, np.array(made.truth), split(made.corpus, seed=0),
                          signal, vectors, signal.choice, {})


@pytest.mark.parametrize("part", [quality.answers, quality.seeds, quality.curve, quality.ablation,
                                  quality.pruned], ids=lambda part: part.__name__)
def test_every_part_prints_its_numbers(part, ground: quality.Ground, capsys: pytest.CaptureFixture) -> None:
    part(ground, GIVEN)
    assert "macro-F1" in capsys.readouterr().out


def test_every_schedule_prints_its_numbers(ground: quality.Ground, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(schedules, "plan_of", quality.plan_of)  # that of the tiny model
    schedules.compare(ground, [*schedules.SCHEDULES], [0], 30)
    lines = capsys.readouterr().out.splitlines()
    assert sum("nats" in line for line in lines) == len(schedules.SCHEDULES)


@pytest.mark.parametrize("without", [held_out.without_adapting, held_out.without_calibration],
                         ids=lambda without: without.__name__)
def test_a_part_of_the_asking_is_left_out_by_asking_anew(
        without, ground: quality.Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "DEFAULT_TEACHER", MODEL)
    on = without(ground)
    assert on.signal.probs.shape == (len(ground.corpus), len(held_out.INFORMATION.labels)) and on.made == {}
    np.testing.assert_allclose(on.signal.probs.sum(axis=1), 1, atol=1e-6)
    assert on.signal.hidden is not None and on.parts == ground.parts


def test_a_student_asks_again_as_a_run_does(ground: quality.Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "DEFAULT_TEACHER", MODEL)
    on, learn = held_out.without_adapting(ground), ground.parts.learn
    after, n = on.again(on.signal, np.ones(len(learn), dtype=bool), learn)
    rows = np.flatnonzero(after.asked != on.signal.asked)
    assert 0 < n == len(rows) <= 0.3 * len(learn) and set(rows) <= set(learn)


def test_what_is_asked_again_is_counted(ground: quality.Ground, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(held_out, "DEFAULT_TEACHER", MODEL)
    before, after = held_out.asked_again(ground)
    rows, learn = after.asked != before.asked, list(ground.parts.learn)
    assert 0 < rows[learn].sum() == rows.sum() <= 0.3 * len(learn)
    quality.again(ground, GIVEN)
    assert f"{rows.sum()} of {len(learn)} documents" in capsys.readouterr().out


def test_a_student_is_trained_once(ground: quality.Ground, tmp_path: Path) -> None:
    plan = quality.plan_of(StudentPlan(), 0, "quick")
    assert quality.taught(ground, plan, ground.parts) is quality.taught(ground, plan, ground.parts)
    kept = replace(ground, kept=tmp_path / "kept")
    said = quality.taught(replace(kept, made={}), plan, kept.parts)
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".npy"]  # no training left
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "_taught", None)  # it would fail
        np.testing.assert_array_equal(quality.taught(replace(kept, made={}), plan, kept.parts), said)
        with pytest.raises(TypeError):  # other answers, another student
            other = replace(ground.signal, probs=ground.signal.probs[::-1])
            quality.taught(replace(kept, made={}, signal=other), plan, kept.parts)


def test_training_that_was_broken_off_goes_on(ground: quality.Ground, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    kept, plan = replace(ground, kept=folder), quality.plan_of(StudentPlan(), 0, "quick")
    predict = quality.predict
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "predict", None)  # the machine goes away after the last phase
        with pytest.raises(TypeError):
            quality.taught(replace(kept, made={}), plan, kept.parts)
    trained, steps = [*folder.rglob("done.json")], [*folder.rglob("events.jsonl")][0].read_text()
    assert len(trained) == len(plan.phases)
    with pytest.MonkeyPatch.context() as patch:
        told = []
        patch.setattr(quality, "predict", lambda *given: (told.append([*folder.rglob("events.jsonl")][0]
                                                                      .read_text()), predict(*given))[1])
        quality.taught(replace(kept, made={}), plan, kept.parts)
    assert told[0].count('"step"') == steps.count('"step"')  # not a step more
