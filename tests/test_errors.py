"""Errors keep their three sentences, whichever way they go."""

from __future__ import annotations

import pickle

import pytest

from engine import errors
from engine.errors import EngineError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EngineError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_comes_whole_out_of_another_process(kind: type[EngineError]) -> None:
    back = pickle.loads(pickle.dumps(kind("It broke.", "Mend it.", "All is kept.")))
    assert type(back) is kind
    assert back.lines() == "It broke.\nAll is kept.\nMend it."


def test_there_are_kinds_of_errors() -> None:
    assert len(KINDS) > 5
