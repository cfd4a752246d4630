"""Compare and Take home for several labels and for answers in writing: real runs of a tiny model."""

from __future__ import annotations

import pandas as pd
import pytest

from engine.jobs.worker import work
from engine.plan import STUDENT_PROMPTS, StudentPlan
from engine.studio import Studio
from tests.students.taught import ASKED, LINE, ONE, SEVERAL, WRITTEN, large, taught, with_encoder
from tests.students.tiny import MODEL, Made, calm, made, tiny_home
from tests.ui.test_compare import build, everything
from ui import layout, tables
from ui.pages import compare, take_home

__all__ = ["calm", "large", "made", "taught", "tiny_home"]


@pytest.fixture
def studio(large: Made, monkeypatch: pytest.MonkeyPatch) -> Studio:  # noqa: F811
    monkeypatch.setenv("ANON_HOME", str(large.workspace.home))
    return Studio(large.workspace)


def fills_the_page(rows: pd.DataFrame) -> None:
    """Every column has a width, and all of them are as wide as the page (1,200 px less its margins)."""
    for shown in (rows, rows.assign(gold=None)):  # with labels, and without
        table = compare._table(shown)
        assert len(table.column_widths) == len(tables.documents(shown).columns)
        assert 1_200 <= sum(int(width.removesuffix("px")) for width in table.column_widths) <= 1_250


def test_several_labels_are_shown_without_a_confusion_of_one(studio: Studio, large: Made) -> None:  # noqa: F811
    run = large.run(task=SEVERAL, ask=ASKED, phases=ONE)
    assert work(run, large.workspace) == "done"
    page = build(compare)
    updates = page.refresh("", large.project, run.id, "")
    assert "gives exactly the large one" in updates[page.named["verdict"]]
    assert updates[page.named["confusion"]] is None
    assert len(updates[page.named["shares"]].data) == 3 and len(updates[page.named["f1"]].data) == 3
    rows = studio.predictions(run.id)
    shown = page.handlers["filtered"]("", run.id, "all")[page.named["answers"]]
    assert shown["large model"].tolist() == rows["teacher"].tolist()
    assert "Category by category" in everything(build(take_home).refresh("", large.project, run.id, ""))
    assert layout._states(studio, large.project, run.id)["compare"].endswith("% agreement")
    fills_the_page(rows)


def test_texts_are_shown_side_by_side_without_pictures(studio: Studio, large: Made) -> None:  # noqa: F811
    with_encoder(large)
    run = large.run(task=LINE, ask=WRITTEN, phases=tuple(p.model_copy(update={"text": 0.5}) for p in ONE),
                    student=StudentPlan(model=MODEL, rank=8, alpha=16, prompt=STUDENT_PROMPTS["generate"]))
    assert work(run, large.workspace) == "done"
    page = build(compare)
    updates = page.refresh("", large.project, run.id, "")
    assert "mean much the same" in updates[page.named["verdict"]]
    for picture in ("confusion", "shares", "f1"):
        assert updates[page.named[picture]] is None
    shown = page.handlers["filtered"]("", run.id, "kept")[page.named["answers"]]
    assert not {"small model sure", "bag of words"} & set(shown.columns)
    assert shown["small model"].str.len().gt(0).any()
    assert "Bag of words" not in tables.about(studio.predictions(run.id).iloc[0].to_dict())
    assert "Bag of words" not in updates[page.named["scores"]]
    assert "first 6 words" in updates[page.named["scores"]]
    assert layout._states(studio, large.project, run.id)["compare"].endswith("% alike")
    fills_the_page(studio.predictions(run.id))
    assert "repeats the large model" in everything(build(take_home).refresh("", large.project, run.id, ""))


def test_facts_are_read_by_name_and_other_answers_as_they_stand() -> None:
    told = tables.readable('{"place": "Manta", "dead": null, "needs": "water"}')
    assert told == "place: Manta · needs: water"
    assert tables.readable('{"place": null}') == "(nothing said)"
    for other in ("flood", "{a brace first", "", "Manta: 3 dead"):
        assert tables.readable(other) == other
