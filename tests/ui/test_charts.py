"""Figures of a finished report."""

from __future__ import annotations

import json

import gradio as gr

from ui import charts


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
