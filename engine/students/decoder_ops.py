"""Norms and attention of Llama-like decoders, each as one operation with a backward pass of its own.

At the few hundred tokens of a training step on a CPU a layer's time goes into dozens of small operations and
the copies between them. What they compute is the same here, in fewer: a norm keeps its result by way of its
input, heads that share a key are multiplied together instead of with copies of it, and positions are turned
while heads are put in order. Weights stay where they are; a cache of keys, dropout, another
implementation of attention, or another kind of layer computes as transformers does.
"""

from __future__ import annotations

from types import MethodType

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2RMSNorm

NORMS = (LlamaRMSNorm, Qwen2RMSNorm)
ATTENTIONS = (LlamaAttention, Qwen2Attention)


class RmsNorm(torch.autograd.Function):
    """y = w · x / √(mean(x²) + ε) over the last axis (Zhang & Sennrich, 2019), for a frozen w.

    Called as `apply(x, w, ε)`: x (..., width); w (width,). Computes in fp32 or, if x is wider, as x.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """The normed states, shaped as x."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        squares = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        shrink = squares.mul_(1 / x.shape[-1]).add_(epsilon).rsqrt_()
        normed = (wide * shrink).to(x.dtype)
        ctx.save_for_backward(normed, shrink, weight)
        return weight * normed

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """dx = (g − n · mean(g · n)) / √(mean(x²) + ε), where n is x normed and g = w · dy."""
        normed, shrink, weight = ctx.saved_tensors
        pull = torch.mul(gradient, weight).to(shrink.dtype)
        wide = normed.to(shrink.dtype)
        along = torch.linalg.vecdot(pull, wide).unsqueeze(-1).mul_(-1 / wide.shape[-1])
        return torch.addcmul(pull, wide, along).mul_(shrink).to(gradient.dtype), None, None


class RotaryAttention(torch.autograd.Function):
    """Attention with turned positions (Su et al., “RoFormer”, 2021) and shared keys (Ainslie et al., 2023).

    Called as `apply(q, k, v, cos, sin, mask, width, scale)`: q (batch, places, heads · width); k and v
    (batch, places, fewer heads · width); cos and sin (batch or 1, places, width), each of two equal halves;
    mask (batch or 1, 1, places, places), added to the scores. Returns (batch, places, heads · width).
    """

    @staticmethod
    def forward(ctx: FunctionCtx, q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, mask: Tensor,
                width: int, scale: float) -> Tensor:
        """Each place's mean of the values it attends to."""
        batch, places, _ = k.shape
        shared, heads = k.shape[-1] // width, q.shape[-1] // width
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
        turns = (cos * scale, sin * scale, cos, sin)  # the scale comes with the turn
        # Heads that share a key lie behind each other: (batch · shared, heads / shared · places, width).
        queries = _turned(_heads(q, width), *turns[:2]).view(batch * shared, -1, width)
        keys = _turned(_heads(k, width), *turns[2:]).view(batch * shared, places, width)
        values = _heads(v, width).reshape(batch * shared, places, width)
        scores = torch.bmm(queries, keys.mT)
        scores.view(batch, heads, places, places).add_(mask)
        # In bf16 torch's softmax takes twice the time of the way by fp32 (on CPUs, 2.13).
        weights = torch.softmax(scores, dim=-1, dtype=torch.promote_types(q.dtype, torch.float32)).to(q.dtype)
        ctx.save_for_backward(queries, keys, values, weights, *turns)
        return _places(torch.bmm(weights, values).view(batch, heads, places, width))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """By the chain rule; a turn's gradient is turned back."""
        queries, keys, values, weights, cos_q, sin_q, cos, sin = ctx.saved_tensors
        (rows, places, width), batch = keys.shape, len(gradient)
        into_mean = _heads(gradient, width).reshape(rows, -1, width)
        into_weights = torch.bmm(into_mean, values.mT)
        into_scores = torch._softmax_backward_data(into_weights, weights, -1, weights.dtype)  # noqa: SLF001
        into_q = torch.bmm(into_scores, keys).view(batch, -1, places, width)
        into_k = torch.bmm(into_scores.mT, queries).view(batch, -1, places, width)
        into_v = torch.bmm(weights.mT, into_mean).view(batch, -1, places, width)
        return (_places(_turned(into_q, cos_q, -sin_q)), _places(_turned(into_k, cos, -sin)),
                _places(into_v), *[None] * 5)


def _heads(states: Tensor, width: int) -> Tensor:
    """(batch, places, heads · width) → (batch, heads, places, width), not copied."""
    return states.view(*states.shape[:2], -1, width).transpose(1, 2)


def _places(states: Tensor) -> Tensor:
    """(batch, heads, places, width) → (batch, places, heads · width), copied in order."""
    return states.transpose(1, 2).flatten(2)


def _turned(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Each pair of (first half, second half) turned by its place's angle; (batch, heads, places, width)."""
    half = states.shape[-1] // 2
    turned = torch.mul(states, cos, out=torch.empty(states.shape, dtype=states.dtype, device=states.device))
    turned[..., :half].addcmul_(states[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(states[..., :half], sin[..., half:])
    return turned


def _norm(module: nn.Module, hidden_states: Tensor) -> Tensor:
    return RmsNorm.apply(hidden_states, module.weight, module.variance_epsilon)


def _attention(module: nn.Module, hidden_states: Tensor,
               position_embeddings: tuple[Tensor, Tensor] | None = None, attention_mask: Tensor | None = None,
               **others: object) -> tuple[Tensor, Tensor | None]:
    cached = any(others.get(name) is not None for name in ("cache", "past_key_values"))
    plain = module.config._attn_implementation == "eager" and not (  # noqa: SLF001
        module.training and module.attention_dropout)
    if cached or attention_mask is None or not plain:
        return type(module).forward(module, hidden_states, position_embeddings, attention_mask, **others)
    mean = RotaryAttention.apply(
        module.q_proj(hidden_states), module.k_proj(hidden_states), module.v_proj(hidden_states),
        *position_embeddings, attention_mask, module.head_dim, module.scaling)
    return module.o_proj(mean), None


def simplify(model: nn.Module) -> int:
    """Let the norms and attentions of a model with frozen base weights compute so, in place; how many do."""
    found = 0
    for module in model.modules():
        forward = (_norm if type(module) in NORMS else _attention if type(module) in ATTENTIONS else None)
        if forward and not any(p.requires_grad for p in module.parameters(recurse=False)):
            module.forward = MethodType(forward, module)
            found += 1
    return found
