"""Losses on outputs: how far the student's distribution is from the teacher's.

Zero means: the student says exactly what the teacher says.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.losses.needs import DivergenceName

_TINY = 1e-9
SKEW = 0.1


def soften(probs: Tensor, temperature: float) -> Tensor:
    """Log of the distribution `probs^(1/temperature)`, renormalised. Shape kept."""
    return torch.log_softmax(probs.clamp_min(_TINY).log() / temperature, dim=-1)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ q): soft cross-entropy minus the entropy of p. The default, with p the teacher.

    The four divergences take log-distributions (items, outcomes) of teacher and student and return (items,).
    Outcomes may be labels, or the likeliest tokens with all others as one.
    """
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def kl_reversed(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(student ‖ teacher): prefers one of the teacher's answers over hedging (Gu et al., MiniLLM, 2024)."""
    return kl(log_q, log_p)


def halfway(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Jensen–Shannon divergence, at most ln 2 (Lin, 1991)."""
    log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, device=log_p.device))
    return 0.5 * (kl(log_p, log_m) + kl(log_q, log_m))


def skewed(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ 0.1·p + 0.9·q): bounded log-ratio (Ko et al., DistiLLM, 2024)."""
    skew = torch.tensor(SKEW, device=log_p.device)
    return kl(log_p, torch.logaddexp(log_p + skew.log(), log_q + torch.log1p(-skew)))


DIVERGENCES: dict[DivergenceName, Callable[[Tensor, Tensor], Tensor]] = {
    "forward_kl": kl, "reverse_kl": kl_reversed, "jensen_shannon": halfway, "skew_kl": skewed}


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
