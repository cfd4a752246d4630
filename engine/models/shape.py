"""How wide and how deep a model is, and how much it reads. Torch-free.

Families call the same thing by several names: GPT-2 says `n_embd`, DistilBERT `dim`; a model that also sees
pictures keeps what its text part is under `text_config`.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import EngineError
from engine.workspace import read_json


def width_of(models: Path, name: str) -> int | None:
    """Numbers that a model holds for a token; None where it is not here or does not say."""
    return _number(models / name, "hidden_size", "n_embd", "d_model", "dim")


def inner_width_of(models: Path, name: str) -> int | None:
    """Numbers that a model holds for a token within each layer; None where it is not here or does not say."""
    return _number(models / name, "intermediate_size", "n_inner", "ffn_dim", "hidden_dim")


def depth_of(models: Path, name: str) -> int | None:
    """Layers of a model; None where it is not here or does not say."""
    return _number(models / name, "num_hidden_layers", "n_layer", "n_layers")


def window_of(models: Path, name: str) -> int | None:
    """Tokens that a model reads at once, and no more; None where it is not here or does not say."""
    return _number(models / name, "max_position_embeddings", "n_positions")


def _number(folder: Path, *names: str) -> int | None:
    try:
        config = read_json(folder / "config.json")
    except (OSError, ValueError, EngineError):
        return None
    if not isinstance(config, dict):
        return None
    text = config.get("text_config")
    said = config | text if isinstance(text, dict) else config
    return next((said[name] for name in names if isinstance(said.get(name), int) and said[name] > 0), None)
