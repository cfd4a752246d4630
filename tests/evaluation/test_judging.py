"""Judging blind: order and sides give nothing away, verdicts land on the right model, chance is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.errors import InputError, RunError
from engine.evaluation.judging import by_chance, judging, meant, sides
from engine.jobs.folder import RunFolder
from engine.jobs.judgements import judge, judged, take_back


def answers(n: int = 60, **columns: object) -> pd.DataFrame:
    """A run's table: of three documents kept aside two are in dispute; a quarter was learned from."""
    return pd.DataFrame({
        "id": [f"d{i}" for i in range(n)], "original": [f"Document {i}" for i in range(n)],
        "part": ["learn" if i % 4 == 0 else "kept_aside" for i in range(n)],
        "teacher": ["flood"] * n, "student": ["flood" if i % 3 == 0 else "fire" for i in range(n)],
        "student_confidence": [0.5] * n} | columns)


def test_only_documents_kept_aside_on_which_the_models_differ_are_judged() -> None:
    table, seen = answers(), {}
    now = judging(table, seen, "run")
    differ = {row["id"] for row in table.to_dict("records")
              if row["part"] == "kept_aside" and row["teacher"] != row["student"]}
    assert now.of == len(differ) == 30
    while now.pair:
        assert {now.pair.first, now.pair.second} == {"flood", "fire"}
        assert now.pair.text == f"Document {now.pair.name[1:]}"
        seen[now.pair.name] = "both"
        now = judging(table, seen, "run")
    assert seen.keys() == differ and (now.n, now.both) == (30, 30)


def test_order_and_sides_are_drawn_and_stay_what_they_are() -> None:
    table = answers(600)
    first = judging(table, {}, "run").pair
    assert first == judging(table.sample(frac=1, random_state=3), {}, "run").pair  # by the id alone
    assert len({judging(table, {}, f"run {i}").pair.name for i in range(20)}) > 10
    left = [sides(f"d{i}", "run")[0] == "student" for i in range(600)]
    assert 0.42 < np.mean(left) < 0.58
    # No telling from the order which side is whose.
    order, seen = [], {}
    for _ in range(100):
        name = judging(table, seen, "run").pair.name
        order.append(sides(name, "run")[0] == "student")
        seen[name] = "both"
    assert 30 < sum(order) < 70 and order != sorted(order)


@pytest.mark.parametrize(("choice", "verdict"), [("both", "both"), ("neither", "neither")])
def test_a_choice_of_no_side_is_what_it_is(choice: str, verdict: str) -> None:
    assert meant(choice, "d1", "run") == verdict


def test_what_is_chosen_is_what_was_shown() -> None:
    table = answers()
    for name in table["id"]:
        shown = {who: table.set_index("id").loc[name, who] for who in ("student", "teacher")}
        left, right = sides(name, "run")
        pair = judging(table[table["id"] == name], {}, "run").pair
        if pair:
            assert pair.first == shown[meant("first", name, "run")] == shown[left]
            assert pair.second == shown[meant("second", name, "run")] == shown[right]


def test_a_written_answer_that_could_not_be_read_is_not_judged() -> None:
    written = answers(9, part=["kept_aside"] * 9, student_confidence=[float("nan")] * 9,
                      student=["", "Fire in the north."] * 4 + [""])
    assert judging(written, {}, "run").of == 4
    assert judging(written.assign(student_confidence=0.5), {}, "run").of == 9  # of categories it is an answer


def test_a_lead_is_weighed_against_chance() -> None:
    assert by_chance(0, 0) is None and by_chance(3, 3) == 1
    assert by_chance(5, 0) == pytest.approx(2 / 2 ** 5) and by_chance(0, 5) == by_chance(5, 0)
    assert by_chance(9, 1) == pytest.approx(22 / 2 ** 10)


def test_verdicts_are_kept_replaced_and_taken_back(tmp_path) -> None:  # noqa: ANN001
    run = RunFolder(tmp_path / "projects" / "mine" / "runs" / "one")
    run.path.mkdir(parents=True)
    assert judged(run) == {}
    take_back(run)  # nothing to take back
    judge(run, "d1", "first")
    judge(run, "d2", "neither")
    judge(run, "d1", "second")  # thought again: it counts once, and is the last
    left, right = sides("d1", run.id)
    assert judged(run) == {"d2": "neither", "d1": right} and left != right
    take_back(run)
    assert judged(run) == {"d2": "neither"}
    with pytest.raises(InputError, match="no choice"):
        judge(run, "d3", "third")
    (run.path / "judgements.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        judged(run)


def test_verdicts_about_documents_that_are_no_longer_in_dispute_do_not_count() -> None:
    now = judging(answers(), {"d1": "student", "d3": "student", "gone": "teacher"}, "run")
    assert (now.student, now.teacher, now.n) == (1, 0, 1)
