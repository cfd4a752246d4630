"""Plotly figures of a finished report. The live plots of a run are in `ui/curves.py`.

Colours work on light and dark ground; they are never the only sign (patterns, words and numbers
stand beside them). Does not: read files, know the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from ui import wording_compare as words

LARGE, SMALL, BAG = words.COMPARE_LARGE, words.COMPARE_SMALL, words.COMPARE_BAG
COLOURS = {LARGE: "#3f7fd0", SMALL: "#cf6a12", BAG: "#82868f"}
PATTERNS = {LARGE: "", SMALL: "/", BAG: "."}
INK = "#7b8088"  # readable on white and on near-black; the style sheet refines it
SHADE, PALEST, DARKEST = "63,127,208", 0.07, 0.6  # of a cell: its colour, and how thick it lies
FULL = 200  # letters of a name where there is room for all of it


class Figure(go.Figure):
    """A figure that brings along how a browser shows it, which plotly's own JSON leaves out.

    No bar of tools: it lies over numbers and legend, chooses points that lead nowhere, and its sign is a link
    to plotly.com, off this machine.
    """

    SHOWN: Mapping[str, Any] = {"displayModeBar": False, "displaylogo": False, "showTips": False}

    def to_json(self, *args: Any, **options: Any) -> str:  # noqa: ANN401 - as plotly has it
        """The figure as `gr.Plot` sends it, with `SHOWN` as its config."""
        return json.dumps({**json.loads(super().to_json(*args, **options)), "config": self.SHOWN})


def _laid_out(figure: Figure, height: int, **layout: Any) -> Figure:  # noqa: ANN401 - plotly
    figure.update_layout(
        height=height, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        margin={"l": 8, "r": 8, "t": 8, "b": 8, "pad": 4}, dragmode=False,
        # Room for it is kept at the figure's edge: beside the bars, it is lost when the figure is resized.
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0, "title": None},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}}, bargap=0.25, bargroupgap=0.08,
        **layout)
    figure.update_xaxes(automargin=True, fixedrange=True, gridcolor="rgba(128,134,144,.25)",
                        zerolinecolor="rgba(128,134,144,.5)", linecolor="rgba(128,134,144,.5)")
    figure.update_yaxes(automargin=True, fixedrange=True, gridcolor="rgba(128,134,144,.25)",
                        zerolinecolor="rgba(128,134,144,.5)", linecolor="rgba(128,134,144,.5)")
    return figure


def plain(name: str, limit: int = 26) -> str:
    """A category's name for a figure: plotly reads a little HTML, so its marks are escaped; cut if long."""
    text = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if len(name) <= limit else plain(name[:limit - 1] + "…", limit)


def told_apart(names: Sequence[str], limit: int = 26) -> list[str]:
    """Names beside an axis; those that begin alike keep their ends, too."""
    short, half = [plain(name, limit) for name in names], limit // 2
    return [text if short.count(text) == 1 or len(name) <= limit else
            plain(f"{name[:half - 1]}…{name[half - limit:]}", limit)
            for name, text in zip(names, short, strict=True)]


def _beside(names: Sequence[str]) -> dict[str, Any]:
    """An axis of categories. Their places are numbers: plotly takes two categories of one name for one.

    A line at zero would run through the first of them.
    """
    return {"zeroline": False, "showgrid": False, "tickmode": "array", "tickvals": list(range(len(names))),
            "ticktext": list(names)}


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str], rows: str,
              columns: str = SMALL) -> Figure:
    """Heat map of counts: `rows` answered the row, `columns` answered the column.

    `matrix[i][j]` counts documents; the shade is the share of the row, the number is the count. Numbers have
    the colour of the page's text, so the darkest shade leaves it readable on light and dark ground.
    """
    names, full = told_apart(labels), [plain(label, FULL) for label in labels]
    places = list(range(len(labels)))
    shares = [[count / max(1, sum(row)) for count in row] for row in matrix]
    hover = [[f"{rows}: {full[i]}<br>{columns}: {full[j]}<br>{count} of {sum(row)} documents"
              for j, count in enumerate(row)] for i, row in enumerate(matrix)]
    figure = Figure(go.Heatmap(
        z=shares, x=places, y=places, zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
        colorscale=[[0, f"rgba({SHADE},{PALEST})"], [1, f"rgba({SHADE},{DARKEST})"]],
        customdata=hover, hovertemplate="%{customdata}<extra></extra>"))
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            if count:
                figure.add_annotation(x=j, y=i, text=f"<b>{count}</b>" if i == j else str(count),
                                      showarrow=False, font={"size": 14, "color": INK})
    figure = _laid_out(figure, max(320, 120 + 44 * len(names)))
    figure.update_xaxes(side="bottom", tickangle=-40, title={"text": columns}, **_beside(names))
    figure.update_yaxes(autorange="reversed", title={"text": rows}, **_beside(names))
    return figure


