"""LoRA (Hu et al., 2022) on layers that read the same activations, in few matrix products.

At the few hundred tokens of a training step on a CPU, the narrow products of the adapters cost as much as
the wide ones of the base. Here layers that read one input (query, key and value; gate and up) share the
products with that input, sums are taken inside products, and nothing is computed for what is not trained.
The weights stay where peft keeps them: saving, merging and switching the adapter off are as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import torch
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"), ("query", "key", "value"))
ADAPTER = "default"


class JoinedLora(torch.autograd.Function):
    """y_i = x W_iᵀ + b_i + s (x A_iᵀ) B_iᵀ for several layers i that read the same x; W and b are frozen.

    Called as `apply(x, s, n, W_1..W_n, b_1..b_n, A_1..A_n, B_1..B_n)`: x (..., in); W_i (out_i, in); b_i
    (out_i,) or None; A_i (rank, in); B_i (out_i, rank). Returns n tensors (..., out_i).
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, scale: float, n: int,
                *weights: Tensor | None) -> tuple[Tensor, ...]:
        """The layers' outputs."""
        wide, biases, down, up = (weights[i * n:(i + 1) * n] for i in range(4))
        flat = x.reshape(-1, x.shape[-1])
        downs = torch.cat(down) if n > 1 else down[0]
        narrow = flat @ downs.T
        outputs = []
        for w, bias, b, h in zip(wide, biases, up, _columns(narrow, down), strict=True):
            y = flat @ w.T if bias is None else torch.addmm(bias, flat, w.T)
            outputs.append(y.addmm_(h, b.T, alpha=scale).reshape(*x.shape[:-1], -1))
        ctx.save_for_backward(flat, narrow, *wide, *down, *up)
        ctx.scale, ctx.n, ctx.shape = scale, n, x.shape
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """dA_i = s B_iᵀ dy_iᵀ x, dB_i = s dy_iᵀ x A_iᵀ, dx = Σ dy_i W_i + s dy_i B_i A_i."""
        flat, narrow, *weights = ctx.saved_tensors
        n, scale = ctx.n, ctx.scale
        wide, down, up = (weights[i * n:(i + 1) * n] for i in range(3))
        rows = [dy.reshape(-1, dy.shape[-1]) for dy in gradients]
        wanted = ctx.needs_input_grad
        trained = any(wanted[3 + 2 * n:])
        back = torch.cat([dy @ b for dy, b in zip(rows, up, strict=True)], dim=1).mul_(scale)
        into_down: Sequence[Tensor | None] = [None] * n
        into_up: Sequence[Tensor | None] = [None] * n
        into_x = None
        if trained:
            into_down = (back.T @ flat).split([a.shape[0] for a in down])
            into_up = [(h.T @ dy).T for dy, h in zip(rows, _columns(narrow * scale, down), strict=True)]
        if wanted[0]:
            into_x = rows[0] @ wide[0]
            for dy, w in zip(rows[1:], wide[1:], strict=True):
                into_x.addmm_(dy, w)
            into_x = into_x.addmm_(back, torch.cat(down) if n > 1 else down[0]).reshape(ctx.shape)
        return into_x, None, None, *[None] * (2 * n), *into_down, *into_up


def _columns(narrow: Tensor, down: Sequence[Tensor]) -> Sequence[Tensor]:
    return narrow.split([a.shape[0] for a in down], dim=1)


class Siblings:
    """Layers that read one input. The first called computes all; the others fetch what is theirs."""

    def __init__(self, layers: Sequence[Linear]) -> None:
        self._layers = tuple(layers)
        self._own = [layer.forward for layer in layers]
        self._at_hand = threading.local()  # a page may ask one student from two threads

    def take_over(self) -> None:
        """Let the layers' calls come here."""
        for place, layer in enumerate(self._layers):
            layer.forward = _Call(self, place)

    def call(self, place: int, x: Tensor) -> Tensor:
        """The output of the layer at `place` for x (..., in)."""
        if any(layer.disable_adapters or layer.merged for layer in self._layers):
            return self._own[place](x)
        at_hand = self._at_hand.__dict__
        if at_hand.get("x") is not x or place not in at_hand["outputs"]:
            at_hand["x"], at_hand["outputs"] = x, dict(enumerate(self._computed(x)))
        output = at_hand["outputs"].pop(place)
        if not at_hand["outputs"]:
            at_hand.clear()
        return output

    def _computed(self, x: Tensor) -> tuple[Tensor, ...]:
        layers = self._layers
        return JoinedLora.apply(
            x, layers[0].scaling[ADAPTER], len(layers), *(one.base_layer.weight for one in layers),
            *(one.base_layer.bias for one in layers), *(one.lora_A[ADAPTER].weight for one in layers),
            *(one.lora_B[ADAPTER].weight for one in layers))


class _Call:
    """A layer's forward pass, done by its siblings together."""

    def __init__(self, siblings: Siblings, place: int) -> None:
        self._siblings, self._place = siblings, place

    def __call__(self, x: Tensor) -> Tensor:
        return self._siblings.call(self._place, x)


def join(model: nn.Module) -> int:
    """Let plain LoRA layers of a peft model compute together, in place; how many do.

    Others (DoRA, weights in 4 bits, dropout, several adapters) go on as peft computes them.
    """
    joined: set[int] = set()
    for group in [*_families(model), *([layer] for layer in model.modules())]:
        if all(is_plain(layer) and id(layer) not in joined for layer in group):
            Siblings(group).take_over()
            joined.update(map(id, group))
    return len(joined)


def _families(model: nn.Module) -> Iterator[list[nn.Module]]:
    for parent in model.modules():
        for names in SIBLINGS:
            layers = [getattr(parent, name, None) for name in names]
            if all(is_plain(layer) for layer in layers) and len(
                    {(layer.in_features, layer.scaling[ADAPTER]) for layer in layers}) == 1:
                yield layers


def is_plain(layer: object) -> bool:
    """Whether it is a linear layer with plain LoRA, in one number format, and nothing else about it."""
    return (type(layer) is Linear and type(layer.base_layer) is nn.Linear and not layer.lora_variant
            and list(layer.lora_A) == layer.active_adapters == [ADAPTER]
            and isinstance(layer.lora_dropout[ADAPTER], nn.Identity)
            and layer.lora_B[ADAPTER].bias is None
            and layer.lora_A[ADAPTER].weight.dtype == layer.base_layer.weight.dtype)
