"""From raw answers to what the student learns from: bias removed, orders averaged, two askings joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.prompts.bias import average_orders, label_distributions, letter_bias
from engine.prompts.calibration import liking_sample, without_class_pull
from engine.records import FloatArray, TeacherSignal
from engine.teachers.asking import Answers


def letter_pull(answers: Answers, learn: Sequence[int], seed: int) -> FloatArray:
    """How strongly each letter pulls, from one random sample of *learn*, fixed before any escalation.

    Only documents that were asked in every order tell. Returns (labels,) nats; zeros where one order was
    asked.
    """
    among = np.asarray(learn)
    whole = among[np.isfinite(answers.log_probs[among]).all(axis=(1, 2))]
    rows = liking_sample(whole, seed)
    return letter_bias(answers.log_probs[rows], answers.orders)


def first_signal(answers: Answers, pull: FloatArray, depths: tuple[float, ...],
                 liked: FloatArray | None = None) -> TeacherSignal:
    """The signal after the first asking, rows beside the corpus.

    `pull` (labels,) by place of the options; `liked` (labels,) by category, both in nats and taken off.
    """
    by_order = label_distributions(answers.log_probs, answers.orders, pull)
    if liked is not None:
        by_order = without_class_pull(by_order, liked)
    probs, stability = average_orders(by_order)
    asked = np.isfinite(answers.log_probs[:, :, 0]).sum(axis=1)
    return TeacherSignal(probs, stability, asked, answers.hidden,
                         depths if answers.hidden is not None else ())


def second_signal(first: TeacherSignal, rows: NDArray[np.integer], again: Answers,
                  pull: FloatArray, liked: FloatArray | None = None) -> TeacherSignal:
    """The signal after `rows` were asked again: answers of both askings averaged, each order one vote.

    `again` holds the answers for `rows`, in that order. Other documents keep what they had.
    """
    by_order = label_distributions(again.log_probs, again.orders, pull)
    if liked is not None:
        by_order = without_class_pull(by_order, liked)
    probs, stability, asked = first.probs.copy(), first.stability.copy(), first.asked.copy()
    old, new = first.asked[rows][:, None], by_order.shape[1]
    probs[rows] = (first.probs[rows] * old + by_order.sum(axis=1)) / (old + new)
    choice = probs[rows].argmax(axis=1)
    # Votes of the first asking are known by their share only; they count if its choice still stands.
    stood = (first.probs[rows].argmax(axis=1) == choice) * first.stability[rows] * old[:, 0]
    votes = (by_order.argmax(axis=2) == choice[:, None]).sum(axis=1)
    stability[rows] = (stood + votes) / (old[:, 0] + new)
    asked[rows] += new
    return TeacherSignal(probs, stability, asked, first.hidden, first.depths)


def unsettled(signal: TeacherSignal, learn: Sequence[int], differs: NDArray[np.bool_],
              share: float) -> NDArray[np.integer]:
    """Documents of *learn* to ask again, most doubtful first, at most `share` of them.

    A document is in doubt if the orders disagreed, if the first choice had less than 60 %, or if the
    student says otherwise (`differs`, beside `learn`).
    """
    rows = np.asarray(learn)
    doubt = (1 - signal.confidence[rows]) + (1 - signal.stability[rows]) + 0.5 * differs
    candidates = (signal.confidence[rows] < 0.6) | (signal.stability[rows] < 1) | differs
    order = np.argsort(-doubt, kind="stable")
    chosen = order[candidates[order]][:int(share * len(rows))]
    return np.sort(rows[chosen])
