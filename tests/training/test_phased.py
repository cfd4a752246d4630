"""Phase after phase on a tiny student: resumable to the bit, judged on steer, obedient."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.cache.signals import load_vectors
from engine.corpus.splits import split
from engine.events import EventLog, read_events
from engine.models.folders import open_folder
from engine.progress import Interrupted
from engine.records import Document, TeacherSignal
from engine.students.base import Student
from engine.teachers.asking import Asker, ask
from engine.teachers.opening import open_teacher
from engine.teachers.protocol import DEPTHS
from engine.teachers.signals import first_signal, letter_pull, second_signal, unsettled
from engine.training.gates import Gate, judge
from engine.training.phased import PhasedTraining
from engine.training.subjects import Labels
from tests.students.tiny import AGAIN, CPU, FIRST, MODEL, TASK, TEACHER, Made, phases

Wish = Callable[[], str | None]


def training(made: Made, folder: Path, wish: Wish = lambda: None, **changes: Any) -> PhasedTraining:
    """All phases, ready to run."""
    plan = made.plan(**changes)
    parts = split(made.corpus, seed=0)
    teacher, _ = open_teacher(TEACHER, made.workspace)

    def asked(template: Any, documents: list[Document], depths: tuple[float, ...]) -> Any:
        return ask(Asker(teacher, 1200), documents, TASK, template, n_orders=2, depths=depths)

    answers = asked(FIRST, list(made.corpus.documents), DEPTHS)
    signal = first_signal(answers, letter_pull(answers, parts.learn, 0), DEPTHS)

    def again(now: TeacherSignal, differs: np.ndarray, learn: tuple[int, ...]) -> tuple[TeacherSignal, int]:
        rows = unsettled(now, learn, differs, 0.3)
        if not len(rows):
            return now, 0
        more = asked(AGAIN, [made.corpus.documents[i] for i in rows], ())
        return second_signal(now, rows, more, letter_pull(more, range(len(rows)), 0)), len(rows)

    student = Student.fresh(open_folder(made.workspace.models / MODEL), plan.student, TASK, CPU, plan.seed)
    vectors = load_vectors(made.workspace.cache / "vectors" / f"{made.corpus.digest}.safetensors")
    return PhasedTraining(
        plan=plan,
        subject=Labels(plan, made.corpus, parts, signal, vectors),
        student=student,
        folder=folder,
        log=EventLog(folder / "events.jsonl"),
        wish=wish,
        ask_again=again,
    )


def weights(of: PhasedTraining) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in of.student.adapter_parameters()])


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [e for e in read_events(folder / "events.jsonl")[0] if e["kind"] == kind]


def without_clocks(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a phase came to; how long it took is another number on every machine and in every run."""
    return [{k: v for k, v in result.items() if k not in ("seconds", "asking_seconds")} for result in results]


def after(n: int, what: str) -> Wish:
    """A wish that comes at the n-th look, once."""
    looks = iter(range(1_000_000))
    return lambda: what if next(looks) == n else None


