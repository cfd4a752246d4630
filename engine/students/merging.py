"""A student's adapter inside its weights, for as long as it writes.

One token at a time, an adapter's two narrow products and the start of each operation cost more than the wide
product that they stand beside. Does not: change a student; afterwards every layer is the one it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from peft.tuners.lora.layer import Linear
from torch import nn
from torch.distributed.tensor import DTensor

from engine.models.packing import PackedLinear, worth_packing
from engine.students.joined import ADAPTER, is_plain


@contextmanager
def merged(body: nn.Module, *, pack: bool = True) -> Iterator[None]:
    """Plain LoRA layers of a model's body as one linear layer each; `pack`: laid out if that pays.

    Their weights are W + s B A (Hu et al., 2022, §4.1), rounded once. Other adapters (DoRA), and weights in 4
    bits or in pieces, compute as they do. What is merged stands in memory beside the base until the end.
    """
    places = [(parent, name, layer) for parent in body.modules() for name, layer in parent.named_children()
              if is_plain(layer) and not isinstance(layer.base_layer.weight, DTensor)]
    packs = pack and _pays([layer for _, _, layer in places])
    try:
        for parent, name, layer in places:
            single = _single(layer)
            setattr(parent, name, PackedLinear(single) if packs else single)
        yield
    finally:
        for parent, name, layer in places:
            setattr(parent, name, layer)


def _pays(layers: Sequence[Linear]) -> bool:
    if not layers:
        return False
    try:
        return worth_packing(max((one.base_layer for one in layers), key=lambda one: one.weight.numel())) > 0
    except RuntimeError:  # this processor has no such layout
        return False


@torch.no_grad()
def _single(layer: Linear) -> nn.Linear:
    base, down, up = layer.base_layer, layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    wide = torch.promote_types(base.weight.dtype, torch.float32)
    weight = torch.addmm(base.weight.to(wide), up.to(wide), down.to(wide), alpha=layer.scaling[ADAPTER])
    made = nn.Linear(base.in_features, base.out_features, bias=False, device="meta")
    made.weight = nn.Parameter(weight.to(base.weight.dtype), requires_grad=False)
    made.bias = base.bias
    return made
