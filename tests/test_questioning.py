"""What a run asks, beyond the pipeline: nothing twice, nothing claimed that was not done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.corpus.splits import split
from engine.events import EventLog, read_events
from engine.plan import TURNED_ROUND
from engine.questioning import Questions
from engine.records import TeacherSignal
from engine.teachers.asking_labels import FEWEST_TO_CALIBRATE
from tests.students.tiny import AGAIN, FIRST, MODEL, Made, calm, made, tiny_home

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


def voices(signal: TeacherSignal, again: TeacherSignal) -> set[int]:
    return set((again.asked - signal.asked)[again.asked > signal.asked].tolist())


def test_an_untried_way_is_asked_in_two_orders(made: Made, tmp_path: Path) -> None:
    some = questions(made, tmp_path, again_template=AGAIN, again_share=1.0, again_orders=1)
    signal, facts = some.first()
    learn = some.parts.learn
    for doubted in (np.ones(len(learn), bool), np.arange(len(learn)) < 30):
        again, n = some.again(signal, doubted, learn, facts)
        assert n and voices(signal, again) == {2}  # one order cannot tell a place from a category


def test_an_untried_way_leans_as_the_answers_that_were_set_right(made: Made, tmp_path: Path) -> None:
    """Before, all that it likes went into the answers; documents that are skewed are no reason for it."""
    said = []
    for calibrate in (True, False):
        some = questions(made, tmp_path, again_template=AGAIN, again_share=1.0, calibrate=calibrate)
        signal, facts = some.first()
        learn = some.parts.learn
        again, _ = some.again(signal, np.ones(len(learn), bool), learn, facts)
        rows, votes = np.flatnonzero(again.asked > signal.asked), signal.asked[0]
        assert len(rows) >= FEWEST_TO_CALIBRATE
        both = again.probs[rows] * again.asked[rows][:, None]
        other = (both - signal.probs[rows] * votes) / (again.asked[rows] - votes)[:, None]
        lean = np.log(other).mean(axis=0) - np.log(signal.probs[rows]).mean(axis=0)
        said.append(np.ptp(lean))
    assert said[0] < 0.2 * said[1]


def test_where_ways_were_tried_the_best_has_answered(made: Made, tmp_path: Path) -> None:
    """What the others say besides spoilt more answers than it mended."""
    some = questions(made, tmp_path, teacher=MODEL, candidates=(AGAIN,), again_template=AGAIN,
                     again_share=1.0, budget=6)
    signal, facts = some.first()
    assert len(facts["ways"]) > 1 and signal.asked.max() > 1
    learn = some.parts.learn
    again, n = some.again(signal, np.ones(len(learn), bool), learn, facts)
    assert n == 0 and again is signal and not some.plan.asks_again


@pytest.mark.parametrize("orders", [1, 2])
def test_what_a_place_in_the_list_adds_is_found_however_often_each_is_asked(
    made: Made, tmp_path: Path, orders: int
) -> None:
    some = questions(made, tmp_path, orders=orders)
    signal, facts = some.first()
    turned = signal.asked == 2
    assert turned.sum() == (TURNED_ROUND if orders == 1 else len(made.corpus))
    assert set(np.flatnonzero(turned)) <= set(some.parts.learn) or orders == 2
    assert facts["prompts"] == signal.asked.sum()
    told = [event.get("what") for event in read_events(tmp_path / "events.jsonl")[0]]
    assert "place of the options" in told


def test_a_place_left_as_it_is_is_not_said_to_be_set_right(made: Made, tmp_path: Path) -> None:
    some = questions(made, tmp_path, orders=1, calibrate=False)
    signal, _ = some.first()
    told = [event.get("what") for event in read_events(tmp_path / "events.jsonl")[0]]
    assert "place of the options" not in told and (signal.asked == 1).all()
