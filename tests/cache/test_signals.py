"""Signals and vectors come back as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.cache.signals import load_signal, load_vectors, save_signal, save_vectors
from engine.records import TeacherSignal


@pytest.mark.parametrize("hidden", [True, False])
def test_a_signal_comes_back(tmp_path: Path, hidden: bool) -> None:
    rng = np.random.default_rng(0)
    signal = TeacherSignal(rng.dirichlet(np.ones(4), 9), rng.random(9), np.arange(9),
                           rng.normal(size=(9, 3, 8)).astype(np.float16)[::1] if hidden else None,
                           (0.25, 0.5, 1.0) if hidden else ())
    save_signal(tmp_path / "s.safetensors", signal)
    again = load_signal(tmp_path / "s.safetensors")
    assert (again.probs == signal.probs).all() and again.probs.dtype == signal.probs.dtype
    assert (again.stability == signal.stability).all() and (again.asked == signal.asked).all()
    assert again.depths == signal.depths and (again.hidden is None) == (not hidden)
    if hidden:
        assert (again.hidden == signal.hidden).all() and again.hidden.dtype == np.float16


def test_a_slice_of_a_signal_is_written_as_what_it_is(tmp_path: Path) -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(4), 9)[::2]
    hidden = np.random.default_rng(0).normal(size=(9, 3, 8)).astype(np.float16)[::2]
    save_signal(tmp_path / "s", TeacherSignal(probs, probs[:, 0], np.ones(5, int), hidden, (0.5,)))
    assert (load_signal(tmp_path / "s").probs == probs).all()
    assert (load_signal(tmp_path / "s").stability == probs[:, 0]).all()


def test_vectors_come_back(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32).T.copy().T
    save_vectors(tmp_path / "v", vectors)
    assert (load_vectors(tmp_path / "v") == vectors).all()
