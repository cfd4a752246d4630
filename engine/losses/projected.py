"""Losses on inner representations after a learned projection: is the large model's state in the student's?

The student's state of a document is mapped, by one linear map a depth, to the width of the large model's and
compared with it (FitNets: Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015). The maps are
trained beside the student and belong to the loss: no student is saved with them.

The large model's states are standardised first, each dimension by its mean and spread over the documents to
learn from, once, before training. Last-token states lie in a narrow cone and a few dimensions are many times
as large as all others (Sun et al., "Massive Activations in Large Language Models", 2024): a map would learn
what all documents have in common, and those few, and be at rest. So nothing common is left, every dimension
weighs the same, and a map that knows nothing of a document (always zero) costs 1 by either loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6  # spread of a dimension, beside its size, under which it says nothing


def centre_and_scale(states: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over items (items, depths, width) → (depths, width) each, fp32.

    A dimension that is the same everywhere gets a scale of 1: standardised, it is 0.
    """
    whole = states.float()
    centre = whole.mean(0)
    scale = (whole - centre).square().mean(0).sqrt()
    return centre, torch.where(scale > _LEAST * (1 + centre.abs()), scale, torch.ones_like(scale))


def standardised(states: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """States (items, depths, width) less a centre, by a scale, (depths, width) both."""
    return (states.to(torch.promote_types(states.dtype, torch.float32)) - centre) / scale


def project(states: Tensor, maps: Tensor) -> Tensor:
    """(items, depths, width) through maps (depths, other width, width): (items, depths, other width)."""
    return torch.einsum("idw,dvw->idv", states, maps)


def projected_cosine(student: Tensor, teacher: Tensor, maps: Tensor) -> Tensor:
    """One minus the cosine after the projection, averaged over depths (Sanh et al., "DistilBERT", 2019).

    Args:
        student: (items, depths, student's width) states, standardised.
        teacher: (items, depths, teacher's width) states, standardised, no gradient.
        maps: (depths, teacher's width, student's width).

    Returns:
        (items,), 0 to 2, no unit. Zero means: the same direction at every depth, of whatever length; 1:
        nothing in common.
    """
    cosines = torch.nn.functional.cosine_similarity(project(student, maps), teacher, dim=-1, eps=_LEAST)
    return (1 - cosines).mean(-1)


def projected_mse(student: Tensor, teacher: Tensor, maps: Tensor) -> Tensor:
    """Mean squared error after the projection, over dimensions and depths (Jiao et al., "TinyBERT", 2020).

    Args:
        student: (items, depths, student's width) states, standardised.
        teacher: (items, depths, teacher's width) states, standardised, no gradient.
        maps: (depths, teacher's width, student's width).

    Returns:
        (items,), in variances of the teacher's states over the documents. Zero means: equal states at every
        depth; 1, on average over documents: as far off as the mean of all documents is.
    """
    return (project(student, maps) - teacher).square().mean((-1, -2))
