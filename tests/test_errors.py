"""Errors keep their three sentences, whichever way they go."""

from __future__ import annotations

import pickle

import pytest
import torch

from engine import errors
from engine.errors import EngineError, is_out_of_memory

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EngineError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_comes_whole_out_of_another_process(kind: type[EngineError]) -> None:
    back = pickle.loads(pickle.dumps(kind("It broke.", "Mend it.", "All is kept.")))
    assert type(back) is kind
    assert back.lines() == "It broke.\nAll is kept.\nMend it."


def test_there_are_kinds_of_errors() -> None:
    assert len(KINDS) > 5


@pytest.mark.parametrize(("error", "memory"), [
    (MemoryError(), True),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), True),
    (RuntimeError("MPS backend out of memory"), True),
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    (ValueError("out of memory"), False),
])
def test_torch_says_in_its_own_ways_that_memory_ran_out(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory
