"""Losses on outputs: how far the student's label distribution is from the teacher's.

Every function takes
    student_logits  (items, labels) raw scores of the student
    teacher_probs   (items, labels) the teacher's distribution at temperature 1; rows sum to 1
    temperature     softens both sides; the result is scaled by its square, so that gradients keep their
                    size as it grows (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural
                    Network", 2015)
and returns (items,) in nats. Zero means: the student says exactly what the teacher says.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.losses.needs import OutputLossName

_TINY = 1e-9
SKEW = 0.1


def soften(probs: Tensor, temperature: float) -> Tensor:
    """Log of the distribution `probs^(1/temperature)`, renormalised. Shape kept."""
    return torch.log_softmax(probs.clamp_min(_TINY).log() / temperature, dim=-1)


def _both(student_logits: Tensor, teacher_probs: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    return (soften(teacher_probs.float(), temperature),
            torch.log_softmax(student_logits.float() / temperature, dim=-1))


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def forward_kl(student_logits: Tensor, teacher_probs: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher ‖ student): soft cross-entropy minus the teacher's entropy. The default."""
    log_p, log_q = _both(student_logits, teacher_probs, temperature)
    return _kl(log_p, log_q) * temperature**2


def reverse_kl(student_logits: Tensor, teacher_probs: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(student ‖ teacher): prefers one of the teacher's answers over hedging (Gu et al., MiniLLM, 2024)."""
    log_p, log_q = _both(student_logits, teacher_probs, temperature)
    return _kl(log_q, log_p) * temperature**2


def jensen_shannon(student_logits: Tensor, teacher_probs: Tensor, temperature: float = 1.0) -> Tensor:
    """Jensen–Shannon divergence, at most ln 2 before the temperature scaling (Lin, 1991)."""
    log_p, log_q = _both(student_logits, teacher_probs, temperature)
    log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, device=log_p.device))
    return 0.5 * (_kl(log_p, log_m) + _kl(log_q, log_m)) * temperature**2


def skew_kl(student_logits: Tensor, teacher_probs: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher ‖ 0.1·teacher + 0.9·student): bounded log-ratio (Ko et al., DistiLLM, 2024)."""
    log_p, log_q = _both(student_logits, teacher_probs, temperature)
    skew = torch.tensor(SKEW, device=log_p.device)
    log_m = torch.logaddexp(log_p + skew.log(), log_q + torch.log1p(-skew))
    return _kl(log_p, log_m) * temperature**2


OUTPUT_LOSSES: dict[OutputLossName, Callable[[Tensor, Tensor, float], Tensor]] = {
    "forward_kl": forward_kl, "reverse_kl": reverse_kl,
    "jensen_shannon": jensen_shannon, "skew_kl": skew_kl,
}
