"""One part left out at a time: variants differ in that part only, run to the end, and are told."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ablations import FULL, row, table, variants
from engine.jobs.worker import work
from engine.plan import STUDENT_PROMPTS, AskPlan, DistillPlan, Preset, StudentPlan
from engine.presets import phases_for
from engine.prompts.library import DEFAULTS, built_in
from engine.tasks.definition import Field, TaskKind
from engine.workspace import read_json
from tests.students.tiny import AGAIN, FIRST, MODEL, READING, TASK, Made, calm, made, phases, tiny_home

__all__ = ["calm", "made", "tiny_home"]


@pytest.fixture
def plan(made: Made) -> DistillPlan:
    return made.plan(ask=AskPlan(teacher=MODEL, template=FIRST, candidates=(AGAIN,), budget=4))


def test_each_variant_lacks_one_part(plan: DistillPlan) -> None:
    found = variants(plan)
    assert list(found) == [FULL, "without representations", "without phases", "without adaptive prompts",
                           "without calibration", "hard labels only"]
    assert found[FULL] == plan
    assert not found["without representations"].wants_hidden and plan.wants_hidden
    assert [p.slice for p in found["without phases"].phases] == ["all"]
    assert found["without phases"].phases[0].passes == pytest.approx(0.7 + 1.0 + 0.7)
    once = found["without phases"].phases[0]
    for name in ("outputs", "representations", "learning_rate"):  # as much of it in all
        assert getattr(once, name) == pytest.approx(np.average(
            [getattr(p, name) for p in plan.phases], weights=[p.passes for p in plan.phases]))
    assert found["without adaptive prompts"].ask.candidates == ()
    assert not any(p.ask_again for p in found["without adaptive prompts"].phases)
    assert not found["without calibration"].ask.calibrate
    assert found["hard labels only"].targets == "hard"
    for one in found.values():
        one.check()
        assert (one.seed, one.corpus, one.task) == (plan.seed, plan.corpus, plan.task)
        assert one.student == plan.student


def test_reading_first_is_a_part_of_its_own(made: Made) -> None:
    found = variants(made.plan(phases=(READING, *phases())))
    assert [p.reads for p in found[FULL].phases] == [True, False, False, False]
    assert found["without reading first"].phases == phases()
    assert [(p.name, p.reads) for p in found["without phases"].phases] == [
        ("reading", True), ("all-at-once", False)]
    assert found["without phases"].phases[1] == variants(made.plan())["without phases"].phases[0]
    assert found["without representations"].phases[0] == READING
    for one in found.values():
        one.check()
    alone = variants(made.plan(phases=(READING, phases()[1])))
    assert "without phases" not in alone and "without reading first" in alone


def test_without_representations_nothing_says_how_to_compare_them(made: Made) -> None:
    plan = made.plan(representation_loss="mse")
    for name, one in variants(plan).items():
        one.check()
        assert (one.representation_loss == "mse") == one.wants_hidden == (name not in (
            "without representations", "hard labels only"))


def test_a_part_that_is_not_there_is_not_left_out(made: Made) -> None:
    plain = made.plan(phases=(phases(1.0, representations=0.0)[1],))
    for preset in ("custom", "quick"):  # what a plan calls itself is no part of it
        assert list(variants(plain.model_copy(update={"preset": preset}))) == [
            FULL, "without calibration", "hard labels only"]


@pytest.mark.parametrize("preset", ["quick", "balanced"])
@pytest.mark.parametrize(("kind", "tokens"), [
    ("single_label", True), ("multi_label", True), ("extract", True), ("extract", False), ("generate", True),
    ("generate", False)])
def test_every_variant_of_every_preset_can_run_and_is_another_plan(
    made: Made, preset: Preset, kind: TaskKind, tokens: bool
) -> None:
    task = TASK.model_copy(update={"kind": kind, **(
        {"labels": (), "fields": (Field(name="place"),) if kind == "extract" else ()}
        if kind in ("extract", "generate") else {})})
    template = next(t for t in built_in() if t.id == DEFAULTS[kind].partition("@")[0])
    plan = made.plan(task=task, preset=preset, ask=AskPlan(teacher=MODEL, template=template),
                     student=StudentPlan(model=MODEL, prompt=STUDENT_PROMPTS[kind]),
                     phases=tuple(p.model_copy(update={"ask_again": kind == "single_label" and p.ask_again})
                                  for p in phases_for(preset, kind, tokens=tokens)))
    found = variants(plan)
    for name, one in found.items():
        one.check()
        assert one.wants_tokens <= plan.wants_tokens, name
    alike = [one.model_copy(update={"preset": "custom"}) for one in found.values()]
    assert all(a != b for i, a in enumerate(alike) for b in alike[:i])
    assert ("hard labels only" in found) == (kind in ("single_label", "multi_label"))


def test_every_variant_runs_and_the_table_tells(made: Made, plan: DistillPlan) -> None:
    rows, asked = [], {}
    for i, (name, one) in enumerate(variants(plan).items()):
        run = made.run(f"run-{i}", **one.model_dump())
        assert work(run, made.workspace) == "done"
        asked[name] = read_json(run.stage("asking"))["facts"]
        rows.append(row(name, read_json(run.report)))
    assert "ways" in asked[FULL] and "ways" not in asked["without adaptive prompts"]
    assert asked["without calibration"]["set_right"] == "left as they are: the plan says so"
    for name in ("without representations", "without phases", "hard labels only"):  # nothing is asked twice
        assert asked[name]["from_cache"] == asked[name]["prompts"]
    told = table(rows)
    assert all(name in told for name in variants(plan)) and f"n = {rows[0]['n']}" in told
    assert np.isfinite([r["agreement"] for r in rows]).all()


def test_an_upload_without_labels_has_no_score_to_show() -> None:
    report = {"n": 20, "agreement": 0.8, "agreement_interval": {"low": 0.7, "high": 0.9}, "seconds": 12.3,
              "student": {"macro_f1": None, "macro_f1_interval": None}, "teacher": {"macro_f1": None}}
    told = table([row(FULL, report)])
    assert "0.800 (0.70–0.90)" in told and "–" in told
