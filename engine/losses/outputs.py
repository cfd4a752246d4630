"""Losses on outputs: how far the student's distribution is from the teacher's.

The four divergences take log-probabilities of teacher (`log_p`) and student (`log_q`), (items, outcomes),
whose exponentials sum to 1 in each row, and return (items,) in nats. Outcomes may be labels, or the likeliest
tokens with all others as one. Zero means: the student says exactly what the teacher says. They bear the names
by which a plan chooses them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.losses.needs import DivergenceName

_TINY = 1e-9
SKEW = 0.1


def soften(probs: Tensor, temperature: float) -> Tensor:
    """Log-probabilities of `probs^(1/temperature)`, renormalised; shape (…, outcomes) kept."""
    return torch.log_softmax(probs.clamp_min(_TINY).log() / temperature, dim=-1)


def forward_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(teacher ‖ student): the cross-entropy minus the teacher's entropy, so its slopes are those of that.

    The default. Kullback and Leibler, "On information and sufficiency", 1951; to distil by the cross-entropy
    with a teacher's distribution: Hinton, Vinyals, Dean, 2015.
    """
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(student ‖ teacher): prefers one of the teacher's answers over hedging (Gu et al., MiniLLM, 2024)."""
    return forward_kl(log_q, log_p)


def jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Jensen–Shannon divergence, at most ln 2 (Lin, 1991)."""
    log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, device=log_p.device))
    return 0.5 * (forward_kl(log_p, log_m) + forward_kl(log_q, log_m))


def skew_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(teacher ‖ 0.1·teacher + 0.9·student): at most ln 10 (Ko et al., DistiLLM, 2024)."""
    skew = torch.tensor(SKEW, device=log_p.device)
    return forward_kl(log_p, torch.logaddexp(log_p + skew.log(), log_q + torch.log1p(-skew)))


DIVERGENCES: dict[DivergenceName, Callable[[Tensor, Tensor], Tensor]] = {
    "forward_kl": forward_kl, "reverse_kl": reverse_kl, "jensen_shannon": jensen_shannon, "skew_kl": skew_kl}


def output_loss(name: DivergenceName, student_logits: Tensor, teacher_probs: Tensor,
                temperature: float = 1.0) -> Tensor:
    """How far the student's label distribution is from the teacher's, (items,), in nats.

    Args:
        name: of the divergence.
        student_logits: (items, labels) raw scores of the student.
        teacher_probs: (items, labels) the teacher's distribution at temperature 1; rows sum to 1.
        temperature: softens both sides; the result is scaled by its square, so that gradients keep their
            size as it grows (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015).
    """
    log_p = soften(teacher_probs.float(), temperature)
    log_q = torch.log_softmax(student_logits.float() / temperature, dim=-1)
    return DIVERGENCES[name](log_p, log_q) * temperature**2
