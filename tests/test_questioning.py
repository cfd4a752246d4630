"""What a run asks, beyond the pipeline: nothing twice, nothing claimed that was not done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.corpus.splits import split
from engine.events import EventLog, read_events
from engine.questioning import Questions
from tests.students.tiny import AGAIN, FIRST, Made, calm, made, tiny_home

__all__ = ["calm", "made", "tiny_home"]


def questions(made: Made, folder: Path, **ask: object) -> Questions:
    plan = made.plan()
    plan = plan.model_copy(update={"ask": plan.ask.model_copy(update=ask)})
    parts = split(made.corpus, seed=0)
    return Questions(plan, made.corpus, parts, None, made.workspace, EventLog(folder / "events.jsonl"),
                     lambda title: lambda done, total: None, lambda: None)


@pytest.mark.parametrize(("second", "asked"), [(FIRST, False), (AGAIN, True), (None, False)])
def test_asking_again_is_asking_another_way(
    made: Made, tmp_path: Path, second: object, asked: bool
) -> None:
    some = questions(made, tmp_path, again_template=second)
    signal, facts = some.first()
    learn = some.parts.learn
    again, n = some.again(signal, np.ones(len(learn), bool), learn, facts)
    assert (n > 0) == asked
    assert np.array_equal(again.probs, signal.probs) != asked


@pytest.mark.parametrize("orders", [1, 2])
def test_a_place_is_said_to_be_set_right_only_where_it_was(
    made: Made, tmp_path: Path, orders: int
) -> None:
    questions(made, tmp_path, orders=orders).first()
    told = [event["what"] for event in read_events(tmp_path / "events.jsonl")[0]]
    assert ("place of the options" in told) == (orders > 1)
