"""Norms and attention in one operation each give what transformers gives: values, gradients, generation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM
from transformers.models.llama.modeling_llama import (
    LlamaRMSNorm,
    apply_rotary_pos_emb,
    eager_attention_forward,
)

from engine.students.decoder_ops import RmsNorm, RotaryAttention, simplify

SHAPE = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
SIMPLIFIED = 2 * 3 + 1  # two norms and an attention a layer, and the last norm
IDS = torch.arange(24).reshape(2, 12) % 50
MASK = torch.ones(2, 12, dtype=torch.long)
MASK[1, 8:] = 0
BATCH, PLACES, HEADS, SHARED, WIDTH = 2, 5, 4, 2, 6


def model(kind: str, attention: str = "eager") -> PreTrainedModel:
    """Frozen weights that are not what weights begin as; norms in particular begin as ones."""
    torch.manual_seed(0)
    made = LlamaForCausalLM(LlamaConfig(**SHAPE)) if kind == "llama" else Qwen2ForCausalLM(
        Qwen2Config(**SHAPE))
    for parameter in made.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
        parameter.requires_grad_(False)
    made.set_attn_implementation(attention)
    return made.eval()


def learned(made: PreTrainedModel, mask: Tensor = MASK) -> tuple[Tensor, Tensor]:
    """Scores, and the gradient of something with respect to what is read."""
    read = made.get_input_embeddings()(IDS).detach().requires_grad_()
    scores = made(inputs_embeds=read, attention_mask=mask, use_cache=False).logits[mask.bool()]
    (scores.log_softmax(-1)[:, 3].mean() + scores.square().mean()).backward()
    return scores.detach(), read.grad


@pytest.mark.parametrize("kind", ["llama", "qwen"])
@pytest.mark.parametrize("mask", [MASK, MASK.flip(1), torch.ones_like(MASK)], ids=["right", "left", "none"])
def test_values_and_gradients_are_those_of_transformers(kind: str, mask: Tensor) -> None:
    theirs, ours = model(kind), model(kind)
    assert simplify(ours) == SIMPLIFIED
    (expected, pull), (scores, own) = learned(theirs, mask), learned(ours, mask)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(own, pull, atol=1e-6, rtol=1e-4)
    assert pull.abs().max() > 1e-3


def test_in_half_precision_it_is_no_further_from_the_truth() -> None:
    exact, pull = learned(model("llama"))
    theirs, ours = model("llama").bfloat16(), model("llama").bfloat16()
    simplify(ours)

    def off(made: PreTrainedModel) -> list[float]:
        found = learned(made)
        return [float((a.float() - b).abs().mean()) for a, b in zip(found, (exact, pull), strict=True)]
    for own, other in zip(off(ours), off(theirs), strict=True):
        assert 0 < own < 1.2 * other


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def turns() -> tuple[Tensor, Tensor]:
    angles = torch.rand(1, PLACES, WIDTH // 2, dtype=torch.float64) * 6
    twice = torch.cat([angles, angles], dim=-1)
    return twice.cos(), twice.sin()


def test_gradients_stand_against_small_changes() -> None:
    torch.manual_seed(0)
    weight = some(7).detach()
    assert torch.autograd.gradcheck(lambda x: RmsNorm.apply(x, weight, 1e-5), some(2, 3, 7))
    mask = torch.full((PLACES, PLACES), -1e9, dtype=torch.float64).triu(1)[None, None]
    cos, sin = turns()
    assert torch.autograd.gradcheck(
        lambda q, k, v: RotaryAttention.apply(q, k, v, cos, sin, mask, WIDTH, 0.3),
        (some(BATCH, PLACES, HEADS * WIDTH), *(some(BATCH, PLACES, SHARED * WIDTH) for _ in range(2))))


def test_attention_is_that_of_its_parts() -> None:
    torch.manual_seed(0)
    q, k, v = some(BATCH, PLACES, HEADS * WIDTH), *(some(BATCH, PLACES, SHARED * WIDTH) for _ in range(2))
    cos, sin = turns()
    mask = torch.full((PLACES, PLACES), -1e9, dtype=torch.float64).triu(1)[None, None]
    heads = [x.view(BATCH, PLACES, -1, WIDTH).transpose(1, 2) for x in (q, k, v)]
    shell = torch.nn.Module()
    shell.num_key_value_groups = HEADS // SHARED
    queries, keys = apply_rotary_pos_emb(*heads[:2], cos, sin)
    expected, _ = eager_attention_forward(shell, queries, keys, heads[2], mask, 0.3)
    found = RotaryAttention.apply(q, k, v, cos, sin, mask, WIDTH, 0.3)
    torch.testing.assert_close(found, expected.flatten(2), atol=1e-6, rtol=1e-6)


def test_a_norm_does_not_change_what_it_reads() -> None:
    x = torch.randn(3, 8)
    before, norm = x.clone(), LlamaRMSNorm(8, eps=1e-5)
    torch.testing.assert_close(RmsNorm.apply(x, norm.weight.detach(), 1e-5), norm(x))
    assert torch.equal(x, before)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_with_a_cache_of_keys_it_writes_the_same(attention: str) -> None:
    theirs, ours = model("qwen", attention), model("qwen", attention)
    simplify(ours)
    said = [made.generate(IDS[:, :6], max_new_tokens=8, do_sample=False, pad_token_id=0)
            for made in (theirs, ours)]
    assert torch.equal(*said)


def test_attention_that_drops_weights_drops_them_as_ever() -> None:
    found = []
    for simple in (False, True):
        made = model("llama")
        for layer in made.model.layers:
            layer.self_attn.attention_dropout = 0.5
        if simple:
            simplify(made)
        torch.manual_seed(1)
        found.append(learned(made.train())[0])
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(found[1], learned(made.eval())[0], atol=1e-3)


def test_norms_that_are_trained_are_left_alone() -> None:
    made = model("llama")
    for parameter in made.parameters():
        parameter.requires_grad_(True)
    assert simplify(made) == 2  # attentions hold no weights of their own
    made.train()
    made(input_ids=IDS, use_cache=False).logits.square().mean().backward()
    assert all(p.grad is not None for name, p in made.named_parameters() if "norm" in name)
