"""Weights laid out as this processor multiplies with them, for a model that answers and does not learn.

A product with few rows spends most of its time on bringing the weights into the order that its kernel reads.
oneDNN can do that once, ahead of all products; torch itself does so for frozen models (the inductor's
“freezing”), by the two operations that are used here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from engine.devices import best_seconds

LEAST = 1 << 18  # numbers in the largest matrix: with smaller ones nothing takes long
ROWS = 64  # of the product that is timed: between what is read (hundreds) and what is written (tens) at once
TRIAL_SECONDS = 0.1  # or eight rounds, whatever is longer
WORTH_IT = 1.1  # at equal speed weights stay as they are


class PackedLinear(nn.Module):
    """As the `nn.Linear` it was made of, (…, in) to (…, out), without gradient."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ROWS)
        self._bias = None if linear.bias is None else linear.bias.detach().clone()  # see `_off_the_file`

    @property
    def weight(self) -> Tensor:
        """The plain weights, made anew: for models that look at them."""
        return self._packed.to_dense()

    def forward(self, x: Tensor) -> Tensor:
        """The product, and the bias."""
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")


def pack(model: nn.Module) -> str:
    """Pack the linear layers of a model's body in place where that is faster; why, or why it cannot be.

    Answers stay the same beyond rounding. Nothing is said where it would gain nothing.
    """
    body = getattr(model, "base_model", model)
    largest = max((module for module in body.modules() if type(module) is nn.Linear),
                  key=lambda module: module.weight.numel(), default=None)
    if largest is None:
        return ""
    try:
        gain = worth_packing(largest)
    except RuntimeError as error:
        return f"weights as they are: this processor cannot have them laid out ({str(error).splitlines()[0]})"
    del largest  # or its weights would stay beside the packed ones
    if not gain:
        return ""
    _swap(body)
    _off_the_file(model)
    return f"weights laid out for this processor, {gain:.1f} × as fast for a few rows (timed)"


def worth_packing(largest: nn.Linear) -> float:
    """How much faster a model's products are packed, timed on its largest matrix; 0 if that is not enough.

    Raises:
        RuntimeError: oneDNN has no such layout for this processor.
    """
    if largest.weight.numel() < LEAST or not _can_pack(largest.weight):
        return 0.0
    gain = _gain(largest)
    return gain if gain >= WORTH_IT else 0.0


def _can_pack(weight: Tensor) -> bool:
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    known: Any = torch.ops.mkldnn
    if not all(hasattr(known, name) for name in ("_reorder_linear_weight", "_linear_pointwise")):
        return False  # another version of torch
    return weight.dtype == torch.float32 or (
        weight.dtype == torch.bfloat16 and known._is_mkldnn_bf16_supported())


def _gain(linear: nn.Linear) -> float:
    """How much faster the packed product is."""
    return _timed(linear.in_features, linear.out_features, linear.weight.dtype, torch.get_num_threads())


@torch.no_grad()
def _off_the_file(model: nn.Module) -> None:
    """Copy a model's plain weights, in place, out of the file that they were mapped from.

    One that still lies in the file keeps all of it in memory, beside the packed copies.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


@lru_cache(maxsize=16)  # a small model that writes asks each time
@torch.inference_mode()
def _timed(width: int, out: int, dtype: torch.dtype, threads: int) -> float:  # noqa: ARG001 - part of the key
    linear = nn.utils.skip_init(nn.Linear, width, out, bias=False, dtype=dtype)  # draws no random numbers
    nn.init.ones_(linear.weight)
    x, packed = torch.ones(ROWS, width, dtype=dtype), PackedLinear(linear)
    as_it_is, laid_out = best_seconds([lambda: linear(x), lambda: packed(x)], TRIAL_SECONDS)
    return as_it_is / laid_out


def _swap(body: nn.Module) -> None:
    """One matrix after the other, so that no more than one is in memory twice."""
    for module in [module for module in body.modules() if type(module) is not nn.Linear]:
        for name in [name for name, child in module.named_children() if type(child) is nn.Linear]:
            setattr(module, name, PackedLinear(getattr(module, name)))
