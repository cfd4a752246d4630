"""A shallower copy of a model: its lower layers, in their order.

The upper third of a language model shapes the next word; what a text is about is read below it, and the first
third cannot be thinned (Gromov et al., “The Unreasonable Ineffectiveness of the Deeper Layers”, 2024; Men et
al., “ShortGPT”, 2024). A first phase heals the cut. Measured on 12 of Qwen2.5-Coder-0.5B's 24 layers, 600
tweets seen once: agreement .53 with these, .51 with the first twelve, .41 with twelve of the first sixteen,
evenly, .37 with every second layer of all (as in Sanh et al., “DistilBERT”, 2019).
"""

from __future__ import annotations

from typing import Any

import torch

from engine.errors import SettingsError


def lower(layers: int, kept: int) -> tuple[int, ...]:
    """Which of `layers` layers stay when `kept` do: the first third whole, then evenly up to two thirds.

    Where more are kept than two thirds, the first ones.

    Raises:
        SettingsError: fewer than two, or more than there are.
    """
    if not 2 <= kept <= layers:
        raise SettingsError(f"The small model cannot keep {kept} layers: it has {layers}.",
                            f"Choose a number from 2 to {layers}.")
    third, top = min(kept, round(layers / 3)), max(kept, round(2 * layers / 3))
    spread = kept - third
    # Each of the spread-out layers is the last of its stretch, so that the way to `top` is whole.
    return (*range(third), *(third + round((i + 1) * (top - third) / spread) - 1 for i in range(spread)))


def keep_layers(model: Any, kept: tuple[int, ...]) -> Any:  # noqa: ANN401 - a causal language model
    """The model with only these layers, changed in place; embeddings, norm and vocabulary matrix stay.

    Raises:
        SettingsError: the model is not a stack of layers that could be cut.
    """
    stack = getattr(getattr(model, "model", None), "layers", None)
    if not isinstance(stack, torch.nn.ModuleList):
        raise SettingsError("This model cannot be cut to fewer layers: it is built in another way.",
                            "Choose another small model, or keep all its layers.")
    model.model.layers = torch.nn.ModuleList(stack[i] for i in kept)
    for place, layer in enumerate(model.model.layers):
        for part in layer.modules():  # attention finds its keys and values by its place in the stack
            if hasattr(part, "layer_idx"):
                part.layer_idx = place
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [model.config.layer_types[i] for i in kept]
    model.config.num_hidden_layers = len(kept)
    return model
