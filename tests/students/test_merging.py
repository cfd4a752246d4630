"""While a student writes its adapter is inside its weights; it says the same, and is as it was afterwards."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from engine.models import packing
from engine.models.folders import ModelFolder
from engine.models.packing import PackedLinear
from engine.plan import STUDENT_PROMPTS
from engine.students import merging, predicting
from engine.students.base import Student
from engine.students.joined import is_plain, join
from engine.students.merging import merged
from engine.students.predicting import write_answers
from tests.students.test_base import PLAN, TEXTS, changed
from tests.students.test_joined import IDS, LAYERS, adapted
from tests.students.test_kinds import FACTS
from tests.students.tiny import CPU


def scores(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS).logits


@pytest.mark.parametrize("kind", ["llama", "qwen"])
@pytest.mark.parametrize("rslora", [False, True])
def test_merged_it_answers_the_same_and_afterwards_it_is_as_it_was(kind: str, rslora: bool) -> None:
    model = adapted(kind, use_rslora=rslora)
    join(model)
    before, layers = scores(model), dict(model.named_modules())
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    with merged(model.get_base_model().base_model):
        singles = [m for m in model.modules() if type(m) is nn.Linear and not hasattr(m, "lora_A")]
        assert not [m for m in model.modules() if is_plain(m)] and len(singles) == LAYERS + 1  # and the head
        torch.testing.assert_close(scores(model), before)
    assert dict(model.named_modules()) == layers
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert torch.equal(scores(model), before)


def test_weights_are_rounded_once() -> None:
    """Small changes add up before they are rounded away: as of one product in wide numbers."""
    model = adapted().bfloat16()
    layer = next(m for m in model.modules() if is_plain(m))
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    exact = layer.base_layer.weight.double() + layer.scaling["default"] * up.double() @ down.double()
    made = merging._single(layer)
    assert made.weight.dtype == torch.bfloat16 and torch.equal(made.weight, exact.float().bfloat16())
    assert not made.weight.requires_grad


def test_it_is_as_it_was_when_writing_fails() -> None:
    model = adapted()
    layers = dict(model.named_modules())
    with pytest.raises(KeyboardInterrupt), merged(model):
        raise KeyboardInterrupt
    assert dict(model.named_modules()) == layers


def test_other_adapters_compute_as_they_do() -> None:
    model = adapted(use_dora=True)
    before, layers = scores(model), dict(model.named_modules())
    with merged(model):
        assert dict(model.named_modules()) == layers and torch.equal(scores(model), before)


@pytest.mark.skipif(not packing._can_pack(torch.zeros(2, 2)), reason="no oneDNN in this torch")
def test_where_it_pays_merged_weights_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted().float()
    before = scores(model)
    for gain, packs in ((1.05, 0), (2.0, LAYERS)):
        monkeypatch.setattr(packing, "LEAST", 1)
        monkeypatch.setattr(packing, "_gain", lambda _, gain=gain: gain)
        with merged(model.get_base_model().base_model):
            assert sum(isinstance(m, PackedLinear) for m in model.modules()) == packs
            torch.testing.assert_close(scores(model), before, atol=1e-4, rtol=1e-4)
    assert not any(isinstance(m, PackedLinear) for m in model.modules())

    def refuses(_: nn.Linear) -> float:
        raise RuntimeError("no such layout")
    monkeypatch.setattr(packing, "_gain", refuses)
    with merged(model.get_base_model().base_model):
        torch.testing.assert_close(scores(model), before, atol=1e-4, rtol=1e-4)


def test_a_student_writes_merged(monkeypatch: pytest.MonkeyPatch, tiny_model: ModelFolder) -> None:
    """What it writes is what it would have written layer by layer."""
    plan = PLAN.model_copy(update={"prompt": STUDENT_PROMPTS["extract"]})
    student = changed(Student.fresh(tiny_model, plan, FACTS, CPU, seed=0))
    student.settings = student.settings.model_copy(update={"most_tokens": 9})
    merged_layers: list[nn.Linear] = []
    real = merging._single
    monkeypatch.setattr(merging, "_single", lambda layer: merged_layers.append(layer) or real(layer))
    said = write_answers(student, TEXTS)
    assert merged_layers and any(written.text for written in said)
    monkeypatch.setattr(predicting, "merged", lambda _: nullcontext())
    assert write_answers(student, TEXTS) == said