def test_it_learns_and_tells(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", phases=phases(4.0))
    results = run.run()
    assert [r["name"] for r in results] == ["foundations", "breadth", "hard-cases"]
    assert results[-1]["agreement"] > results[0]["agreement_before"] + 0.2
    steps = events(tmp_path / "run", "step")
    assert {"outputs", "representations"} <= steps[0].keys() and "representations" not in steps[-1]
    assert np.mean([s["outputs"] for s in steps[-5:]]) < 0.6 * np.mean([s["outputs"] for s in steps[:5]])
    first = [s["representations"] for s in steps if s["phase"] == "foundations"]
    assert np.mean(first[-4:]) < np.mean(first[:4])
    assert len(events(tmp_path / "run", "phase_done")) == 3
    assert events(tmp_path / "run", "asked_again")[0]["n"] > 0
    assert not list((tmp_path / "run").glob("phases/*/state-*"))


@pytest.mark.parametrize("when", [0, 2, 9, 17])
def test_paused_and_resumed_is_the_same_to_the_bit(made: Made, tmp_path: Path, when: int) -> None:
    straight = training(made, tmp_path / "straight")
    expected = straight.run()
    with pytest.raises(Interrupted) as paused:
        training(made, tmp_path / "broken", after(when, "pause")).run()
    assert paused.value.wish == "pause"
    resumed = training(made, tmp_path / "broken")
    results = resumed.run()
    assert torch.equal(weights(resumed), weights(straight))
    assert without_clocks(results) == without_clocks(expected)
    np.testing.assert_array_equal(resumed.subject.signal.probs, straight.subject.signal.probs)
    assert len(events(tmp_path / "broken", "step")) == len(events(tmp_path / "straight", "step"))


@pytest.mark.parametrize("when", [0, 5])
def test_a_moving_target_is_resumed_to_the_bit_and_reaches_the_teacher(
    made: Made, tmp_path: Path, when: int
) -> None:
    moving = tuple(phase.model_copy(update={"taid": True}) for phase in phases(2.0))
    straight = training(made, tmp_path / "straight", phases=moving)
    straight.run()
    with pytest.raises(Interrupted):
        training(made, tmp_path / "broken", after(when, "pause"), phases=moving).run()
    resumed = training(made, tmp_path / "broken", phases=moving)
    resumed.run()
    assert torch.equal(weights(resumed), weights(straight))
    ways = [s["way"] for s in events(tmp_path / "broken", "step") if s["phase"] == "foundations"]
    assert ways == sorted(ways) and ways[-1] == 1
    plain = training(made, tmp_path / "plain", phases=phases(2.0))
    plain.run()
    assert not torch.equal(weights(plain), weights(straight))


def test_killed_between_save_points_it_goes_on_from_the_last_to_the_bit(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = training(made, tmp_path / "straight")
    straight.run()
    monkeypatch.setattr("engine.training.loop.SAVE_EVERY_S", 0.0)

    def die() -> None:
        raise ZeroDivisionError

    looks = iter(range(100))
    with pytest.raises(ZeroDivisionError):
        training(made, tmp_path / "broken", lambda: die() if next(looks) == 4 else None).run()
    assert list((tmp_path / "broken").glob("phases/1-*/state-4.safetensors"))
    resumed = training(made, tmp_path / "broken")
    resumed.run()
    assert torch.equal(weights(resumed), weights(straight))


def test_stop_keeps_what_was_learned_and_looks_once_more(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", after(3, "stop"))
    results = run.run()
    assert [r["name"] for r in results] == ["foundations"] and results[0]["stopped"]
    assert results[0]["steps"] == 3 and events(tmp_path / "run", "gate")[-1]["step"] == 3
    again = training(made, tmp_path / "run")
    assert again.run() == results and torch.equal(weights(again), weights(run))


def test_stop_before_the_first_step_keeps_nothing_and_can_be_gone_on_with(made: Made, tmp_path: Path) -> None:
    """A small model that learned nothing is not worth scoring, and less worth taking home."""
    with pytest.raises(Interrupted) as stopped:
        training(made, tmp_path / "run", after(0, "stop")).run()
    assert stopped.value.wish == "stop" and not list((tmp_path / "run").glob("phases/*/*.json"))
    again, straight = training(made, tmp_path / "run"), training(made, tmp_path / "straight")
    again.run()
    straight.run()
    assert torch.equal(weights(again), weights(straight))


def test_cancel_saves_nothing(made: Made, tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as cancelled:
        training(made, tmp_path / "run", after(3, "cancel")).run()
    assert cancelled.value.wish == "cancel" and not list((tmp_path / "run").glob("phases/*/*"))


def test_stop_while_asking_again_keeps_the_earlier_phases(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run")

    def interrupted(*_: object) -> None:
        raise Interrupted("stop")

    run.ask_again = interrupted
    assert [r["name"] for r in run.run()] == ["foundations", "breadth"]
    alone = training(made, tmp_path / "alone", phases=(phases()[2],))
    alone.ask_again = interrupted
    with pytest.raises(Interrupted):  # nothing was learned: the caller says so
        alone.run()


def test_micro_batches_do_not_change_the_weights(made: Made, tmp_path: Path) -> None:
    whole = training(made, tmp_path / "whole", phases=phases()[:1])
    cut = training(made, tmp_path / "cut", phases=phases()[:1], micro_batch=3)
    whole.run()
    cut.run()
    assert (weights(whole) - weights(cut)).abs().max() < 1e-5
    for a, b in zip(events(tmp_path / "whole", "step"), events(tmp_path / "cut", "step"), strict=True):
        assert a["outputs"] == pytest.approx(b["outputs"], abs=2e-4)
        assert a["grad_norm"] == pytest.approx(b["grad_norm"], rel=1e-3, abs=2e-4)


def test_the_same_plan_gives_the_same_weights_and_another_seed_others(made: Made, tmp_path: Path) -> None:
    made_twice = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run = training(made, tmp_path / name, phases=phases()[:1], seed=seed)
        run.run()
        made_twice.append(weights(run))
    assert torch.equal(made_twice[0], made_twice[1]) and not torch.equal(made_twice[0], made_twice[2])


def test_a_phase_that_loses_is_rolled_back(made: Made, tmp_path: Path) -> None:
    good, ruin = phases(6.0)[:1], phases(1.0)[1].model_copy(update={"learning_rate": 0.1, "name": "ruin"})
    run = training(made, tmp_path / "run", phases=good)
    kept = run.run()[0]
    before = weights(run)
    worse = training(made, tmp_path / "run", phases=(*good, ruin))
    # The teacher of the second phase is wrong on purpose about everything it teaches, not about steer.
    flipped = worse.subject.signal.probs.copy()
    learn = list(worse.subject.parts.learn)
    flipped[learn] = np.roll(flipped[learn], 1, axis=1)
    worse.subject.signal = replace(worse.subject.signal, probs=flipped)
    result = worse.run()[1]
    assert kept["agreement"] > 0.8
    assert not result["kept"] and "rolled back" in result["because"]
    assert result["agreement"] == result["agreement_before"] == kept["agreement"]
    assert torch.equal(weights(worse), before)


def test_where_a_phase_goes_too_far_half_of_its_way_is_kept(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", phases=phases(6.0)[:1])
    run.run()
    good, stands = run._weights(), run._gate()

    def ups_times(factor: float) -> list[torch.Tensor]:
        names = [name for name, _ in sorted(run.student.model.named_parameters()) if "lora_" in name]
        return [w * (factor if "lora_B" in name else 1.0) for name, w in zip(names, good, strict=True)]
    run._put(ups_times(8.0))
    overshot = run._gate()
    best, averaged = run._averaged(ups_times(-6.0), overshot)
    assert averaged and best.agreement == stands.agreement > overshot.agreement
    torch.testing.assert_close(run._weights(), good)
    held = weights(run)
    best, averaged = run._averaged(ups_times(-6.0), stands)  # half of the way is worse: nothing changes
    assert not averaged and best is stands and torch.equal(weights(run), held)


def test_the_mean_of_the_weights_is_tried_after_every_phase_but_the_first(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", phases=phases(2.0))
    tried = []
    real = run._averaged
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PhasedTraining, "_averaged",
                      lambda self, before, best: tried.append(best) or real(before, best))
        results = run.run()
    assert len(tried) == 2 and not results[0]["averaged"]
    for result in results:
        assert ("mean of the weights" in result["because"]) == result["averaged"]


@pytest.mark.parametrize("again", [True, False])
def test_slack_is_for_the_first_phase_and_for_new_answers(made: Made, tmp_path: Path, again: bool) -> None:
    run = training(made, tmp_path / "run", phases=tuple(
        p.model_copy(update={"ask_again": again and p.ask_again}) for p in phases(1.0)))
    given = []

    def judged(start: Gate, end: Gate, *, slack: bool) -> tuple[bool, str]:
        given.append(slack)
        return judge(start, end, slack=slack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.training.phased.judge", judged)
        run.run()
    assert given == [True, False, again]


@pytest.mark.parametrize("asked", [0, 5])
def test_answers_that_came_back_the_same_give_no_slack(made: Made, tmp_path: Path, asked: int) -> None:
    run = training(made, tmp_path / "run", phases=phases(1.0))
    run.ask_again = lambda now, differs, learn: (now, asked)
    given = []

    def judged(start: Gate, end: Gate, *, slack: bool) -> tuple[bool, str]:
        given.append(slack)
        return judge(start, end, slack=slack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.training.phased.judge", judged)
        run.run()
    assert given == [True, False, False]


def test_a_phase_without_documents_is_left_out_and_says_so(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", phases=phases(4.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Labels, "differs", lambda self, says, learn: np.zeros(len(learn), bool))
        patch.setattr(Labels, "sureness", lambda self, learn: np.full(len(learn), 0.9))
        patch.setattr(Labels, "classes", lambda self, learn: (np.zeros(len(learn), int), 3))
        results = run.run()
    last = results[-1]
    assert (last["steps"], last["kept"], last["stopped"]) == (0, False, False)
    assert "left out" in last["because"] and last["agreement"] == last["agreement_before"]
    assert results[1]["steps"] > 0
    json.loads((tmp_path / "run" / "phases" / "3-hard-cases" / "done.json").read_text(),
               parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    again = training(made, tmp_path / "run", phases=phases(4.0))
    again.run()
    assert torch.equal(weights(again), weights(run))


def test_time_before_a_pause_counts_as_the_steps_do(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = training(made, folder, after(3, "pause"))
    first.log.write("run_started")
    with pytest.raises(Interrupted):
        first.run()
    lines = (folder / "events.jsonl").read_text().splitlines()
    begun = next(i for i, line in enumerate(lines) if "phase_started" in line)
    aged = [json.loads(line) for line in lines]
    for event in aged[:begun + 1]:
        event["time"] -= 1000.0  # as if it had begun long before
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in aged))
    second = training(made, folder)
    second.log.write("run_started", resumed=True)
    results = second.run()
    assert results[0]["steps"] > 3 and 1000 < results[0]["seconds"] < 1200
    assert results[1]["seconds"] < 200


def test_anchors_are_documents_of_learn_and_know_themselves(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run")
    subject = run.subject
    learn = subject.learn()
    lesson = subject.lesson(run.student, learn)
    anchors = lesson.anchors
    assert len(anchors.positions) == 8 and len(lesson.ids) == len(learn)
    owners = torch.nonzero(anchors.own >= 0).flatten().tolist()
    assert sorted(int(anchors.own[i]) for i in owners) == list(range(8))
    for i in owners:
        assert anchors.positions[int(anchors.own[i])] == i
        np.testing.assert_array_equal(
            anchors.teacher[i].numpy(), subject.signal.hidden[learn[i]].astype(np.float32)
        )
    subject.vectors = None
    assert subject.lesson(run.student, learn).anchors is None
