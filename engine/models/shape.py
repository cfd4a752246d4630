"""How wide and how deep a model is. Torch-free."""

from __future__ import annotations

from pathlib import Path

from engine.errors import EngineError
from engine.workspace import read_json


def width_of(models: Path, name: str) -> int | None:
    """Numbers that a model holds for a token (`hidden_size`); None where it is not here or does not say."""
    return _number(models / name, "hidden_size")


def depth_of(models: Path, name: str) -> int | None:
    """Layers of a model (`num_hidden_layers`); None where it is not here or does not say."""
    return _number(models / name, "num_hidden_layers")


def window_of(models: Path, name: str) -> int | None:
    """Tokens that a model reads at once, and no more; None where it is not here or does not say.

    GPT-2 and its like call them `n_positions`.
    """
    return _number(models / name, "max_position_embeddings") or _number(models / name, "n_positions")


def _number(folder: Path, key: str) -> int | None:
    try:
        config = read_json(folder / "config.json")
    except (OSError, ValueError, EngineError):
        return None
    value = config.get(key) if isinstance(config, dict) else None
    return value if isinstance(value, int) and value > 0 else None
