"""Judge blind: names stay untold, a stale form judges what it showed, and the outcome is said in words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.studio import Studio
from tests.ui import made_runs
from tests.ui.test_compare import build
from ui import judging
from ui import wording_compare as words
from ui.pages import compare


def by_id(updates: dict[Any, Any]) -> dict[str, Any]:
    return {component.elem_id: value for component, value in updates.items()
            if getattr(component, "elem_id", None)}


def test_compare_offers_a_pair_without_names(studio: Studio, project: str) -> None:
    run = made_runs.finished(studio, project, with_gold=False)
    shown, now = by_id(build(compare).refresh("", project, run, "")), studio.judging(run)
    assert shown["judge"].label == f"Judge blind · 0 of {now.of} documents" and shown["judge-pair"].visible
    assert shown["judge-text"] == now.pair.text
    assert not any(name in shown["judge-answers"] for name in (words.COMPARE_LARGE, words.COMPARE_SMALL))


def test_a_press_judges_what_was_in_sight(studio: Studio, project: str) -> None:
    """The name of the document travels with the form: a second press that comes late judges no other one."""
    run, page = made_runs.finished(studio, project, with_gold=False), build(compare)
    judge = next(f.fn for f in page.demo.fns.values() if f.fn and f.fn.__name__ == "judge")
    first = studio.judging(run).pair.name
    for _ in range(2):
        updates = judge("", run, first)
    assert studio.judging(run).n == 1 and by_id(updates)["judge-back"].visible
    assert first not in {value for value in updates.values() if isinstance(value, str)}
    page.handlers["take_back"]("", run)
    assert studio.judging(run).pair.name == first


def test_after_the_last_there_is_nothing_to_press(studio: Studio, project: str) -> None:
    run, page = made_runs.finished(studio, project, with_gold=False), build(compare)
    while (pair := studio.judging(run).pair) is not None:
        studio.judge(run, pair.name, "both")
    shown = by_id(page.refresh("", project, run, ""))
    assert not shown["judge-pair"].visible and "You judged all" in shown["judge-told"]


def test_answers_are_text_and_never_markup() -> None:
    shown = judging._answers(made_runs.HOSTILE, '{"dead": "3", "place": null}')
    assert "<img" not in shown and "dead: 3" in shown and "place" not in shown
    assert words.COMPARE_NOTHING in judging._answers("", "flood")


@pytest.mark.parametrize(("counts", "told"), [
    ((0, 0, 4, None), "does not show which model is better"),
    ((3, 3, 9, 1.0), "Neither leads"),
    ((5, 2, 9, 0.45), "in 45 of 100 trials (sign test): too few, or too alike"),
    ((15, 2, 30, 0.002), "in fewer than 1 of 100 trials (sign test): on these documents the small model"),
    ((2, 12, 30, 0.013), "in 1 of 100 trials (sign test): on these documents the large model"),
])
def test_the_outcome_says_what_it_does_not_show(counts: tuple[Any, ...], told: str) -> None:
    student, teacher, n, chance = counts
    said = words.judge_outcome(student, teacher, n, 40, chance)
    assert told in said and said.startswith(f"You judged {n} of the 40 documents")
