"""Inner states learned without anchors: however cut, resumed to the bit, with nothing of it taken home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import SettingsError
from engine.events import read_events
from engine.jobs.worker import work
from engine.losses.needs import RepresentationLossName
from engine.models.folders import ModelFolder, open_folder
from engine.phase_plan import PhasePlan
from engine.plan import STUDENT_PROMPTS, StudentPlan
from engine.progress import Interrupted
from engine.students.base import Student
from engine.students.opening import open_student
from engine.training.anchors import present_states
from engine.training.hints import Hints, Projecting, Projection, enough_together, saved_projection
from engine.training.lessons import LabelLesson, Lesson, Moment, TextLesson
from engine.training.loop import _Progress, _step
from engine.training.ranks import ALONE, Ranks
from engine.workspace import read_json
from tests.students.tiny import CPU, MODEL, TASK, Made, documents, phases
from tests.training.test_phased import after, events, training, weights

PHASE = PhasePlan(name="one", title="One", slice="all", passes=1, learning_rate=1e-3, representations=0.4)
PROJECTED: tuple[RepresentationLossName, ...] = ("cosine", "mse")
TEXTS, TRUTH = documents(12)
STATES = torch.randn(12, 2, 5, generator=torch.Generator().manual_seed(0)) + 9
ROWS = [4, 9, 0, 2, 11, 7, 5]
LINE = TASK.model_copy(update={"kind": "generate", "labels": ()})
TWICE = tuple(phase.model_copy(update={"representations": 0.3}) for phase in phases(1.0)[:2])


def student_of(folder: ModelFolder, writes: bool = False) -> Student:
    task = LINE if writes else TASK
    plan = StudentPlan(model=MODEL, rank=4, alpha=8, prompt=STUDENT_PROMPTS[task.kind])
    student = Student.fresh(folder, plan, task, CPU, seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in student.adapter_parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return student


def lesson_of(student: Student, name: RepresentationLossName, writes: bool = False) -> Lesson:
    ids, hints = [student.encode(text) for text in TEXTS], Hints.of(name, STATES, (0.5, 1.0))
    if writes:
        answers = [student.encode_answer(" ".join(text.split()[:1 + i % 4])) for i, text in enumerate(TEXTS)]
        return TextLesson(ids, answers, hints=hints)
    return LabelLesson(ids, 0.2 / 3 + 0.8 * torch.eye(3)[TRUTH], hints=hints)


def projection_of(student: Student, lesson: Lesson, seed: int = 0) -> Projection:
    states = present_states(lambda rows: lesson.states(student, rows), lesson.lengths, 256, range(12))
    return Projection.fresh(states, 5, seed)


def gradients(made: Made, student: Student, lesson: Lesson, ranks: Ranks = ALONE,
              **changes: Any) -> tuple[torch.Tensor, dict[str, float]]:
    """Of the adapter and the projection, one behind the other; and the terms."""
    writes = isinstance(lesson, TextLesson)
    phase = PHASE.model_copy(update={"text": 1.0, "outputs": 0.0} if writes else {})
    progress = _Progress([])
    if lesson.hints.projects:
        progress.projecting = Projecting(projection_of(student, lesson), 5, 0.1)
    for parameter in student.adapter_parameters():
        parameter.grad = None
    values = _step(student, made.plan(**changes), phase, lesson, progress, ROWS, torch.linspace(0.5, 1.7, 7),
                   ranks)
    trained = [*student.adapter_parameters(),
               *([progress.projecting.projection.maps] if progress.projecting else [])]
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained]), values


@pytest.mark.parametrize("writes", [False, True], ids=["chosen", "written"])
@pytest.mark.parametrize("name", PROJECTED)
def test_of_projected_losses_the_cut_into_micro_batches_and_shares_does_not_show(
    made: Made, tiny_model: ModelFolder, name: RepresentationLossName, writes: bool,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of CKA: it is a property of the documents that are in memory together."""
    student = student_of(tiny_model, writes)
    lesson = lesson_of(student, name, writes)
    whole, values = gradients(made, student, lesson, micro_batch=8)
    assert 0.1 < values["representations"] < 4 and len(values) == 2
    for size in (1, 3):
        cut, other = gradients(made, student, lesson, micro_batch=size)
        torch.testing.assert_close(cut, whole, atol=2e-6, rtol=1e-4)
        assert other == pytest.approx(values, abs=2e-5)
    monkeypatch.setattr(Ranks, "total", lambda _, value: value)
    parts = [gradients(made, student, lesson, Ranks(rank, 3)) for rank in range(3)]
    torch.testing.assert_close(sum(grads for grads, _ in parts), whole, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("name", PROJECTED)
def test_of_projected_losses_what_stands_beside_a_row_does_not_show(
    tiny_model: ModelFolder, name: RepresentationLossName
) -> None:
    student = student_of(tiny_model)
    lesson = lesson_of(student, name)
    moment = Moment(PHASE, "forward_kl", projection=projection_of(student, lesson))
    together = lesson.losses(student, list(range(12)), moment)["representations"]
    for row in (0, 5, 11):
        alone = lesson.losses(student, [row], moment)["representations"]
        torch.testing.assert_close(alone[0], together[row], atol=3e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["cosine", "mse", "cka"])
def test_a_models_own_states_have_a_slope(tiny_model: ModelFolder, name: RepresentationLossName) -> None:
    """Not on rows made up for the purpose: on what a model makes of documents."""
    student = student_of(tiny_model)
    lesson = lesson_of(student, name)
    states = lesson.states(student, ROWS).detach().requires_grad_()
    projection = projection_of(student, lesson) if lesson.hints.projects else None
    loss = lesson.hints.loss(states, ROWS, projection)
    assert loss.shape == (7,) and (loss > 0.01).all()
    loss.mean().backward()
    spread = states.detach().std(0).norm(dim=-1)  # per change of a document as large as documents lie apart
    assert (states.grad.norm(dim=-1) * spread).min() > 1e-3


def test_ckas_value_is_of_the_rows_together_and_equal_states_cost_nothing(tiny_model: ModelFolder) -> None:
    student = student_of(tiny_model)
    lesson = lesson_of(student, "cka")
    states = lesson.states(student, list(range(12))).detach()
    own = LabelLesson(lesson.ids, lesson.teacher_probs, hints=Hints.of("cka", 3 * states, (0.5, 1.0)))
    loss = own.losses(student, ROWS, Moment(PHASE, "forward_kl"))["representations"]
    assert loss.shape == (7,) and loss.abs().max() < 1e-5
    assert len(set(lesson.hints.loss(states[ROWS], ROWS, None).tolist())) == 1


def test_a_projection_is_the_same_for_a_seed_and_the_teachers_width(tiny_model: ModelFolder) -> None:
    student = student_of(tiny_model)
    lesson = lesson_of(student, "mse")
    before = torch.random.get_rng_state()
    one, same, other = (projection_of(student, lesson, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)  # the student's own draws are what they were
    assert torch.equal(one.maps, same.maps) and not torch.equal(one.maps, other.maps)
    assert one.maps.shape == (2, 5, 32) and one.maps.dtype == torch.float32


def test_a_sample_is_spread_over_all_documents() -> None:
    assert Hints.of("mse", torch.zeros(3, 1, 2), (1.0,)).sample() == [0, 1, 2]
    many = Hints.of("mse", torch.zeros(1000, 1, 2), (1.0,)).sample()
    assert len(many) == 64 and many[0] == 0 and many[-1] > 980


def test_a_projection_comes_back_from_its_save_point() -> None:
    torch.manual_seed(0)
    start = Projection.fresh(torch.randn(9, 2, 4), 3, seed=0)
    kept = Projecting(start, 6, 0.1)

    def stepped(one: Projecting, at: int) -> None:
        one.projection.maps.grad = torch.full_like(one.projection.maps, 0.1 * (at - 2))
        one.step(ALONE)
    for at in range(3):
        stepped(kept, at)
        if at == 1:
            kept.remember()
    saved = {name: value.clone() for name, value in kept.tensors().items()}
    again = Projecting(saved_projection(saved, torch.device("cpu")), 6, 0.1)
    again.load(saved, 3)
    assert torch.equal(again.best().maps, kept.best().maps) and not torch.equal(kept.best().maps, start.maps)
    for one in (kept, again):
        stepped(one, 5)
    assert torch.equal(again.projection.maps, kept.projection.maps)
    assert not torch.equal(kept.projection.maps, start.maps)  # which is as it was before


@pytest.mark.parametrize("when", [0, 3, 8, 9, 13])
def test_paused_and_resumed_is_the_same_to_the_bit(made: Made, tmp_path: Path, when: int) -> None:
    """Within the first phase, between both, and within the second, which goes on with the projection."""
    changes: dict[str, Any] = {"representation_loss": "mse", "phases": TWICE}
    straight = training(made, tmp_path / "straight", **changes)
    expected = straight.run()
    with pytest.raises(Interrupted):
        training(made, tmp_path / "broken", after(when, "pause"), **changes).run()
    resumed = training(made, tmp_path / "broken", **changes)
    results = resumed.run()
    assert [r["agreement"] for r in results] == [r["agreement"] for r in expected]
    assert torch.equal(weights(resumed), weights(straight))
    assert torch.equal(resumed._projection.maps, straight._projection.maps)
    assert len(events(tmp_path / "broken", "step")) == len(events(tmp_path / "straight", "step"))


@pytest.mark.parametrize("every", [0.0, 60.0], ids=["from its last save point", "from the phase before"])
def test_killed_in_the_second_phase_it_goes_on_to_the_bit(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float
) -> None:
    changes: dict[str, Any] = {"representation_loss": "cosine", "phases": TWICE}
    straight = training(made, tmp_path / "straight", **changes)
    straight.run()
    monkeypatch.setattr("engine.training.loop.SAVE_EVERY_S", every)
    first = sum(step["phase"] == "foundations" for step in events(tmp_path / "straight", "step"))
    looks = iter(range(1000))

    def dies() -> None:
        if next(looks) == first + 2:
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        training(made, tmp_path / "broken", dies, **changes).run()
    resumed = training(made, tmp_path / "broken", **changes)
    resumed.run()
    again = [step["step"] for step in events(tmp_path / "broken", "step") if step["phase"] == "breadth"]
    assert again[:4] == ([1, 2, 3, 4] if every == 0 else [1, 2, 1, 2])
    assert torch.equal(weights(resumed), weights(straight))


@pytest.mark.parametrize("width", [16, 1024])
def test_a_projection_nears_its_goal_whatever_the_students_width(width: int) -> None:
    torch.manual_seed(0)
    truth = torch.randn(64, 1, 3)
    seen = torch.einsum("idk,kw->idw", truth, torch.randn(3, width)) + 0.3 * torch.randn(64, 1, width) + 5
    hints = Hints.of("mse", truth, (1.0,))
    projecting, costs = Projecting(Projection.fresh(seen, 3, seed=0), 40, 0.1), []
    for _ in range(40):
        loss = hints.loss(seen, range(64), projecting.projection).mean()
        loss.backward()
        projecting.step(ALONE)
        costs.append(loss.item())
    assert max(costs) < 1.5 * costs[0] and costs[-1] < 0.3


def test_a_later_phase_goes_on_with_the_projection_and_a_lost_one_leaves_it(
    made: Made, tmp_path: Path
) -> None:
    run = training(made, tmp_path / "run", representation_loss="mse", phases=TWICE)
    run.run()
    first, second = (load_file(path) for path in sorted((tmp_path / "run").glob("phases/*/projection.*")))
    assert torch.equal(first["centre"], second["centre"])
    fresh = torch.randn(first["maps"].shape, generator=torch.Generator().manual_seed(0)) / 32 ** 0.5
    far = (first["maps"] - fresh).norm()
    assert 0 < (second["maps"] - first["maps"]).norm() < 2 * far  # no new draw, which would lie further off
    ruin = TWICE[1].model_copy(update={"learning_rate": 0.1, "name": "ruin", "passes": 2.0})
    worse = training(made, tmp_path / "worse", representation_loss="mse", phases=(TWICE[0], ruin))
    worse.subject.signal.probs[list(worse.subject.parts.learn)] = 1 / 3  # what it teaches is worth nothing
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.training.phased.judge", lambda start, end, slack: (slack, "made up"))
        assert [r["kept"] for r in worse.run()] == [True, False]
    assert len(list((tmp_path / "worse").glob("phases/*/projection.*"))) == 1
    left = load_file(tmp_path / "worse" / "phases" / "1-foundations" / "projection.safetensors")
    assert torch.equal(worse._projection.maps, left["maps"])


def test_the_same_plan_gives_the_same_weights_and_another_loss_others(made: Made, tmp_path: Path) -> None:
    found = {}
    for name, loss in (("a", "mse"), ("b", "mse"), ("c", "cosine"), ("d", "cka"), ("e", "relational")):
        run = training(made, tmp_path / name, phases=TWICE[:1], representation_loss=loss)
        run.run()
        found[name] = weights(run)
    assert torch.equal(found.pop("b"), found["a"])
    assert len({one.numpy().tobytes() for one in found.values()}) == 4


def test_what_is_projected_is_learned(made: Made, tmp_path: Path) -> None:
    for name in PROJECTED:
        longer = TWICE[0].model_copy(update={"passes": 8.0})
        training(made, tmp_path / name, phases=(longer,), representation_loss=name).run()
        costs = [step["representations"] for step in events(tmp_path / name, "step")]
        assert sum(costs[-5:]) < 0.8 * sum(costs[:5])


@pytest.mark.parametrize("loss", ["cosine", "mse", "cka"])
def test_the_whole_road_ends_well_and_takes_no_projection_home(
    made: Made, loss: RepresentationLossName, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_vectors(*_: object) -> None:
        raise AssertionError("anchors are not needed, so neither is what they are chosen by")
    monkeypatch.setattr("engine.pipeline._vectors", no_vectors)
    run = made.run(phases=phases(1.0), representation_loss=loss)
    assert work(run, made.workspace) == "done", run.event_log.path.read_text()[-2000:]
    steps = [e for e in read_events(run.events)[0] if e["kind"] == "step"]
    assert steps[0]["representations"] > 0 and "representations" not in steps[-1]
    assert read_json(run.report)["n"] > 0
    kept = load_file(run.student / "adapter_model.safetensors")
    assert all("lora_" in name for name in kept)
    assert not [p for p in run.student.rglob("*") if "projection" in p.name]
    trained = (run.path / "phases" / "1-foundations" / "projection.safetensors").exists()
    assert trained == (loss != "cka")
    open_student(run.student, open_folder(made.workspace.models / MODEL), CPU)


def test_a_batch_shared_out_among_many_is_too_small_for_cka(made: Made) -> None:
    plan = made.plan(representation_loss="cka")
    enough_together(plan, Ranks(0, 2))
    with pytest.raises(SettingsError) as refused:
        enough_together(plan, Ranks(0, 3))
    assert "12 or more" in refused.value.fix
    enough_together(made.plan(representation_loss="mse"), Ranks(0, 3))
