"""A shallower copy of a model: some of its layers, evenly spread, in their order.

A first phase heals the cut: it learns to do with the layers that are left (compare Sanh et al., “DistilBERT”,
2019, which keeps every second layer; Muralidharan et al., “Compact Language Models via Pruning and Knowledge
Distillation”, NeurIPS 2024).
"""

from __future__ import annotations

from typing import Any

import torch

from engine.errors import SettingsError


def evenly(layers: int, kept: int) -> tuple[int, ...]:
    """Which of `layers` layers stay when `kept` do: the first, the last, and between them evenly.

    Raises:
        SettingsError: fewer than two, or more than there are.
    """
    if not 2 <= kept <= layers:
        raise SettingsError(f"The small model cannot keep {kept} layers: it has {layers}.",
                            f"Choose a number from 2 to {layers}.")
    return tuple(round(i * (layers - 1) / (kept - 1)) for i in range(kept))


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
