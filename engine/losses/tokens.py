"""Losses on written answers, token by token: the teacher's likeliest tokens, all others as one, or its text.

A teacher's distribution over a whole vocabulary is too large to keep. Kept are its `k` likeliest tokens and
what makes their probabilities exact at every temperature that will be used: the log-sum-exp of all scores.
What is left of the mass is one more outcome, the tail, so that nothing has to be renormalised (renormalising
teaches the student that unlisted tokens are impossible: Anshumann et al., “Sparse Logit Sampling”, ACL 2025).

Every function returns (tokens,) in nats; zero means: the student says what the teacher says. Which position
predicts which token is settled by `answer_positions`, once, for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from engine.errors import SettingsError
from engine.losses.needs import OutputLossName
from engine.losses.outputs import DIVERGENCES

CHUNK = 1024       # answer positions whose whole vocabulary is in memory at once
_LEAST_TAIL = -1e-7  # log of the listed mass never reaches 0: the tail's log must stay finite


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A teacher's likeliest tokens at each answer position.

    ids (tokens, k) int64; scores (tokens, k) raw scores, or log-probabilities where only these are known;
    normalisers: temperature → (tokens,) log-sum-exp of all scores divided by it.
    """

    ids: Tensor
    scores: Tensor
    normalisers: Mapping[float, Tensor]

    def log_probs(self, temperature: float) -> Tensor:
        """(tokens, k + 1): log-probability of each listed token, and of all others together.

        Raises:
            SettingsError: what was kept does not reach to this temperature.
        """
        if temperature not in self.normalisers:
            known = ", ".join(f"{t:g}" for t in sorted(self.normalisers))
            raise SettingsError(f"The large model's tokens were not kept for temperature {temperature:g}.",
                                f"Use one of {known}, or ask it again.")
        return with_tail(self.scores.float() / temperature - self.normalisers[temperature].float()[:, None])


def list_tokens(logits: Tensor, k: int, temperatures: Sequence[float]) -> Listed:
    """The `k` likeliest tokens of scores (tokens, vocabulary), exact at these temperatures."""
    scores, ids = logits.float().topk(min(k, logits.shape[-1]), dim=-1)
    return Listed(ids, scores, {t: (logits.float() / t).logsumexp(-1) for t in temperatures})


def with_tail(log_probs: Tensor) -> Tensor:
    """(…, k) log-probabilities and, behind them, the log of what they leave over: (…, k + 1)."""
    listed = log_probs.logsumexp(-1, keepdim=True).clamp(max=_LEAST_TAIL)
    return torch.cat([log_probs, torch.log1p(-listed.exp())], dim=-1)


def token_loss(name: OutputLossName, student_logits: Tensor, teacher: Listed,
               temperature: float = 1.0) -> Tensor:
    """Divergence of a student's next-token distributions from the teacher's, (tokens,).

    Never more than over the whole vocabulary, and the same where k is all of it (merging outcomes loses
    information, never adds any).

    Args:
        name: of the divergence.
        student_logits: (tokens, vocabulary) raw scores at the answer positions, gathered to 2-D.
        teacher: what it was likeliest to write there.
        temperature: softens both sides; the result is scaled by its square.
    """
    log_q = torch.log_softmax(student_logits.float() / temperature, dim=-1)
    return DIVERGENCES[name](teacher.log_probs(temperature),
                             with_tail(log_q.gather(-1, teacher.ids))) * temperature**2


def text_loss(student_logits: Tensor, token_ids: Tensor) -> Tensor:
    """Cross-entropy on the teacher's own words, (tokens,): sequence-level distillation (Kim and Rush, 2016).

    student_logits (tokens, vocabulary); token_ids (tokens,) what the teacher wrote, in the student's tokens.
    Needs no shared vocabulary. Zero only for a student that is certain of every word.
    """
    return torch.nn.functional.cross_entropy(student_logits.float(), token_ids, reduction="none")


def sorted_distance(student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Distance of two distributions whose tokens are different ones, (tokens,), from 0 to 2.

    Both are sorted by probability and compared rank by rank; the shorter is filled up with zeros: Boizard et
    al., “Towards Cross-Tokenizer Distillation: the Universal Logit Distillation Loss”, TMLR 2025. Positions
    must already correspond. Zero means: equally sure, not: the same words.
    """
    sizes = [student_logits.shape[-1], teacher_logits.shape[-1]]
    p, q = (torch.softmax(scores.float() / temperature, dim=-1).sort(dim=-1, descending=True).values
            for scores in (teacher_logits, student_logits))
    wide = max(sizes)
    p, q = (torch.nn.functional.pad(probs, (0, wide - probs.shape[-1])) for probs in (p, q))
    return (p - q).abs().sum(-1)


def in_chunks(name: OutputLossName, states: Tensor, head: Tensor, teacher: Listed,
              temperature: float = 1.0, chunk: int = CHUNK) -> Tensor:
    """`token_loss` from hidden states (tokens, width) and the vocabulary matrix (vocabulary, width).

    Scores over the vocabulary are made for `chunk` positions at a time, and again for the gradient, so memory
    is bounded by the chunk; value and gradient are those of the whole.
    """
    def some(rows: Tensor, ids: Tensor, scores: Tensor, normaliser: Tensor) -> Tensor:
        listed = Listed(ids, scores, {temperature: normaliser})
        return token_loss(name, rows @ head.T, listed, temperature)
    kept = (states, teacher.ids, teacher.scores, teacher.normalisers[temperature])
    parts = [checkpoint(some, *(tensor[at:at + chunk] for tensor in kept), use_reentrant=False)
             for at in range(0, len(states), chunk)]
    return torch.cat(parts) if parts else states.new_zeros(0, dtype=torch.float32)


def answer_positions(prompt_lengths: Sequence[int], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Rows and positions whose scores predict the answer's tokens, (tokens,) each.

    The score at a position predicts the *next* token: an answer of tokens p … n-1 is predicted at p-1 … n-2.
    Padding (on the right) and the prompt's own tokens are never among them.

    Args:
        prompt_lengths: tokens of each row before its answer; at least one.
        lengths: tokens of each row, answer included.

    Raises:
        ValueError: an answer without a token before it.
    """
    if any(p < 1 for p in prompt_lengths):
        raise ValueError("nothing stands before the answer, so nothing predicts its first token")
    rows = [r for r, (p, n) in enumerate(zip(prompt_lengths, lengths, strict=True)) for _ in range(p, n)]
    places = [t - 1 for p, n in zip(prompt_lengths, lengths, strict=True) for t in range(p, n)]
    return torch.tensor(rows, dtype=torch.long), torch.tensor(places, dtype=torch.long)
