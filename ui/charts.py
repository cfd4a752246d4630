"""Plots: training events as tables for the live plots, and plotly figures of a finished report.

Colours work on light and dark ground; they are never the only sign (patterns, words and numbers
stand beside them). Does not: read files, know the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from ui import wording_results as words

LARGE, SMALL, BAG = words.COMPARE_LARGE, words.COMPARE_SMALL, words.COMPARE_BAG
COLOURS = {LARGE: "#3f7fd0", SMALL: "#cf6a12", BAG: "#82868f"}
PATTERNS = {LARGE: "", SMALL: "/", BAG: "."}
TERMS = {"outputs": "Answers", "text": "Words", "representations": "Inner representations"}
TERM_COLOURS = {"Answers": "#cf6a12", "Words": "#2f8f5b", "Inner representations": "#3f7fd0"}
BOUNDARY = "#82868f"
INK = "#7b8088"  # readable on white and on near-black; the style sheet refines it
SHADE, PALEST, DARKEST = "63,127,208", 0.07, 0.6  # of a cell: its colour, and how thick it lies
FULL = 200  # letters of a name where there is room for all of it
SMOOTH = 5  # steps averaged for a point of the plot: one batch alone is noisy
MISTAKES, AGREEMENT = ("step", "mistakes", "series"), ("step", "agreement", "series")
NOW = "Agreement"

Event = Mapping[str, Any]


# What a run's events say, as tables


def begins(title: str) -> str:
    """The name of the upright line where a phase begins."""
    return f"{title} begins"


def series_colours(titles: Sequence[str]) -> dict[str, str]:
    """Every series the live plot of mistakes may show, up front: terms, then phase beginnings."""
    return {**TERM_COLOURS, **{begins(title): BOUNDARY for title in titles[1:]}}


def agreement_colours(titles: Sequence[str]) -> dict[str, str]:
    """Every series of the live plot of agreement, up front."""
    return {NOW: COLOURS[SMALL], **{begins(title): BOUNDARY for title in titles[1:]}}


def phase_starts(events: Sequence[Event]) -> dict[str, int]:
    """Steps made before each phase, in the order the phases began; keys are phase names."""
    longest: dict[str, int] = {}
    for event in events:
        if event["kind"] in ("step", "gate"):
            longest[event["phase"]] = max(longest.get(event["phase"], 0), int(event["step"]))
    starts, total = {}, 0
    for phase, steps in longest.items():
        starts[phase] = total
        total += steps
    return starts


def _titles(events: Sequence[Event]) -> dict[str, str]:
    return {e["phase"]: e["title"] for e in events if e["kind"] in ("phase_started", "step")
            and "title" in e}


def mistakes(events: Sequence[Event]) -> pd.DataFrame:
    """Columns step, mistakes, series: a row a step and term, averaged over the last `SMOOTH` steps.

    Steps made twice (after a resume) count once, the later one. Upright lines where phases begin.
    """
    starts = phase_starts(events)
    latest: dict[tuple[str, int, str], float] = {}
    for event in events:
        if event["kind"] == "step":
            for key, name in TERMS.items():
                value = event.get(key)
                if value is not None and value == value:  # NaN is dropped: Vega cannot draw it
                    latest[event["phase"], int(event["step"]), name] = float(value)
    rows = pd.DataFrame([(phase, starts[phase] + step, value, name)
                         for (phase, step, name), value in sorted(
                             latest.items(), key=lambda item: (starts[item[0][0]], item[0][1]))],
                        columns=["phase", *MISTAKES])
    if rows.empty:
        return rows[list(MISTAKES)].astype({"step": float, "mistakes": float, "series": str})
    rows["mistakes"] = rows.groupby(["phase", "series"], sort=False)["mistakes"].transform(
        lambda values: values.rolling(SMOOTH, min_periods=1).mean())
    top = float(rows["mistakes"].max())
    return _with_beginnings(rows[list(MISTAKES)], events, starts, (0.0, top), "mistakes")


def agreement(events: Sequence[Event]) -> pd.DataFrame:
    """Columns step, agreement (per cent), series: each look at *steer*, held until the next one."""
    starts = phase_starts(events)
    looks = {(e["phase"], int(e["step"])): 100 * float(e["agreement"])
             for e in events if e["kind"] == "gate" and e.get("agreement") is not None}
    at = sorted((starts[phase] + step, value) for (phase, step), value in looks.items())
    now = max([starts[e["phase"]] + int(e["step"]) for e in events if e["kind"] == "step"],
              default=0)
    rows: list[tuple[float, float, str]] = []
    for k, (step, value) in enumerate(at):
        until = at[k + 1][0] if k + 1 < len(at) else max(now, step + 1)
        rows += [(step, value, NOW), (until, value, NOW)]
    table = pd.DataFrame(rows, columns=list(AGREEMENT)).astype(
        {"step": float, "agreement": float, "series": str})
    return _with_beginnings(table, events, starts, (0.0, 100.0), "agreement") if rows else table


def _with_beginnings(table: pd.DataFrame, events: Sequence[Event], starts: Mapping[str, int],
                     ends: tuple[float, float], column: str) -> pd.DataFrame:
    titles = _titles(events)
    marks = [{"step": float(start), column: end, "series": begins(titles.get(phase, phase))}
             for phase, start in list(starts.items())[1:] for end in ends]
    return pd.concat([table, pd.DataFrame(marks)], ignore_index=True) if marks else table


def reading(events: Sequence[Event], going: bool = True) -> str:
    """What the live plots say, as one or two sentences; empty before the first step.

    `going`: whether the run goes on; of one that ended only the agreement is said, and of phases that
    were rolled back what they went back to.
    """
    # What is written without shared tokens has no mistakes in answers, only in words.
    made = [e for e in events if e["kind"] == "step"]
    term = next((term for term in ("outputs", "text") if any(term in e for e in made)), "")
    steps = [e for e in made if e.get(term) is not None]
    looks = [e for e in events if e["kind"] == ("gate" if going else "phase_done")
             and e.get("agreement") is not None]
    if not steps or not (going or looks):
        return ""
    if not going:
        return ("Small and large model agreed on "
                f"{_of_steering(looks[-1], events)} when training ended.")
    here = [float(e[term]) for e in steps if e["phase"] == steps[-1]["phase"]]
    said = f"Mistakes in “{steps[-1].get('title', steps[-1]['phase'])}”: {_trend(here)}"
    if not looks:
        return f"{said}; the first look at the steering documents comes soon."
    before = f" ({100 * looks[-2]['agreement']:.0f} % at the look before)" if len(looks) > 1 else ""
    return f"{said}. Small and large model now agree on {_of_steering(looks[-1], events)}{before}."


def _of_steering(look: Event, events: Sequence[Event]) -> str:
    n = look.get("n") or next((e["n"] for e in reversed(events) if e["kind"] == "gate"), None)
    return f"{100 * look['agreement']:.0f} % of the {n or ''} steering documents".replace("  ", " ")


def _trend(values: Sequence[float]) -> str:
    if len(values) < 9:
        return "too early to say"
    third = len(values) // 3
    first, last = sum(values[:third]) / third, sum(values[-third:]) / third
    fall = (first - last) / first if first else 0.0
    if fall > 0.15:
        return "going down steadily"
    if fall > 0.04:
        return "going down slowly"
    if fall > -0.04:
        return "levelled off"
    return "going up; the best save point is kept, not the last"


# Figures of a finished report


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
