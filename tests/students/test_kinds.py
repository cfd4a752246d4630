"""Students of every kind of answer and adapter: what is scored, what is trained, what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import SettingsError
from engine.models.folders import ModelFolder
from engine.plan import STUDENT_PROMPTS, StudentPlan
from engine.students.base import Student
from engine.students.opening import open_student
from engine.students.predicting import predict, write_answers
from engine.tasks.definition import Field, Task
from tests.students.test_base import PLAN, TEXTS, changed
from tests.students.tiny import CPU, TASK

SEVERAL = TASK.model_copy(update={"kind": "multi_label"})
FACTS = Task(id="facts", kind="extract", question="What?", fields=(Field(name="place"),))


def test_several_labels_are_scored_against_the_word_for_none(tiny_model: ModelFolder) -> None:
    student = changed(Student.fresh(tiny_model, PLAN, SEVERAL, CPU, seed=0))
    ids = [student.encode(text) for text in TEXTS[:5]]
    logits, _ = student.forward(ids)
    tokens = list(student.settings.label_tokens)
    assert logits.shape == (5, 3) and len(tokens) == 4
    base = student.model.get_base_model()
    with torch.no_grad():
        for row, text in zip(logits, ids, strict=True):
            last = base(input_ids=torch.tensor([text])).logits[0, -1, tokens]
            torch.testing.assert_close(row, last[:3] - last[3], atol=1e-4, rtol=1e-4)
    probs = predict(student, TEXTS[:5])
    np.testing.assert_allclose(probs, torch.sigmoid(logits).detach().numpy(), atol=1e-5)


def test_a_student_that_writes_is_saved_with_its_question_and_writes_the_same_again(
    tiny_model: ModelFolder, tmp_path: Path
) -> None:
    plan = PLAN.model_copy(update={"prompt": STUDENT_PROMPTS["extract"]})
    student = changed(Student.fresh(tiny_model, plan, FACTS, CPU, seed=0))
    student.settings = student.settings.model_copy(update={"most_tokens": 7})
    said = write_answers(student, TEXTS)
    assert student.labels == () and len(said) == len(TEXTS)
    assert [w.text for w in write_answers(student, TEXTS[::-1])] == [w.text for w in said[::-1]]
    student.save(tmp_path / "kept")
    again = open_student(tmp_path / "kept", tiny_model, CPU)
    assert write_answers(again, TEXTS) == said
    assert again.settings.task == FACTS


@pytest.mark.parametrize("adapter", ["lora", "dora", "rslora"])
def test_every_kind_of_adapter_starts_from_the_base_and_comes_back(
    tiny_model: ModelFolder, tmp_path: Path, adapter: str
) -> None:
    plan = StudentPlan(model=PLAN.model, rank=4, alpha=8, adapter=adapter)
    student = Student.fresh(tiny_model, plan, TASK, CPU, seed=0)
    plain = predict(Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0), TEXTS)
    np.testing.assert_allclose(predict(student, TEXTS), plain, atol=1e-5)
    changed(student)
    student.save(tmp_path / "kept")
    np.testing.assert_allclose(predict(open_student(tmp_path / "kept", tiny_model, CPU), TEXTS),
                               predict(student, TEXTS), atol=1e-6)
    names = [name for name, p in student.model.named_parameters() if p.requires_grad]
    assert names and not any("embed" in name or "lm_head" in name for name in names)


def test_training_the_upper_layers_leaves_the_lower_ones_alone(tiny_model: ModelFolder) -> None:
    student = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    every = student.adapter_parameters()
    upper = student.train_above(0.5)  # the second of two layers
    assert 0 < len(upper) < len(every)
    logits, _ = student.forward([student.encode(text) for text in TEXTS[:3]])
    logits.sum().backward()
    for name, parameter in student.model.named_parameters():
        if "lora_" in name:
            assert (parameter.grad is not None) == (".layers.1." in name)
    assert len(student.train_above(0.0)) == len(every)
    assert [id(p) for p in student.adapter_parameters()] == [id(p) for p in every]


@pytest.mark.parametrize("depth", [0.97, 0.999999])
def test_the_highest_layer_always_learns(tiny_model: ModelFolder, depth: float) -> None:
    student = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    assert len(student.train_above(depth)) == len(student.train_above(0.5)) > 0


def test_four_bits_are_refused_where_there_is_no_cuda(tiny_model: ModelFolder) -> None:
    plan = StudentPlan(model=PLAN.model, four_bit=True)
    with pytest.raises(SettingsError, match="graphics card"):
        Student.fresh(tiny_model, plan, TASK, CPU, seed=0)
