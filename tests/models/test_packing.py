"""Packed weights give what plain ones give, whatever is multiplied, and only where they can and gain."""

from __future__ import annotations

import copy
import weakref
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Model

from engine.models import packing
from engine.models.packing import PackedLinear, pack

pytestmark = pytest.mark.skipif(not packing._can_pack(torch.zeros(2, 2)), reason="no oneDNN in this torch")
BF16 = packing._can_pack(torch.zeros(2, 2, dtype=torch.bfloat16))


LINUX = Path("/proc/self/maps").exists()


def mapped() -> str:
    """The files that lie in this process's memory."""
    return Path("/proc/self/maps").read_text(encoding="utf-8")


def body(layers: int = 2) -> Qwen2Model:
    """A random body whose largest matrix is just large enough."""
    torch.manual_seed(0)
    return Qwen2Model(Qwen2Config(
        vocab_size=50, hidden_size=512, intermediate_size=2100, num_hidden_layers=layers,
        num_attention_heads=8, num_key_value_heads=2, max_position_embeddings=64)).eval()


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(
    torch.bfloat16, marks=pytest.mark.skipif(not BF16, reason="this processor has no 16-bit products"))])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("x", [
    torch.randn(96), torch.randn(3, 96), torch.randn(2, 5, 96), torch.randn(96, 7).t(),
    torch.randn(4, 200)[:, 3:99], torch.randn(0, 96), torch.randn(700, 96)],
    ids=["one", "rows", "batch", "turned", "a part", "none", "many"])
def test_the_product_is_the_same(x: torch.Tensor, bias: bool, dtype: torch.dtype) -> None:
    plain = nn.Linear(96, 160, bias=bias).to(dtype)
    packed = PackedLinear(plain)
    with torch.inference_mode():
        torch.testing.assert_close(packed(x.to(dtype)), plain(x.to(dtype)))
    assert torch.equal(packed.weight, plain.weight) and "weight" not in dict(packed.named_parameters())


def test_a_packed_body_says_the_same_and_keeps_no_weights_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_gain", lambda _: 1.73)
    plain = body()
    made = copy.deepcopy(plain)
    assert pack(made) == "weights laid out for this processor, 1.7 × as fast for a few rows (timed)"
    assert not [m for m in made.modules() if type(m) is nn.Linear]
    assert sum(isinstance(m, PackedLinear) for m in made.modules()) == 2 * 7
    assert {name.split(".")[-2] for name, _ in made.named_parameters()} <= {
        "embed_tokens", "norm", "input_layernorm", "post_attention_layernorm"}
    ids = torch.randint(0, 50, (3, 20))
    with torch.inference_mode():
        torch.testing.assert_close(made(input_ids=ids).last_hidden_state,
                                   plain(input_ids=ids).last_hidden_state, rtol=1e-4, atol=1e-4)


def test_no_more_than_one_matrix_is_in_memory_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of six gigabytes took twelve while it was packed."""
    monkeypatch.setattr(packing, "_gain", lambda _: 2.0)
    made = body()
    plain = [weakref.ref(m.weight) for m in made.modules() if type(m) is nn.Linear]
    packed: list[int] = []
    real = PackedLinear.__init__

    def counted(self: PackedLinear, linear: nn.Linear) -> None:
        real(self, linear)
        packed.append(sum(weight() is not None for weight in plain))
    monkeypatch.setattr(PackedLinear, "__init__", counted)
    pack(made)
    assert packed == list(range(len(plain), 0, -1)) and not any(weight() is not None for weight in plain)


def test_nothing_of_a_packed_model_lies_in_its_file_any_more(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One vector that still does keeps the whole file in memory, beside the packed copies."""
    monkeypatch.setattr(packing, "_gain", lambda _: 2.0)
    torch.manual_seed(0)
    config = Qwen2Config(vocab_size=50, hidden_size=512, intermediate_size=2100, num_hidden_layers=1,
                         num_attention_heads=8, num_key_value_heads=2, tie_word_embeddings=False)
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    made = Qwen2ForCausalLM.from_pretrained(tmp_path).eval()
    ids = torch.randint(0, 50, (3, 20))
    with torch.inference_mode():
        said = made(input_ids=ids).logits
    file = str(tmp_path / "model.safetensors")
    assert not LINUX or file in mapped()
    before = {name: parameter.detach().clone() for name, parameter in made.named_parameters()}
    assert pack(made).startswith("weights laid out")
    assert not LINUX or file not in mapped()
    assert "lm_head.weight" in dict(made.named_parameters())
    assert all(torch.equal(parameter, before[name]) for name, parameter in made.named_parameters())
    with torch.inference_mode():
        torch.testing.assert_close(made(input_ids=ids).logits, said, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gain, packs", [(0.5, False), (1.0, False), (1.05, False), (1.2, True)])
def test_only_what_gains_is_packed(gain: float, packs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_gain", lambda _: gain)
    made = body(1)
    assert bool(pack(made)) == packs == any(isinstance(m, PackedLinear) for m in made.modules())


def test_what_cannot_be_packed_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_gain", lambda _: 9.0)
    small = Qwen2Model(Qwen2Config(vocab_size=50, hidden_size=64, intermediate_size=128, num_hidden_layers=1,
                                   num_attention_heads=4, num_key_value_heads=2))
    for made in (small, body(1).half(), body(1).to("meta"), nn.Sequential(nn.ReLU())):
        before = [type(m) for m in made.modules()]
        assert pack(made) == "" and [type(m) for m in made.modules()] == before

    def refuses(_: nn.Linear) -> float:
        raise RuntimeError("no such layout")
    monkeypatch.setattr(packing, "_gain", refuses)
    made = body(1)
    assert pack(made) == "weights as they are: this processor cannot have them laid out (no such layout)"
    assert not any(isinstance(m, PackedLinear) for m in made.modules())


def test_the_gain_is_timed() -> None:
    largest, drawn = body(1).layers[0].mlp.gate_proj, torch.get_rng_state()
    assert 0 < packing._gain(largest) < 100
    assert torch.equal(torch.get_rng_state(), drawn)
    assert packing._gain(largest) == packing._gain(largest)  # timed once
