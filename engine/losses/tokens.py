"""Losses on written answers, token by token: the teacher's likeliest tokens, all others as one, or its text.

A teacher's distribution over a whole vocabulary is too large to keep. Kept are its `k` likeliest tokens and
what makes their probabilities exact at every temperature that will be used: the log-sum-exp of all scores.
What is left of the mass is one more outcome, the tail, so that nothing has to be renormalised (renormalising
teaches the student that unlisted tokens are impossible: Anshumann et al., “Sparse Logit Sampling”, ACL 2025).

Every loss returns (tokens,), in nats where it says nothing else; zero means: the student says what the
teacher says. Which position predicts which token is settled by `engine.models.places`, once, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from engine.errors import SettingsError
from engine.losses.needs import DivergenceName, OutputLossName
from engine.losses.outputs import DIVERGENCES

SCORES = 2 ** 25   # over a vocabulary, in memory at once: 134 MB, and a few times as much for their gradient
_LEAST_TAIL = -1e-7  # log of the listed mass never reaches 0: the tail's log must stay finite


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A teacher's likeliest tokens at each answer position.

    ids (tokens, k) int64; log_probs (tokens, k) at temperature 1; normalisers: temperature → (tokens,)
    log-sum-exp of all the vocabulary's log-probabilities divided by it.
    """

    ids: Tensor
    log_probs: Tensor
    normalisers: Mapping[float, Tensor]

    @classmethod
    def joined(cls, several: Sequence[Listed]) -> Listed:
        """Those of several answers, one behind the other; where one lists fewer tokens, all list as few.

        Raises:
            ValueError: there are none, or they were kept for different temperatures.
        """
        if len({tuple(sorted(one.normalisers)) for one in several}) != 1:
            raise ValueError("answers can be joined that were kept for the same temperatures")
        k = min(one.ids.shape[1] for one in several)
        return cls(torch.cat([one.ids[:, :k] for one in several]),
                   torch.cat([one.log_probs[:, :k] for one in several]),
                   {t: torch.cat([one.normalisers[t] for one in several]) for t in several[0].normalisers})

    def first(self, n: int) -> Listed:
        """Those of the first `n` places."""
        return Listed(self.ids[:n], self.log_probs[:n], {t: v[:n] for t, v in self.normalisers.items()})

    def to(self, device: torch.device) -> Listed:
        """The same on another device."""
        return Listed(self.ids.to(device), self.log_probs.to(device),
                      {t: values.to(device) for t, values in self.normalisers.items()})

    def normaliser(self, temperature: float) -> Tensor:
        """What makes the list exact at this temperature, (tokens,).

        Raises:
            SettingsError: it was not kept for this temperature.
        """
        if temperature not in self.normalisers:
            known = ", ".join(f"{t:g}" for t in sorted(self.normalisers))
            raise SettingsError(f"The large model's tokens were not kept for temperature {temperature:g}.",
                                f"Use one of {known}, or ask it again.")
        return self.normalisers[temperature]

    def with_others(self, temperature: float) -> Tensor:
        """(tokens, k + 1): log-probability of each listed token, and of all others together.

        Raises:
            SettingsError: it was not kept for this temperature.
        """
        return with_tail(self.log_probs.float() / temperature
                         - self.normaliser(temperature).float()[:, None])


def with_tail(log_probs: Tensor) -> Tensor:
    """(…, k) log-probabilities and, behind them, the log of what they leave over: (…, k + 1)."""
    listed = log_probs.logsumexp(-1, keepdim=True).clamp(max=_LEAST_TAIL)
    return torch.cat([log_probs, torch.log1p(-listed.exp())], dim=-1)


def token_loss(name: DivergenceName, student_logits: Tensor, teacher: Listed,
               temperature: float = 1.0, way: float | None = None) -> Tensor:
    """Divergence of a student's next-token distributions from the teacher's, (tokens,).

    Never more than over the whole vocabulary, and the same where k is all of it (merging outcomes loses
    information, never adds any).

    Args:
        name: of the divergence.
        student_logits: (tokens, vocabulary) raw scores at the answer positions, gathered to 2-D.
        teacher: what it was likeliest to write there.
        temperature: softens both sides; the result is scaled by its square.
        way: 0..1, how far the target has moved from student to teacher (TAID, over the listed tokens and
            the tail); None for the teacher itself.
    """
    log_q = torch.log_softmax(student_logits.float() / temperature, dim=-1)
    seen = with_tail(log_q.gather(-1, teacher.ids))
    wanted = teacher.with_others(temperature)
    if way is not None:
        wanted = torch.log_softmax((1 - way) * seen.detach() + way * wanted, dim=-1)
    return DIVERGENCES[name](wanted, seen) * temperature**2


