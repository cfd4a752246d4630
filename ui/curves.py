"""The live plots of a run: training events as tables, what their lines are, and what they say in words.

Does not: read files, know the engine.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from ui.charts import COLOURS, SMALL

TERMS = {"outputs": "Answers", "text": "Words", "representations": "Inner representations"}
TERM_COLOURS = {"Answers": "#cf6a12", "Words": "#2f8f5b", "Inner representations": "#3f7fd0"}
BOUNDARY = "#82868f"
SMOOTH = 5  # steps averaged for a point of the plot: one batch alone is noisy
MISTAKES, AGREEMENT = ("step", "mistakes", "series"), ("step", "agreement", "series")
NOW = "Agreement"
ROUNDED = 0.02  # per cent: what was kept is written down in fewer places than a look
BEYOND = 2.5  # standard errors: what chance alone does in one of twenty phases of nine steps
SMALLEST = 0.04  # share of the mistakes: a change that is worth a word

Event = Mapping[str, Any]


def taught(events: Sequence[Event]) -> Sequence[Event]:
    """The events to be drawn: once answers are taught, without what was read before, on another scale."""
    read = _read(events)
    if all(e["phase"] in read for e in events if e["kind"] == "step"):
        return events
    return [e for e in events if e.get("phase") not in read]


def _read(events: Sequence[Event]) -> set[str]:
    """The names of the phases that read."""
    return {e["phase"] for e in events if e["kind"] == "phase_started" and e.get("reads")}


def begins(title: str) -> str:
    """The name of the upright line where a phase begins."""
    return f"{title} begins"


def colours(table: pd.DataFrame) -> dict[str, str]:
    """The colour of every series in a live plot. A plot takes series up only where this has changed."""
    known = {**TERM_COLOURS, NOW: COLOURS[SMALL]}
    return {name: known.get(name, BOUNDARY) for name in dict.fromkeys(table["series"])}


def key(table: pd.DataFrame) -> str:
    """What the lines of a live plot are, as HTML that goes on in a second line where one is too short."""
    named = [f'<span><i style="background:{colour}"{" class=upright" * (colour == BOUNDARY)}></i>'
             f"{html.escape(name)}</span>" for name, colour in colours(table).items()]
    return f'<p class="key">{"".join(named)}</p>'


def reach(events: Sequence[Event], going: bool) -> list[int]:
    """The first and last step that both live plots show: to a round number while a run goes on.

    A plot is built anew where its end moves, which is not to be at every step.
    """
    made, rounds = max(1, _made(events, phase_starts(events))), (1, 2, 3, 5, 7)
    if not going:
        return [0, made + math.ceil(made / 40)]  # room for the last point
    return [0, next(n * 10 ** power for power in range(1, 12) for n in rounds if n * 10 ** power >= made)]


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


def _made(events: Sequence[Event], starts: Mapping[str, int]) -> int:
    """Steps made in all, over all phases."""
    return max([starts[e["phase"]] + int(e["step"]) for e in events if e["kind"] in ("step", "gate")],
               default=0)


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
    """Columns step, agreement (per cent), series: a row for each look at *steer*.

    The first row is what was before training, where that is known: a phase says so when it is done. A phase
    ends at what was kept of it, which is what was before it where it was rolled back.
    """
    starts, rows = phase_starts(events), list[tuple[float, float, str]]()
    looks = {(e["phase"], int(e["step"])): 100 * float(e["agreement"])
             for e in events if e["kind"] == "gate" and e.get("agreement") is not None}
    done = {e["phase"]: e for e in events if e["kind"] == "phase_done" and e.get("agreement") is not None}
    ends = [*list(starts.values())[1:], _made(events, starts)]
    for (phase, start), end in zip(starts.items(), ends, strict=False):  # of no phase there is an end, too
        ended = done.get(phase, {})
        if not rows and ended.get("agreement_before") is not None:
            rows.append((start, 100 * float(ended["agreement_before"]), NOW))
        rows += [(start + step, value, NOW) for (of, step), value in sorted(looks.items()) if of == phase]
        if ended and (not rows or abs(rows[-1][1] - 100 * float(ended["agreement"])) > ROUNDED):
            rows.append((end, 100 * float(ended["agreement"]), NOW))
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

    `going`: whether the run goes on; of one that does not only the agreement is said. Of a phase that is done
    that is what was kept of it, not what was rolled back.
    """
    # What is written without shared tokens has no mistakes in answers, only in words.
    made = [e for e in events if e["kind"] == "step"]
    term = next((term for term in ("outputs", "text") if any(term in e for e in made)), "")
    steps = [e for e in made if e.get(term) is not None]
    looks = [e for e in events if e["kind"] in ("gate", "phase_done") and e.get("agreement") is not None]
    ended = next((e["kind"] == "stage_done" for e in reversed(events) if e.get("stage") == "training"
                  and e["kind"] in ("stage_started", "stage_done")), False)
    if not steps or not (going or looks):
        return ""
    if ended and looks:
        return f"Small and large model agreed on {_of_steering(looks[-1], events)} when training ended."
    if not going:
        return f"Small and large model agreed on {_of_steering(looks[-1], events)} at the last look so far."
    # By number: steps made twice, after a resume, count once.
    here = {e["step"]: float(e[term]) for e in steps if e["phase"] == steps[-1]["phase"]}
    if steps[-1]["phase"] in _read(events):
        return f"Mistakes in guessing the next word of your documents: {_trend(list(here.values()))}."
    said = f"Mistakes in “{steps[-1].get('title', steps[-1]['phase'])}”: {_trend(list(here.values()))}"
    if not looks:
        return f"{said}; the first look at the steering documents comes soon."
    last, before = looks[-1], ""
    if last["kind"] == "gate" and len(looks) > 1:
        before = f" ({100 * looks[-2]['agreement']:.0f} % at the look before)"
    return f"{said}. Small and large model now agree on {_of_steering(last, events)}{before}."


def _of_steering(look: Event, events: Sequence[Event]) -> str:
    n = look.get("n") or next((e["n"] for e in reversed(events) if e["kind"] == "gate"), None)
    return f"{100 * look['agreement']:.0f} % of the {n or ''} steering documents".replace("  ", " ")


def _trend(values: Sequence[float]) -> str:
    """The last third against the first, in words; a change within the scatter of single steps is none."""
    if len(values) < 9:
        return "too early to say"
    third = len(values) // 3
    first, last = sum(values[:third]) / third, sum(values[-third:]) / third
    # From step to step a trend hardly shows: what differs there is scatter.
    scatter = sum((b - a) ** 2 for a, b in pairwise(values)) / (2 * (len(values) - 1))
    fall = (first - last) / first if first else 0.0
    if abs(first - last) <= BEYOND * math.sqrt(2 * scatter / third) or abs(fall) <= SMALLEST:
        return "about the same"
    if fall < 0:
        return "going up; the best save point is kept, not the last"
    return "going down steadily" if fall > 0.15 else "going down slowly"
