"""Layers computed together give what peft gives by itself: values, gradients, and the adapter off."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from engine.students.joined import join

SHAPE = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
LAYERS = 2 * 7
IDS = torch.arange(24).reshape(2, 12) % 50


def base(kind: str) -> PreTrainedModel:
    torch.manual_seed(0)
    made = LlamaForCausalLM(LlamaConfig(**SHAPE)) if kind == "llama" else Qwen2ForCausalLM(
        Qwen2Config(**SHAPE))  # Qwen's query, key and value have a bias
    return made.double().eval()


def adapted(kind: str = "llama", **settings: object) -> PeftModel:
    """A model whose adapter does something, as if it had learned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base(kind), LoraConfig(**{
            "r": 4, "lora_alpha": 12, "lora_dropout": 0.0, "target_modules": "all-linear", **settings}),
            autocast_adapter_dtype=False)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.2)
            elif name.endswith("bias"):
                parameter.normal_()
    return model


def learned(model: PeftModel) -> tuple[Tensor, dict[str, Tensor]]:
    """Scores, and what every trained weight would change by."""
    scores = model(input_ids=IDS).logits
    (scores.log_softmax(-1)[:, :, 3].mean() + scores[:, 2].square().mean()).backward()
    return scores.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", ["llama", "qwen"])
@pytest.mark.parametrize("rslora", [False, True])
def test_values_and_gradients_are_those_of_peft(kind: str, rslora: bool) -> None:
    theirs, ours = adapted(kind, use_rslora=rslora), adapted(kind, use_rslora=rslora)
    assert join(ours) == LAYERS
    (expected, pulls), (scores, own) = learned(theirs), learned(ours)
    torch.testing.assert_close(scores, expected)
    assert own.keys() == pulls.keys() and len(own) == 2 * LAYERS
    for name, pull in pulls.items():
        assert pull.abs().max() > 0
        torch.testing.assert_close(own[name], pull)


def test_gradients_stand_against_small_changes() -> None:
    from engine.students.joined import JoinedLora
    torch.manual_seed(0)

    def some(*shape: int, learned: bool = True) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, requires_grad=learned)
    weights = (some(5, 3, learned=False), some(4, 3, learned=False), some(5, learned=False), None,
               some(2, 3), some(2, 3), some(5, 2), some(4, 2))
    assert torch.autograd.gradcheck(lambda x, *w: JoinedLora.apply(x, 0.7, 2, *w), (some(2, 3, 3), *weights))


def test_only_layers_that_are_trained_get_a_gradient() -> None:
    theirs, ours = adapted(), adapted()
    join(ours)
    for model in (theirs, ours):
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("lora_" in name and ".layers.1." in name)
    (_, pulls), (_, own) = learned(theirs), learned(ours)
    assert own.keys() == pulls.keys() and all(".layers.1." in name for name in own)
    for name, pull in pulls.items():
        torch.testing.assert_close(own[name], pull)


def test_off_it_is_the_base_and_on_again_it_is_not() -> None:
    model, plain = adapted(), base("llama")
    join(model)
    with torch.no_grad():
        on, off = model(input_ids=IDS).logits, plain(input_ids=IDS).logits
        with model.disable_adapter():
            torch.testing.assert_close(model(input_ids=IDS).logits, off)
        torch.testing.assert_close(model(input_ids=IDS).logits, on)
    assert not torch.allclose(on, off)


def test_merged_it_answers_the_same() -> None:
    model = adapted()
    join(model)
    with torch.no_grad():
        before = model(input_ids=IDS).logits
        model.merge_adapter()
        torch.testing.assert_close(model(input_ids=IDS).logits, before)
        model.unmerge_adapter()
        torch.testing.assert_close(model(input_ids=IDS).logits, before)
        torch.testing.assert_close(model.merge_and_unload()(input_ids=IDS).logits, before)


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"lora_dropout": 0.1}, {"lora_bias": True}],
                         ids=["dora", "dropout", "bias"])
def test_what_is_not_plain_is_left_to_peft(settings: dict[str, object]) -> None:
    assert join(adapted(**settings)) == 0


def test_siblings_of_different_strength_compute_each_for_itself() -> None:
    theirs, ours = (adapted(alpha_pattern={"k_proj": 4}) for _ in range(2))
    assert join(ours) == LAYERS
    torch.testing.assert_close(learned(ours)[0], learned(theirs)[0])


def test_two_threads_do_not_mix() -> None:
    model = adapted()
    join(model)
    questions = [(IDS + k) % 60 for k in range(16)]
    with torch.no_grad():
        alone = [model(input_ids=ids).logits for ids in questions]

    def asked(ids: Tensor) -> Tensor:
        with torch.no_grad():
            return model(input_ids=ids).logits
    with ThreadPoolExecutor(4) as pool:
        for expected, found in zip(alone, pool.map(asked, questions), strict=True):
            torch.testing.assert_close(found, expected)
