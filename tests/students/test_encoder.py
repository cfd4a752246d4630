"""Encoders that read as many tokens as they say, and those that read fewer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModel, BertConfig, RobertaConfig

from engine.students.encoder import _window

TINY = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 8, "pad_token_id": 1}


@pytest.mark.parametrize(("config", "most"), [
    (RobertaConfig(max_position_embeddings=34, **TINY), 32),
    (BertConfig(max_position_embeddings=32, **TINY), 32)])
def test_as_many_tokens_as_fit_are_read_and_not_one_more(config: object, most: int) -> None:
    model = AutoModel.from_config(config)
    window = _window(model, SimpleNamespace(model_max_length=10**30))
    assert window == most
    assert model(input_ids=torch.full((1, window), 5)).last_hidden_state.shape[1] == window
    assert _window(model, SimpleNamespace(model_max_length=16)) == 16
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, window + 1), 5))
