"""Models are loaded where the device choice says, and refusals come before the memory is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine.devices import DeviceChoice
from engine.errors import SpaceError, WeightsError
from engine.models.loading import load_causal_lm, load_encoder, load_tokenizer
from tests.models.conftest import model_files, write_folder

CPU = DeviceChoice("cpu", "bfloat16", 1, "test")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A random two-layer Llama with a word tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    folder = write_folder(tmp_path / "tiny", model_files())
    (folder / "model.safetensors").unlink()
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=8,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
        )
    ).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "unk_token": "[UNK]",
                "eos_token": "flood",
            }
        )
    )
    return folder


def test_a_model_is_loaded_ready_to_answer(tiny: Path) -> None:
    import torch

    model, tokenizer = load_causal_lm(tiny, CPU, attention="eager")
    assert not model.training and model.dtype == torch.bfloat16 and torch.get_num_threads() == 1
    assert tokenizer.pad_token == "flood"
    with torch.no_grad():
        logits = model(**tokenizer("flood flood", return_tensors="pt")).logits
    assert logits.shape == (1, 2, 8)


def test_too_little_memory_is_told_before_loading(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: real._replace(available=100))
    with pytest.raises(SpaceError, match="free memory"):
        load_causal_lm(tiny, CPU)


def test_models_that_bring_code_are_refused(tiny: Path) -> None:
    (tiny / "config.json").write_text(
        json.dumps(
            {
                "model_type": "own-kind",
                "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},
            }
        )
    )
    (tiny / "code.py").write_text("raise SystemExit('this must never run')")
    with pytest.raises(WeightsError, match="program code"):
        load_causal_lm(tiny, CPU)


def test_unknown_kinds_are_refused_in_one_line(tiny: Path) -> None:
    (tiny / "config.json").write_text(json.dumps({"model_type": "no-such-kind"}))
    with pytest.raises(WeightsError, match="could not be opened") as odd:
        load_causal_lm(tiny, CPU)
    assert "\n" not in odd.value.what
    with pytest.raises(WeightsError):
        load_tokenizer(tiny / "absent")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_vocabulary_is_not_copied_for_every_row_that_is_written(tiny: Path, dtype: str) -> None:
    """States of last tokens, cut out of all, made torch multiply with a frozen matrix copied for each row."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Noted(TorchDispatchMode):
        """Strides of every tensor that is given to a product."""

        def __init__(self) -> None:
            super().__init__()
            self.strides: list[tuple[int, ...]] = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
            if "mm" in func.name():
                self.strides += [one.stride() for one in args if isinstance(one, torch.Tensor)]
            return func(*args, **(kwargs or {}))

    model, _ = load_causal_lm(tiny, replace(CPU, dtype=dtype))
    model.requires_grad_(False)  # as a student's base is
    rows, head = 40, model.get_output_embeddings()
    cut = torch.randn(rows, 3, 16, dtype=getattr(torch, dtype))[:, -1:, :]
    with Noted() as noted, torch.no_grad():
        assert head(cut).shape == (rows, 1, 8)
    # A matrix that is repeated by a stride of nothing is copied inside the product.
    assert noted.strides and not any(0 in strides for strides in noted.strides)
    ids = torch.randint(0, 8, (rows, 3))
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=ids, logits_to_keep=1).logits,
                                   model(input_ids=ids).logits[:, -1:])


def test_a_last_layer_that_adds_numbers_of_its_own_is_refused(tiny: Path) -> None:
    """Scores are made from rows of the vocabulary matrix alone: of Phi or GPT-J they would be others."""
    from transformers import PhiConfig, PhiForCausalLM

    config = PhiConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                       num_attention_heads=2)
    PhiForCausalLM(config).save_pretrained(tiny)
    with pytest.raises(WeightsError, match="output layer has a bias"):
        load_causal_lm(tiny, CPU)


def test_encoders_without_a_pooling_layer_are_opened_too(tiny: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    (tiny / "model.safetensors").unlink()
    DistilBertModel(DistilBertConfig(vocab_size=8, dim=16, hidden_dim=16, n_layers=1, n_heads=2,
                                     max_position_embeddings=32)).save_pretrained(tiny)
    model, _ = load_encoder(tiny, CPU)
    assert model.config.model_type == "distilbert" and not model.training
