"""How wide a model is, and how large a step its width allows. Torch-free."""

from __future__ import annotations

import math
from pathlib import Path

from engine.errors import EngineError
from engine.workspace import read_json

KNOWN_WIDTH = 576  # of SmolLM2 135M, on which the presets' rates were chosen
RATE_SHARES = tuple(0.5 ** k for k in range(6))  # the last for all wider than 9,216


def width_of(models: Path, name: str) -> int | None:
    """Numbers that a model holds for a token (`hidden_size`); None where it is not here or does not say."""
    try:
        config = read_json(models / name / "config.json")
    except (OSError, ValueError, EngineError):
        return None
    width = config.get("hidden_size") if isinstance(config, dict) else None
    return width if isinstance(width, int) and width > 0 else None


def rate_share(width: int | None) -> float:
    """The share of the presets' learning rates for a student so wide: halved with each doubling, from 577 on.

    Adam's best rate falls with the width (Yang et al., "Tensor Programs V", 2022: as 1 / width). Measured on
    Qwen2.5-Coder-0.5B (896 wide): at the whole rate a phase over all documents lost what the one before had
    taught, at half of it not.
    """
    if width is None or width <= KNOWN_WIDTH:
        return 1.0
    return RATE_SHARES[min(math.ceil(math.log2(width / KNOWN_WIDTH)), len(RATE_SHARES) - 1)]
