"""Whether a phase is kept: what was lost against what chance explains."""

from __future__ import annotations

import numpy as np

from engine.training.loop import Gate
from engine.training.phased import judge
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
    assert not judge(start, Gate(-1.0, float("inf"), 0, np.zeros(0)))[0]


def test_a_phase_that_teaches_nothing_new_must_not_lose() -> None:
    start = gate([1] * 30 + [0] * 10)
    fewer = gate([1] * 29 + [0] * 11)
    assert judge(start, fewer, slack=True)[0]
    kept, because = judge(start, fewer, slack=False)
    assert not kept and "rolled back" in because and "75 % → 72 %" in because
    assert judge(start, start, slack=False)[0] and judge(start, gate([1] * 31 + [0] * 9), slack=False)[0]
    assert not judge(start, gate([1] * 30 + [0] * 10, kl=0.2), slack=False)[0]

def test_a_gate_prefers_agreement_then_closeness() -> None:
    assert gate([1, 1, 0]).rank > gate([1, 0, 0], kl=0.0).rank
    assert gate([1, 0], kl=0.1).rank > gate([1, 0], kl=0.2).rank
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    same = gate_of(p, p)
    assert (same.agreement, same.kl, same.n) == (1.0, 0.0, 2)
    assert gate_of(p[::-1], p).agreement == 0.0 and gate_of(p[::-1], p).kl > 0.5
