"""A shallower copy: the layers that stay are the model's own, in their order; trained, saved, loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import SettingsError
from engine.jobs.worker import work
from engine.models.folders import ModelFolder
from engine.models.loading import load_causal_lm
from engine.plan import StudentPlan
from engine.students.base import Student
from engine.students.predicting import predict
from engine.students.pruning import keep_layers, lower
from engine.students.settings import read_settings
from tests.students.tiny import CPU, MODEL, TASK, Made, documents, write_model

TEXTS = documents(9)[0]


@pytest.fixture
def deep(tmp_path: Path) -> ModelFolder:
    return write_model(tmp_path, layers=5)


def test_the_first_third_is_kept_whole_and_the_last_goes_first() -> None:
    assert lower(24, 12) == (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)
    assert lower(30, 15) == (*range(10), 11, 13, 15, 17, 19)
    assert lower(24, 20) == tuple(range(20)) and lower(24, 6) == tuple(range(6))
    assert lower(5, 5) == (0, 1, 2, 3, 4) and lower(5, 2) == (0, 1)
    for layers in range(2, 40):
        for kept in range(2, layers + 1):
            chosen = lower(layers, kept)
            assert len(set(chosen)) == kept and chosen == tuple(sorted(chosen))
            third, top = round(layers / 3), round(2 * layers / 3)
            assert chosen[:third] == tuple(range(min(kept, third)))
            assert chosen[-1] == (kept - 1 if kept <= third or kept >= top else top - 1)
    for kept in (1, 6):
        with pytest.raises(SettingsError, match="it has 5") as refused:
            lower(5, kept)
        assert "from 2 to 5" in refused.value.fix


def test_keeping_all_layers_changes_nothing_and_fewer_skips_the_others(deep: ModelFolder) -> None:
    model, tokenizer = load_causal_lm(deep, CPU)
    ids = tokenizer("water in the flood", return_tensors="pt", add_special_tokens=False).input_ids
    with torch.no_grad():
        whole = model(input_ids=ids).logits
        torch.testing.assert_close(keep_layers(model, (0, 1, 2, 3, 4))(input_ids=ids).logits, whole)
        stack = [model.model.layers[i] for i in (0, 2, 4)]
        cut = keep_layers(model, (0, 2, 4))
        assert [layer is kept for layer, kept in zip(cut.model.layers, stack, strict=True)] == [True] * 3
        out = cut(input_ids=ids, output_hidden_states=True, use_cache=True)
    assert len(out.hidden_states) == 4 and cut.config.num_hidden_layers == 3
    assert [layer.self_attn.layer_idx for layer in cut.model.layers] == [0, 1, 2]
    assert len(out.past_key_values.layers) == 3
    assert not torch.allclose(out.logits, whole)


def test_a_cut_student_is_loaded_again_as_it_was(deep: ModelFolder, tmp_path: Path) -> None:
    plan = StudentPlan(model="tiny-student", rank=4, alpha=8, layers=3)
    student = Student.fresh(deep, plan, TASK, CPU, seed=0)
    whole = Student.fresh(deep, plan.model_copy(update={"layers": None}), TASK, CPU, seed=0)
    assert student.sizes()[1] < whole.sizes()[1]
    with torch.no_grad():
        for p in student.adapter_parameters():
            p.add_(0.1)
    student.save(tmp_path / "student")
    assert read_settings(tmp_path / "student").layers == (0, 1, 2)
    again = Student.from_folder(tmp_path / "student", deep, CPU)
    np.testing.assert_array_equal(predict(again, TEXTS), predict(student, TEXTS))


def test_a_run_with_fewer_layers_goes_to_its_end(made: Made) -> None:
    write_model(made.workspace.models, layers=4)
    run = made.run(student=StudentPlan(model=MODEL, rank=4, alpha=8, layers=2))
    assert work(run, made.workspace) == "done"
    assert read_settings(run.student).layers == (0, 2)


def test_a_model_without_a_stack_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="built in another way"):
        keep_layers(torch.nn.Linear(2, 2), (0, 1))
