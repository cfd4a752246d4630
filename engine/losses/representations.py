"""Losses on inner representations: does the student see the same likenesses between documents?

Relational cross-entropy: each document is described by how alike its hidden state is to those of K fixed
anchor documents, softmax(cos(h, anchors)/τ). Teacher's and student's descriptions are compared by
cross-entropy, so neither width nor vocabulary need be shared (relations instead of states: Park et al.,
"Relational Knowledge Distillation", 2019; Fang et al., "SEED", 2021). Both sides are centred on their
anchors' mean first: last-token states of language models lie in a narrow cone, raw cosines are all near
1, and without centring the loss has no gradient to speak of.
"""

from __future__ import annotations

import torch
from torch import Tensor

TAU = 0.1
_HIDDEN = -1e9


def relations(states: Tensor, anchors: Tensor, own_anchor: Tensor, tau: float = TAU) -> Tensor:
    """Log-distribution over anchors for each document and depth.

    Args:
        states: (items, depths, width) hidden states.
        anchors: (anchors, depths, width) hidden states of the anchor documents, same model.
        own_anchor: (items,) index of the anchor that *is* this document, or -1; left out of its row.
        tau: temperature of the softmax; 0.1 spreads centred cosines well.

    Returns:
        (items, depths, anchors) log-probabilities.
    """
    centre = anchors.float().mean(0, keepdim=True)
    h = torch.nn.functional.normalize(states.float() - centre, dim=-1)
    a = torch.nn.functional.normalize(anchors.float() - centre, dim=-1)
    scores = torch.einsum("idw,kdw->idk", h, a) / tau
    itself = torch.arange(anchors.shape[0], device=scores.device)[None, :] == own_anchor[:, None]
    return torch.log_softmax(scores.masked_fill(itself[:, None, :], _HIDDEN), dim=-1)


def relational_cross_entropy(student: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy of two descriptions minus the teacher's entropy, averaged over depths.

    Args:
        student: (items, depths, anchors) log-probabilities from `relations`.
        teacher: the same shape, no gradient.

    Returns:
        (items,) in nats. Zero means: the same likenesses at every depth.
    """
    p = teacher.exp()
    return (p * (teacher - student)).sum(-1).mean(-1)
