"""What a step learns does not depend on how it is cut, padded or shared out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.models.folders import ModelFolder
from engine.phase_plan import PhasePlan
from engine.plan import STUDENT_PROMPTS, DistillPlan, StudentPlan
from engine.students.base import Student
from engine.tasks.definition import Task
from engine.training.anchors import Anchors
from engine.training.lessons import LabelLesson, Lesson, Moment, TextLesson
from engine.training.loop import _Progress, _step
from engine.training.ranks import ALONE, Ranks
from tests.losses.whole import list_tokens
from tests.students.tiny import CPU, MODEL, TASK, Made, documents

PHASE = PhasePlan(name="one", title="One", slice="all", passes=1, learning_rate=1e-3, text=0.5,
                  representations=0.4, temperature=2.0)
LINE = Task(id="line", kind="generate", question="What happened?")
TEXTS, TRUTH = documents(12)
VECTORS = torch.tensor(np.random.default_rng(0).normal(size=(12, 2, 5)), dtype=torch.float32)
ANCHORS = Anchors.among([0, 3, 7], VECTORS, (0.5, 1.0))


def changed(student: Student) -> Student:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in student.adapter_parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return student


def text_lesson(student: Student, tokens: bool = True) -> TextLesson:
    answers = [student.encode_answer(" ".join(text.split()[:1 + i % 4])) for i, text in enumerate(TEXTS)]
    torch.manual_seed(2)
    lists = [list_tokens(3 * torch.randn(len(a), len(student.head)), 6, (1.0, 2.0)) for a in answers]
    return TextLesson([student.encode(t) for t in TEXTS], answers, lists if tokens else None, ANCHORS)


def label_lesson(student: Student, several: bool = False) -> LabelLesson:
    torch.manual_seed(3)
    probs = torch.rand(len(TEXTS), 3) if several else torch.softmax(torch.randn(len(TEXTS), 3), -1)
    return LabelLesson([student.encode(t) for t in TEXTS], probs, ANCHORS, several)


@pytest.fixture(params=["one label", "several labels", "tokens", "words"])
def taught(request: pytest.FixtureRequest, tiny_model: ModelFolder) -> tuple[Student, Lesson]:
    """A student and what it is taught, of every kind."""
    kind = request.param
    several = TASK.model_copy(update={"kind": "multi_label"})
    task = {"one label": TASK, "several labels": several}.get(kind, LINE)
    plan = StudentPlan(model=MODEL, rank=4, alpha=8, prompt=STUDENT_PROMPTS[task.kind])
    student = changed(Student.fresh(tiny_model, plan, task, CPU, seed=0))
    if task is LINE:
        return student, text_lesson(student, tokens=kind == "tokens")
    return student, label_lesson(student, several=kind == "several labels")


def gradients(made: Made, taught: tuple[Student, Lesson], ranks: Ranks = ALONE, way: bool = False,
              **changes: Any) -> tuple[torch.Tensor, dict]:
    student, lesson = taught
    plan: DistillPlan = made.plan(**changes)
    for parameter in student.adapter_parameters():
        parameter.grad = None
    phase = PHASE.model_copy(update={"taid": way})
    if isinstance(lesson, TextLesson) and lesson.teacher is None:
        phase = phase.model_copy(update={"outputs": 0.0, "taid": False})
    elif isinstance(lesson, LabelLesson):
        phase = phase.model_copy(update={"text": 0.0})
    rows = [4, 9, 0, 2, 11, 7, 5]
    weights = torch.linspace(0.5, 1.7, len(rows))
    values = _step(student, plan, phase, lesson, _Progress([]), rows, weights, ranks)
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten()
                      for p in student.adapter_parameters()])
    return flat, values


@pytest.mark.parametrize("way", [False, True])
def test_the_cut_into_micro_batches_does_not_show(made: Made, taught: tuple, way: bool) -> None:
    whole, values = gradients(made, taught, micro_batch=8, way=way)
    assert whole.abs().max() > 1e-4 and "representations" in values and len(values) >= 2
    for size in (1, 3):
        cut, other = gradients(made, taught, micro_batch=size, way=way)
        torch.testing.assert_close(cut, whole, atol=2e-6, rtol=1e-4)
        assert other == pytest.approx(values, abs=2e-5)


def test_shares_of_several_processes_add_up_to_the_whole(
    made: Made, taught: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process's gradient is a part of the sum, so that adding them, not averaging, is exact."""
    monkeypatch.setattr(Ranks, "total", lambda _, value: value)
    monkeypatch.setattr(Ranks, "gathered", lambda _, n, work: work(list(range(n))))
    whole, values = gradients(made, taught)
    parts = [gradients(made, taught, Ranks(rank, 3)) for rank in range(3)]
    torch.testing.assert_close(sum(grads for grads, _ in parts), whole, atol=2e-6, rtol=1e-4)
    for name in values:
        assert sum(part[name] for _, part in parts) == pytest.approx(values[name], abs=4e-5)


