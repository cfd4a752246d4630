"""What Compare shows of a finished report, as HTML and tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import tables


@pytest.fixture
def finished(workspace: Workspace, tmp_path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    studio = Studio(workspace)
    run = made_runs.finished(studio, made_runs.project_with_documents(studio, tmp_path))
    return studio.report(run), studio.predictions(run)


def test_every_score_carries_its_n_and_interval(finished: tuple) -> None:
    report, _ = finished
    page = tables.side_by_side(report)
    for row in ("Agreement with the large model", "Category score", "Right answers"):
        assert row in page
    scores = re.findall(r"<td data-who='Small model'>(.*?)</td>", page)[:3]
    assert len(scores) == 3 and all(f"n {report['n']}" in s and " to " in s for s in scores)


def test_the_n_of_a_score_is_of_what_it_was_counted_over(finished: tuple) -> None:
    report = finished[0]
    student = dict(report["student"], actionable_recall=0.59375, actionable_n=64)
    page = tables.side_by_side(dict(report, student=student))
    assert '<b>59 %</b> <span class="quiet">n 64</span>' in page
    del student["actionable_n"]  # as in reports made before it was kept
    assert "<b>59 %</b></td>" in tables.side_by_side(dict(report, student=student))


def test_without_labels_there_is_no_row_of_scores(finished: tuple) -> None:
    report = dict(finished[0], has_gold=False)
    assert "Category score" not in tables.side_by_side(report)


def test_a_missing_number_is_a_dash_and_no_zero() -> None:
    assert tables.with_interval(None, None, 5) == '<span class="quiet">–</span>'
    assert tables.with_interval(0.5, {"low": 0.4, "high": 0.6}, 84) == (
        '<b>0.50</b> <span class="quiet">0.40 to 0.60, n 84</span>')


def test_the_verdict_stands_first_in_its_own_line(finished: tuple) -> None:
    report, _ = finished
    page = tables.verdict(report)
    lead = re.search(r'<p class="lead">(.*?)</p>', page).group(1)
    assert lead.endswith(").") and report["verdict"].startswith(lead[:60])
    assert f"n {report['student_minus_baseline']['n']}" in page


def test_filters_look_only_at_what_was_kept_aside(finished: tuple) -> None:
    _, rows = finished
    different = tables.chosen(rows, tables.DIFFERENT)
    assert len(different) and (different["part"] == "kept_aside").all()
    assert (different["teacher"] != different["student"]).all()
    doubt = tables.chosen(rows, tables.UNSURE)
    assert len(doubt) and doubt["student_confidence"].is_monotonic_increasing
    assert tables.counts(rows)[tables.ALL] == len(rows)
    assert tables.counts(rows)[tables.ALL_KEPT] == (rows["part"] == "kept_aside").sum()


def test_the_table_says_in_a_word_whether_answers_differ(finished: tuple) -> None:
    shown = tables.documents(tables.chosen(finished[1], tables.ALL_KEPT))
    assert set(shown["answers"]) <= {"= same", "≠ different"}
    assert ((shown["large model"] == shown["small model"]) == (shown["answers"] == "= same")).all()
    assert "label" in shown.columns and shown["text"].str.len().max() <= tables.TEXT_SHOWN


def test_without_gold_there_is_no_column_for_it(finished: tuple) -> None:
    assert "label" not in tables.documents(finished[1].assign(gold=None)).columns


def test_one_document_tells_both_answers_and_how_often_it_was_asked(finished: tuple) -> None:
    row = finished[1].iloc[0].to_dict()
    page = tables.about(row)
    assert row["teacher"] in page and row["student"] in page and "asked again, in doubt" in page
    assert set(tables.probabilities(row)) == {"Large model", "Small model"}


def test_nothing_from_outside_becomes_html() -> None:
    hostile = made_runs.HOSTILE
    for page in (tables.bars({hostile: 0.4}), tables.limits({"limits": [hostile]}),
                 tables.verdict({"verdict": hostile}), tables.download_note(hostile, 10, hostile)):
        assert "<img" not in page and "&lt;img" in page


@pytest.mark.parametrize(("kind", "said", "labels"), [
    ("single_label", ["fire; smoke", "flood"], ["fire; smoke", "flood"]),
    ("", ["fire; smoke"], ["fire; smoke"]),
    ("multi_label", ["fire; flood", "", "flood; ash; mud"], ["fire", "flood", "flood", "ash; mud"])])
def test_answers_are_taken_apart_only_where_several_labels_can_apply(
        kind: str, said: list[str], labels: list[str]) -> None:
    assert tables.labels_in(pd.Series(said), kind, ("fire", "flood", "ash; mud", "mu")) == labels


def written(**columns: list[Any]) -> pd.DataFrame:
    """Answers in writing: only of documents kept aside the small model wrote, too."""
    n = len(columns["teacher"])
    return pd.DataFrame({"id": range(n), "text": "t", "gold": None, "baseline": "", "sureness": "sure",
                         "teacher_confidence": 0.9, "student_confidence": float("nan"), "asked": 1,
                         "asked_again": False, **columns})


def test_what_the_small_model_was_not_asked_is_not_called_different() -> None:
    rows = written(teacher=["a", "a", "a", "", "a"], student=["", "", "a", "", "b"],
                   part=["learn", "kept_aside", "kept_aside", "kept_aside", "kept_aside"])
    none, same, other = tables.words.COMPARE_NONE, tables.words.COMPARE_SAME, tables.words.COMPARE_OTHER
    # Kept aside and nothing that can be read: that is another answer than the large model's.
    assert list(tables.documents(rows)["answers"]) == [none, other, same, none, other]
    told = tables.about(rows.iloc[0].to_dict())
    assert none in told and other not in told and same not in told
    assert tables.counts(rows)[tables.DIFFERENT] == 2


def test_bars_begin_with_the_likeliest() -> None:
    assert re.findall(r"<b>(\d+) %</b>", tables.bars({"a": 0.2, "b": 0.8})) == ["80", "20"]
