"""Putting loss terms together: one reducer for all of them, normalised over the whole optimiser step."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def reduce_items(per_item: Tensor, weights: Tensor, normaliser: float) -> Tensor:
    """Σ wᵢ·lossᵢ / normaliser, a scalar in the losses' unit; `per_item` and `weights` are (items,).

    `normaliser` is Σ w over *all* micro-batches (and ranks) of the optimiser step, so the result does not
    depend on how the step was split.
    """
    return (per_item * weights).sum() / normaliser


def blend(terms: Mapping[str, Tensor], strengths: Mapping[str, float]) -> Tensor:
    """Weighted sum of reduced terms, a scalar.

    Terms of strength 0 are left out: one that is not a number does no harm then.
    """
    parts = [terms[name] * strengths[name] for name in terms if strengths[name]]
    return sum(parts[1:], start=parts[0])