def text_loss(student_logits: Tensor, token_ids: Tensor) -> Tensor:
    """Cross-entropy on the teacher's own words, (tokens,): sequence-level distillation (Kim and Rush, 2016).

    student_logits (tokens, vocabulary); token_ids (tokens,) what the teacher wrote, in the student's tokens.
    Needs no shared vocabulary. Zero only for a student that is certain of every word.
    """
    return torch.nn.functional.cross_entropy(student_logits.float(), token_ids, reduction="none")


def sorted_distance(student_logits: Tensor, teacher: Listed, temperature: float = 1.0) -> Tensor:
    """Distance of two distributions whose tokens are different ones, (tokens,), from 0 to 2.

    Both are sorted by probability and compared rank by rank: Boizard et al., “Towards Cross-Tokenizer
    Distillation: the Universal Logit Distillation Loss”, TMLR 2025. Of the teacher's tokens the likeliest are
    known; as many of the student's are compared, and all others together: never more than over all tokens,
    and the same where the lists hold all of them. Positions must already correspond.

    Args:
        student_logits: (tokens, vocabulary) raw scores, over the student's own vocabulary.
        teacher: what it was likeliest to write there.
        temperature: softens both sides.

    Returns:
        no nats but a sum of differences of probabilities. Zero means: equally sure, not: the same words.
    """
    p = teacher.with_others(temperature).exp()
    q = torch.log_softmax(student_logits.float() / temperature, dim=-1)
    k, known = teacher.ids.shape[1], q.shape[-1]
    best = q.topk(min(k, known), dim=-1).values
    likeliest = torch.nn.functional.pad(best, (0, max(0, k - known)), value=-1e4)
    return (p - with_tail(likeliest).exp()).abs().sum(-1)


def in_chunks(name: OutputLossName, states: Tensor, head: Tensor, teacher: Listed,
              temperature: float = 1.0, chunk: int | None = None, way: float | None = None,
              scored: Callable[[Tensor], Tensor] = Tensor.float) -> Tensor:
    """`token_loss`, or `sorted_distance`, from hidden states (tokens, width) and the vocabulary matrix.

    The matrix is (vocabulary, width); `scored` makes scores of the products with it, for models that scale
    them.

    Scores over the vocabulary are made for `chunk` positions at a time (None: as many as `SCORES` allows),
    and again for the gradient, so memory is bounded; value and gradient are those of the whole.
    """
    def some(rows: Tensor, ids: Tensor, log_probs: Tensor, normaliser: Tensor) -> Tensor:
        listed = Listed(ids, log_probs, {temperature: normaliser})
        if name == "sorted_distance":
            return sorted_distance(scored(rows @ head.T), listed, temperature)
        return token_loss(name, scored(rows @ head.T), listed, temperature, way)
    return _chunked(some, (states, teacher.ids, teacher.log_probs, teacher.normaliser(temperature)),
                    chunk or positions_at_once(len(head)))


def text_in_chunks(states: Tensor, head: Tensor, token_ids: Tensor, chunk: int | None = None,
                   scored: Callable[[Tensor], Tensor] = Tensor.float) -> Tensor:
    """`text_loss` from hidden states (tokens, width) and the vocabulary matrix, memory bounded alike."""
    return _chunked(lambda rows, ids: text_loss(scored(rows @ head.T), ids), (states, token_ids),
                    chunk or positions_at_once(len(head)))


def positions_at_once(vocabulary: int) -> int:
    """Answer positions whose scores over a vocabulary of so many tokens are in memory at once."""
    return max(1, SCORES // vocabulary)


def _chunked(loss: Callable[..., Tensor], tensors: Sequence[Tensor], chunk: int) -> Tensor:
    parts = [checkpoint(loss, *(tensor[at:at + chunk] for tensor in tensors), use_reentrant=False)
             for at in range(0, len(tensors[0]), chunk)]
    return torch.cat(parts) if parts else tensors[0].new_zeros(0, dtype=torch.float32)
