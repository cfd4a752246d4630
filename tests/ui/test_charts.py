"""Plots of a run's events and of a finished report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import gradio as gr
import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import charts


@pytest.fixture
def events(workspace: Workspace, tmp_path: Path) -> list:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    return list(studio.status(made_runs.finished(studio, project)).events)


def step(phase: str, number: int, **terms: float) -> dict:
    return {"kind": "step", "phase": phase, "step": number, "steps": 9, "title": phase, **terms}


def test_steps_go_on_counting_over_the_phases(events: list) -> None:
    assert charts.phase_starts(events) == {"foundations": 0, "breadth": 14, "hard-cases": 34}
    table = charts.mistakes(events)
    assert sorted(set(table[table["series"] == "Answers"]["step"])) == list(range(1, 43))


def test_each_term_is_drawn_for_the_phases_that_have_it(events: list) -> None:
    table = charts.mistakes(events)
    inner = table[table["series"] == "Inner representations"]
    assert len(inner) == 14 and inner["step"].max() == 14  # the later phases learn from answers alone


def test_phase_beginnings_are_upright_lines_over_the_whole_height(events: list) -> None:
    table = charts.mistakes(events)
    marks = table[table["series"] == "Breadth begins"]
    assert list(marks["step"]) == [14, 14] and marks["mistakes"].min() == 0
    assert marks["mistakes"].max() == pytest.approx(table["mistakes"].max())


def test_every_series_has_its_colour_before_it_appears(events: list) -> None:
    titles = ["Foundations", "Breadth", "Hard cases"]
    assert set(charts.mistakes(events)["series"]) <= set(charts.series_colours(titles))
    assert set(charts.agreement(events)["series"]) <= set(charts.agreement_colours(titles))


def test_steps_made_twice_after_a_resume_count_once() -> None:
    twice = [step("a", 1, outputs=9.0), step("a", 2, outputs=9.0), step("a", 2, outputs=1.0)]
    table = charts.mistakes(twice)
    assert list(table["step"]) == [1, 2] and list(table["mistakes"]) == [9.0, 5.0]


def test_what_is_not_a_number_is_left_out() -> None:
    table = charts.mistakes([step("a", 1, outputs=1.0), step("a", 2, outputs=math.nan)])
    assert list(table["step"]) == [1] and not table.isna().any().any()


def test_before_the_first_step_there_is_nothing_to_draw() -> None:
    assert charts.mistakes([]).empty and charts.agreement([]).empty and charts.reading([]) == ""
    assert list(charts.mistakes([]).columns) == list(charts.MISTAKES)


def test_a_single_look_is_already_a_line() -> None:
    gate = {"kind": "gate", "phase": "a", "step": 5, "agreement": 0.78, "n": 70}
    table = charts.agreement([step("a", 5, outputs=1.0), gate])
    assert list(table["agreement"]) == [78.0, 78.0] and table["step"].iloc[0] < table["step"].iloc[1]


@pytest.mark.parametrize(("values", "said"), [
    ([2.0 - 0.1 * k for k in range(15)], "going down steadily"),
    ([1.0 - 0.005 * k for k in range(15)], "going down slowly"),
    ([1.0] * 15, "levelled off"),
    ([1.0 + 0.1 * k for k in range(15)], "going up"),
    ([1.0, 0.5], "too early to say"),
])
def test_the_sentence_reads_the_curve(values: list[float], said: str) -> None:
    assert said in charts.reading([step("a", k + 1, outputs=v) for k, v in enumerate(values)])


def test_the_sentence_gives_agreement_with_its_n(events: list) -> None:
    assert "now agree on 80 % of the 18 steering documents (72 %" in charts.reading(events)


def test_a_phase_rolled_back_is_not_the_last_word(events: list) -> None:
    looks = [e["agreement"] for e in events if e["kind"] == "gate"]
    assert looks[-1] == 0.8  # of the phase that was rolled back
    assert "agreed on 70 % of the 18 steering documents" in charts.reading(events, going=False)


def test_confusion_shows_every_count_and_hides_the_empty_cells() -> None:
    figure = charts.confusion([[3, 1], [0, 4]], ["fire", "flood"], "Large model")
    assert sorted(a.text for a in figure.layout.annotations) == ["1", "<b>3</b>", "<b>4</b>"]
    assert list(figure.data[0].z[0]) == [0.75, 0.25]


def test_names_from_outside_cannot_become_marks_in_a_figure() -> None:
    name = "<a href='http://a.example'>x</a> & y"
    for figure in (charts.confusion([[1, 0], [0, 1]], [name, "b"], "Large model"),
                   charts.answer_bars({charts.LARGE: {name: 1.0}}),
                   charts.share_bars({charts.LARGE: [name]}, [name])):
        assert "<a" not in json.dumps(figure.to_plotly_json(), default=lambda v: v.tolist())


def test_bars_tell_the_models_apart_without_colour() -> None:
    figure = charts.answer_bars({who: {"fire": 0.6, "flood": 0.4} for who in charts.COLOURS})
    assert len({bar.marker.pattern.shape for bar in figure.data}) == 3
    assert list(figure.data[0].text) == ["60 %", "40 %"]


def test_figures_have_no_ground_of_their_own() -> None:
    rows = [{"label": "fire", "f1": 0.5, "precision": None, "recall": 0.4, "support": 5}]
    figure = charts.label_bars({charts.LARGE: rows})
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert list(figure.data[0].y) == [0] and list(figure.layout.yaxis.ticktext) == ["fire, n 5"]


def every_figure() -> list[charts.Figure]:
    rows = [{"label": "fire", "f1": 0.5, "precision": None, "recall": 0.4, "support": 5}]
    return [charts.confusion([[3]], ["fire"], "Large model"), charts.label_bars({charts.LARGE: rows}),
            charts.answer_bars({charts.LARGE: {"fire": 1.0}}),
            charts.share_bars({charts.LARGE: ["fire"]}, ["fire"])]


def test_no_figure_has_a_bar_of_tools_or_a_link_off_the_machine() -> None:
    for figure in every_figure():
        config = json.loads(gr.Plot().postprocess(figure).plot)["config"]
        assert config["displayModeBar"] is False and config["displaylogo"] is False


def test_room_for_a_legend_is_kept_at_the_edge_of_the_figure() -> None:
    """Margins that plotly makes for a legend beside the bars are lost when a figure is resized."""
    assert {figure.layout.legend.yref for figure in every_figure()} == {"container"}


def test_every_bar_has_its_number_and_every_score_of_a_category_its_n() -> None:
    rows = [{"label": "fire", "f1": 0.5, "precision": 0.5, "recall": 0.4, "support": 5},
            {"label": "flood", "f1": None, "precision": None, "recall": None, "support": 1_200}]
    figure = charts.label_bars({charts.LARGE: rows})
    assert list(figure.data[0].text) == ["0.50", "–"]
    assert list(figure.layout.yaxis.ticktext) == ["fire, n 5", "flood, n 1,200"]


ALIKE = ["Flooding of roads and bridges in the north", "Flooding of roads and bridges in the south",
         "Flooding of roads and bridges", "fire"]


def test_categories_that_begin_alike_keep_their_own_places() -> None:
    rows = [{"label": name, "f1": 0.5, "precision": 0.5, "recall": 0.4, "support": 5} for name in ALIKE]
    probs = {who: dict(zip(ALIKE, (0.4, 0.3, 0.2, 0.1), strict=True)) for who in charts.COLOURS}
    eye = [[int(i == j) for j in range(4)] for i in range(4)]
    heat = charts.confusion(eye, ALIKE, "Large model")
    bars = [charts.label_bars(dict.fromkeys(charts.COLOURS, rows)), charts.answer_bars(probs),
            charts.share_bars(dict.fromkeys(charts.COLOURS, ALIKE), ALIKE)]
    assert [(a.x, a.y) for a in heat.layout.annotations] == [(k, k) for k in range(4)]
    assert list(heat.data[0].x) == list(heat.data[0].y) == [0, 1, 2, 3]
    for figure in bars:
        assert all(list(trace.y) == [0, 1, 2, 3] for trace in figure.data)
    for figure in (heat, *bars):
        said = figure.layout.yaxis
        assert list(said.tickvals) == [0, 1, 2, 3] and len(set(said.ticktext)) == 4
        assert said.zeroline is False and said.showgrid is False  # no line through the first category
        assert "%{y}" not in "".join(trace.hovertemplate for trace in figure.data)
    assert all(ALIKE[0] in str(figure.data[0].customdata) for figure in (heat, *bars))  # in full on hover
    assert list(bars[2].data[0].x) == [1, 1, 1, 1]