def test_what_stands_beside_a_row_does_not_show(made: Made, taught: tuple) -> None:
    """Padding: a short row in a batch with long ones gives what it gives by itself."""
    student, lesson = taught
    text = isinstance(lesson, TextLesson)
    moment = Moment(PHASE.model_copy(update={"text": float(text)}), "forward_kl",
                    anchor_states=ANCHORS.student_states(lambda rows: lesson.states(student, rows),
                                                         lesson.lengths, 256, range(len(ANCHORS.positions))))
    together = lesson.losses(student, list(range(12)), moment)
    for row in (0, 5, 11):
        alone = lesson.losses(student, [row], moment)
        assert alone.keys() == together.keys()
        for name, value in alone.items():
            torch.testing.assert_close(value[0], together[name][row], atol=3e-5, rtol=1e-4)


def test_only_the_answers_tokens_are_learned(tiny_model: ModelFolder) -> None:
    """Scores at places that predict the prompt or padding get no gradient: they are not in the loss."""
    plan = StudentPlan(model=MODEL, rank=4, alpha=8, prompt=STUDENT_PROMPTS["generate"])
    student = Student.fresh(tiny_model, plan, LINE, CPU, seed=0)
    lesson = text_lesson(student)
    read, _ = student.read([[*lesson.prompts[i], *lesson.answers[i]] for i in range(4)],
                           [len(lesson.prompts[i]) for i in range(4)])
    assert len(read) == sum(len(lesson.answers[i]) for i in range(4))
    model = student.model.get_base_model()
    with torch.no_grad():
        for i, at in zip(range(4), np.cumsum([0, *(len(lesson.answers[j]) for j in range(3))]), strict=True):
            ids = torch.tensor([[*lesson.prompts[i], *lesson.answers[i]]])
            states = model.model(input_ids=ids).last_hidden_state[0]
            start = len(lesson.prompts[i]) - 1
            torch.testing.assert_close(read[at:at + len(lesson.answers[i])],
                                       states[start:start + len(lesson.answers[i])], atol=1e-5, rtol=1e-4)
    assert all(row[-1] == student.tokenizer.eos_token_id for row in lesson.answers)


def test_a_text_lesson_of_the_students_own_words_costs_nothing(tiny_model: ModelFolder) -> None:
    """loss(q = p) = 0: what the student itself finds likeliest, listed, is learned already."""
    plan = StudentPlan(model=MODEL, rank=4, alpha=8, prompt=STUDENT_PROMPTS["generate"])
    student = changed(Student.fresh(tiny_model, plan, LINE, CPU, seed=0))
    lesson = text_lesson(student)
    lists = []
    with torch.no_grad():
        for prompt, answer in zip(lesson.prompts, lesson.answers, strict=True):
            read, _ = student.read([[*prompt, *answer]], [len(prompt)])
            lists.append(list_tokens(read @ student.head.T, 6, (1.0, 2.0)))
    own = TextLesson(lesson.prompts, lesson.answers, lists)
    losses = own.losses(student, list(range(12)), Moment(PHASE, "forward_kl"))
    assert losses["outputs"].abs().max() < 1e-4 and losses["text"].min() > 0.1
