"""How a student stands on the documents that steer, and whether a phase is kept. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.metrics.intervals import paired_mean_error, paired_standard_error
from engine.records import FloatArray


@dataclass(frozen=True, slots=True)
class Gate:
    """How the student stands on *steer*: share of equal answers, KL from the teacher (nats), documents.

    `correct` (documents,): how far each answer is the same, 0..1; of written answers the share of words. Of
    a phase that reads: the share of the documents' words that it foretells, and their cross-entropy.
    """

    agreement: float
    kl: float
    n: int
    correct: FloatArray = field(compare=False, repr=False)

    @classmethod
    def unseen(cls) -> Gate:
        """Before the first look: any other is better."""
        return cls(-1.0, float("inf"), 0, np.zeros(0))

    def stands_better(self, other: Gate) -> bool:
        """By agreement where it differs by more than chance explains, else by closeness (KL).

        Forty documents hardly tell an agreement of 80 % from one of 90; their mean KL is the sharper sign.
        Of four students taught by 167 tweets, at 28 looks with 38 to steer by, the looks so chosen agreed on
        .454 of 400 tweets of other events (macro-F1 .371, KL .50); those chosen by agreement first, on .448
        (.359, .51).
        """
        if not (self.n and other.n):
            return self.n > other.n
        gained = self.agreement - other.agreement
        if abs(gained) > chance(self, other):
            return gained > 0
        return (self.kl, -self.agreement) < (other.kl, -other.agreement)


def chance(one: Gate, other: Gate) -> float:
    """The standard error of the difference in agreement, over the same documents (at least one).

    Of yes and no McNemar's (`paired_standard_error`), of shares of words that of their mean difference.
    """
    shares = np.concatenate([one.correct, other.correct])
    whole = bool(np.isin(shares, (0.0, 1.0)).all())
    error = paired_standard_error if whole or one.n < 2 else paired_mean_error
    return error(one.correct, other.correct)


def judge(start: Gate, end: Gate, *, slack: bool = True) -> tuple[bool, str]:
    """Whether to keep a phase, and the reason in words.

    With `slack` not if it lost more agreement than chance explains; without, only if it stands as well as
    before: what taught nothing new has no loss to be excused for.
    """
    n = start.n
    if end.n == 0:
        return False, "Stopped before its first look at the steering documents: rolled back."
    lost, error = start.agreement - end.agreement, chance(start, end)
    shift = (f"{100 * start.agreement:.0f} % → {100 * end.agreement:.0f} % agreement on {n} steering "
             "documents")
    if lost > error:
        return False, (f"{shift}: more lost than chance explains (± {100 * error:.1f} %), so it was rolled "
                       "back.")
    if not slack and start.stands_better(end):
        why = ": no better than before" if lost >= 0 else (
            f". The gain is no more than chance explains (± {100 * error:.1f} %), and how sure it is of its "
            "answers fits the large model less well than before")
        return False, f"{shift}{why}, so it was rolled back."
    if lost > 0 and end.kl < start.kl:
        return True, (f"{shift}: no more lost than chance explains (± {100 * error:.1f} %), and it came "
                      "closer to how sure the large model is.")
    return True, f"{shift}."


def judge_reading(start: Gate, end: Gate) -> tuple[bool, str]:
    """Whether to keep what reading taught: only if unread documents are easier to foretell; and why."""
    if end.n == 0:
        return False, "Stopped before its first look at the steering documents: rolled back."
    shift = (f"It guesses {100 * start.agreement:.0f} % → {100 * end.agreement:.0f} % of the next words in "
             f"{end.n} steering documents")
    if not end.kl < start.kl:
        return False, f"{shift}: no easier to read than before, so it was rolled back."
    return True, f"{shift}." if end.agreement > start.agreement else f"{shift}, and others surprise it less."
