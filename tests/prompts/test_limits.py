"""The time a text is given counts its own work, not what its thread happens to be taken for."""

from __future__ import annotations

import gc
import time

import pytest

from engine.prompts.limits import MAX_SECONDS, allowance, in_time


def spend(seconds: float, do: object = None) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        if do:
            do()


def test_collecting_garbage_is_not_a_text_s_own_work() -> None:
    held = [[i] for i in range(300_000)]
    with allowance():
        spend(2 * MAX_SECONDS, gc.collect)
        in_time()
        with pytest.raises(OverflowError, match="too long"):
            spend(1.2 * MAX_SECONDS)
            in_time()
    assert held


def test_each_text_has_its_own_time() -> None:
    with allowance():
        spend(0.7 * MAX_SECONDS)
        in_time()
    with allowance():
        spend(0.7 * MAX_SECONDS)
        in_time()
