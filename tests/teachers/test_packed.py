"""A teacher whose weights are laid out for the processor answers and writes as before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.models import packing
from engine.models.folders import ModelFolder
from engine.prompts.composing import compose
from engine.teachers.local import LocalTeacher
from engine.teachers.opening import open_teacher
from tests.students.tiny import CPU, FIRST, MODEL, TASK, Made, corpus_of, documents


@pytest.mark.skipif(not packing._can_pack(torch.zeros(2, 2)), reason="no oneDNN in this torch")
def test_a_teacher_answers_and_writes_as_before_and_says_what_was_done(
        made: Made, tiny_model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = LocalTeacher(tiny_model, CPU)
    monkeypatch.setattr(packing, "LEAST", 1)
    monkeypatch.setattr(packing, "_gain", lambda _: 2.0)
    packed, because = open_teacher(MODEL, made.workspace, CPU)
    assert plain.packed == "" and because.endswith("2.0 × as fast for a few rows (timed)")
    assert packed.digest == plain.digest  # kept answers stay good
    asked = compose(FIRST, TASK, corpus_of(documents(8)[0]).documents, (0, 1, 2), 1200)
    for one, other in zip(packed.answer(asked, (0.5, 1.0)), plain.answer(asked, (0.5, 1.0)), strict=True):
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-4)
        np.testing.assert_allclose(one.hidden, other.hidden, atol=1e-2)
    assert packed.write(asked, 6) == plain.write(asked, 6)
