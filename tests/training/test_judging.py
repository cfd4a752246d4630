"""Whether a phase is kept: what was lost against what chance explains."""

from __future__ import annotations

import numpy as np
import pytest

from engine.training.gates import Gate, judge
from engine.training.subjects import gate_of


def gate(correct: list[int], kl: float = 0.1) -> Gate:
    values = np.array(correct, dtype=float)
    return Gate(float(values.mean()), kl, len(values), values)


def test_judging() -> None:
    start = gate([1] * 30 + [0] * 10)
    kept, because = judge(start, gate([1] * 29 + [0] * 11))
    assert kept and "75 %" in because and "40" in because  # one document of forty: chance
    kept, because = judge(start, gate([1] * 20 + [0] * 20))
    assert not kept and "rolled back" in because
    assert judge(start, gate([1] * 35 + [0] * 5))[0]
    assert judge(start, start)[0]
    assert not judge(start, Gate.unseen())[0]


def test_a_phase_that_teaches_nothing_new_must_not_lose() -> None:
    start = gate([1] * 30 + [0] * 10)
    fewer = gate([1] * 29 + [0] * 11)
    assert judge(start, fewer, slack=True)[0]
    kept, because = judge(start, fewer, slack=False)
    assert not kept and "rolled back" in because and "75 % → 72 %" in because
    assert judge(start, start, slack=False)[0] and judge(start, gate([1] * 31 + [0] * 9), slack=False)[0]
    assert not judge(start, gate([1] * 30 + [0] * 10, kl=0.2), slack=False)[0]


@pytest.mark.parametrize("slack", [True, False])
def test_what_chance_explains_is_no_loss_where_it_came_closer(slack: bool) -> None:
    """34 of 38, then 32 (two won, four lost), but half as far from the large model: better, and said so."""
    start, end = gate([1] * 34 + [0] * 4, kl=0.487), gate([0] * 4 + [1] * 32 + [0] * 2, kl=0.183)
    kept, because = judge(start, end, slack=slack)
    assert kept and "than chance explains (±" in because and "closer" in because and "rolled" not in because
    lost = gate([1] * 24 + [0] * 14, kl=0.183)  # but not at any price
    assert not judge(start, lost, slack=slack)[0]


def test_agreement_decides_where_chance_does_not_explain_it_else_closeness() -> None:
    many = gate([1] * 300 + [0] * 100)
    assert gate([1] * 330 + [0] * 70, kl=0.3).stands_better(many)
    assert not many.stands_better(gate([1] * 330 + [0] * 70, kl=0.3))
    near = gate([1] * 299 + [0] * 101, kl=0.09)
    assert near.stands_better(many) and not many.stands_better(near)
    assert not many.stands_better(many)
    assert gate([1, 1, 0]).stands_better(gate([1, 0, 0], kl=0.0))
    assert gate([1, 0], kl=0.1).stands_better(gate([1, 0], kl=0.2))
    assert gate([1, 0, 1], kl=0.1).stands_better(gate([1, 1, 0], kl=0.2))


def test_shares_of_words_are_compared_as_shares() -> None:
    start = Gate(0.5, 0.2, 4, np.array([0.5, 0.4, 0.6, 0.5]))
    more = Gate(0.6, 0.3, 4, np.array([0.6, 0.5, 0.7, 0.6]))  # the same gain each time: no chance in it
    assert more.stands_better(start) and not start.stands_better(more)


def test_any_look_is_better_than_none() -> None:
    one = gate([0], kl=9.0)
    assert one.stands_better(Gate.unseen()) and not Gate.unseen().stands_better(one)
    assert not Gate.unseen().stands_better(Gate.unseen())


def test_a_gate_measures_agreement_and_closeness() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    same = gate_of(p, p)
    assert (same.agreement, same.kl, same.n) == (1.0, 0.0, 2)
    assert gate_of(p[::-1], p).agreement == 0.0 and gate_of(p[::-1], p).kl > 0.5
