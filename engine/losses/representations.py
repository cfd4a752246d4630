"""Losses on inner representations: does the student see the same likenesses between documents?

Relational cross-entropy: each document is described by how alike its hidden state is to those of K fixed
anchor documents, softmax(cos(h, anchors)/τ). Teacher's and student's descriptions are compared by
cross-entropy, so neither width nor vocabulary need be shared (relations instead of states: Park et al.,
"Relational Knowledge Distillation", 2019; Fang et al., "SEED", 2021). Both sides are centred on their
anchors' mean first: last-token states of language models lie in a narrow cone, raw cosines are all near
1, and without centring the loss has no gradient to speak of.

Linear CKA compares the likenesses within a batch, without anchors; `engine.losses.projected` the states.
"""

from __future__ import annotations

import torch
from torch import Tensor

TAU = 0.1
_HIDDEN = -1e9
_NO_SPREAD = 1e-5  # of a batch, beside the size of its states: what is left is rounding


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


def linear_cka(student: Tensor, teacher: Tensor) -> Tensor:
    """One minus the linear CKA of a batch, averaged over depths.

    Centred kernel alignment (Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML
    2019): the cosine of the two tables of inner products between the batch's states, each side centred on the
    batch's mean. Turning or scaling either side changes nothing. It is a property of the batch and not a mean
    over items, and it depends on how many they are: of fewer items than dimensions any two sets of states
    seem alike, so its values are to be compared only between batches of one size.

    Args:
        student: (items, depths, student's width) states.
        teacher: (items, depths, teacher's width) states, no gradient.

    Returns:
        A scalar, 0 to 1, no unit. Zero means: the same likenesses at every depth, up to one factor each; also
        where the teacher's states are all the same (one item, say), so that there is nothing to learn. Where
        only the student's are all the same it is 1, without a gradient.
    """
    seen, _ = _spread_out(student)
    wanted, there = _spread_out(teacher)
    products, own, other = ((a @ a.mT * (b @ b.mT)).sum((-1, -2))
                            for a, b in ((seen, wanted), (seen, seen), (wanted, wanted)))
    alike = products / (own * other).clamp_min(_NO_SPREAD**4).sqrt()
    return torch.where(there, 1 - alike, 0).mean()


def _spread_out(states: Tensor) -> tuple[Tensor, Tensor]:
    """(depths, items, width) centred over items and of norm 1 at each depth, 0 where all are the same; and
    whether they are not, (depths,)."""
    own = states.to(torch.promote_types(states.dtype, torch.float32)).transpose(0, 1)
    centred = own - own.mean(1, keepdim=True)
    norm = torch.linalg.vector_norm(centred.detach(), dim=(1, 2))
    there = norm > _NO_SPREAD * torch.linalg.vector_norm(own.detach(), dim=(1, 2))
    # The norm is taken as a constant: CKA does not change with it, so neither does its gradient.
    return centred * torch.where(there, 1 / norm, 0)[:, None, None], there