def label_bars(scores: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """F1 per category, one bar for each who of `scores` (who → rows of label, f1, support)."""
    first = next(iter(scores.values()), ())
    short = told_apart([r["label"] for r in first], 20)
    names = [words.compare_with_n(name, r["support"]) for name, r in zip(short, first, strict=True)]
    place = {r["label"]: at for at, r in enumerate(first)}
    figure = Figure()
    for who, rows in scores.items():
        hover = [f"{who}, {plain(r['label'], FULL)}<br>F1 {_two(r['f1'])}: found {_percent(r['recall'])} "
                 f"of {r['support']}; right when it says so {_percent(r['precision'])}"
                 for r in rows]
        figure.add_bar(y=[place[r["label"]] for r in rows], x=[r["f1"] or 0 for r in rows], name=who,
                       orientation="h", text=[_two(r["f1"]) for r in rows], textposition="outside",
                       cliponaxis=False, textfont={"color": INK}, marker=_marker(who), customdata=hover,
                       hovertemplate="%{customdata}<extra></extra>")
    bars = sum(map(len, scores.values()))
    figure = _laid_out(figure, max(260, 90 + 17 * bars + 8 * len(first)), barmode="group")
    figure.update_xaxes(range=[0, 1.12], tickvals=[0, 0.25, 0.5, 0.75, 1],
                        title={"text": "F1 (1 = always right)"})
    figure.update_yaxes(autorange="reversed", **_beside(names))
    return figure


def answer_bars(probs: Mapping[str, Mapping[str, float]]) -> Figure:
    """How sure each who of `probs` was of each category, for one document (who → label → 0..1)."""
    labels = list(next(iter(probs.values()), {}))
    figure = Figure()
    for who, said in probs.items():
        values = [100 * float(said.get(label, 0)) for label in labels]
        figure.add_bar(y=list(range(len(labels))), x=values, name=who, orientation="h",
                       customdata=[plain(label, FULL) for label in labels],
                       marker=_marker(who), text=[f"{v:.0f} %" if v >= 1 else "" for v in values],
                       textposition="outside", cliponaxis=False, textfont={"color": INK},
                       hovertemplate="%{customdata}: %{x:.1f} %<extra>" + who + "</extra>")
    figure = _laid_out(figure, max(220, 80 + 38 * len(labels)), barmode="group")
    figure.update_xaxes(range=[0, 112], ticksuffix=" %", tickvals=[0, 25, 50, 75, 100])
    figure.update_yaxes(autorange="reversed", **_beside(told_apart(labels)))
    return figure


def share_bars(answers: Mapping[str, Sequence[str]], labels: Sequence[str]) -> Figure:
    """How often each who of `answers` chose each category (who → chosen label of every document)."""
    figure = Figure()
    for who, chosen in answers.items():
        counts = [list(chosen).count(label) for label in labels]
        figure.add_bar(y=list(range(len(labels))), x=counts, name=who, orientation="h",
                       customdata=[plain(label, FULL) for label in labels],
                       marker=_marker(who), text=counts, textposition="outside", cliponaxis=False,
                       textfont={"color": INK},
                       hovertemplate="%{customdata}: %{x} documents<extra>" + who + "</extra>")
    height = 80 + (17 * max(1, len(answers)) + 8) * len(labels)
    figure = _laid_out(figure, max(240, height), barmode="group")
    most = max([list(a).count(label) for a in answers.values() for label in labels], default=1)
    figure.update_xaxes(range=[0, 1.15 * max(1, most)], title={"text": "documents"})
    figure.update_yaxes(autorange="reversed", **_beside(told_apart(labels)))
    return figure


def _marker(who: str) -> dict[str, Any]:
    colour = COLOURS.get(who, "#5d8a54")
    return {"color": colour, "line": {"color": colour, "width": 1},
            "pattern": {"shape": PATTERNS.get(who, "x"), "size": 6, "solidity": 0.35,
                        "fillmode": "overlay", "fgcolor": "rgba(255,255,255,.75)"}}


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
