"""Compare: the verdict first, then both models side by side, then document by document.

Does not: score anything. It shows a finished run's report and its table of answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from engine.errors import InputError
from engine.studio import Studio
from ui import charts, judging, tables, wording
from ui import wording_compare as words
from ui.guard import guarded, notice
from ui.progress import finished_run, says
from ui.session import QUIET, Components, Frame, Page, studio_for

Updates = dict[Any, Any]
SIDES = [(words.COMPARE_AGAINST_LARGE, "large"), (words.COMPARE_AGAINST_GOLD, "gold")]


@dataclass(frozen=True, slots=True)
class Parts(Components):
    """Components of the page. `run` holds the id of the run shown, `seen` what was drawn last."""

    empty: gr.HTML
    body: gr.Column
    which: gr.HTML
    verdict: gr.HTML
    scores: gr.HTML
    phases: gr.HTML
    against: gr.Radio
    pictures: gr.Accordion
    confusion_part: gr.Column
    confusion: gr.Plot
    f1_part: gr.Column
    f1: gr.Plot
    shares_part: gr.Column
    shares: gr.Plot
    show: gr.Radio
    table: gr.Dataframe
    first: gr.HTML
    one: gr.Column
    about: gr.HTML
    text: gr.Textbox
    bars_part: gr.Column
    bars: gr.Plot
    large_prompt: gr.Textbox
    small_prompt: gr.Textbox
    answer: gr.HTML
    run: gr.State
    seen: gr.State


def build(frame: Frame) -> Page:
    """The Compare stop."""
    empty = gr.HTML(visible=True)
    run, seen = gr.State(""), gr.State("")
    with gr.Column(visible=False, elem_id="compare") as body:
        verdict, which = gr.HTML(elem_id="verdict"), gr.HTML()
        gr.HTML(f"<h3>{says(words.COMPARE_SCORES)}</h3>"
                f'<p class="quiet">{says(words.COMPARE_SCORES_INFO)}</p>')
        scores = gr.HTML(elem_id="scores")
        with gr.Accordion(words.COMPARE_PHASES, open=False, elem_id="worth"):
            gr.HTML(f'<p class="quiet">{says(words.COMPARE_PHASES_INFO)}</p>')
            phases = gr.HTML()
        gr.HTML(f"<h3>{says(words.COMPARE_DOCUMENTS)}</h3>")
        show = gr.Radio([(title, name) for name, title in words.COMPARE_FILTERS.items()],
                        label=words.COMPARE_SHOW, value=tables.DIFFERENT, elem_id="show")
        table = gr.Dataframe(interactive=False, show_search="search", wrap=True, max_height=420,
                             buttons=[], show_label=False, datatype="str", elem_id="answers")
        first = gr.HTML(elem_classes="maybe", elem_id="first-answers")
        gr.HTML(f'<p class="quiet">{says(words.COMPARE_PICK)}</p>')
        with gr.Column(visible=False, elem_id="one") as one:
            with gr.Row():
                with gr.Column(min_width=300):
                    about = gr.HTML(elem_id="about")
                    text = gr.Textbox(label=words.COMPARE_TEXT, interactive=False, lines=2,
                                      max_lines=12, elem_id="text")
                with gr.Column(min_width=300) as bars_part:
                    gr.HTML(f"<h3>{says(words.COMPARE_BARS)}</h3>")
                    bars = gr.Plot(show_label=False, elem_id="bars")
            with gr.Accordion(words.COMPARE_PROMPTS, open=False):
                large_prompt = gr.Textbox(label=words.COMPARE_LARGE_PROMPT, interactive=False,
                                          lines=4, max_lines=24, buttons=["copy"])
                small_prompt = gr.Textbox(label=words.COMPARE_SMALL_PROMPT, interactive=False,
                                          lines=2, max_lines=24, buttons=["copy"])
        blind = judging.build(frame, run)
        gr.HTML(f"<h3>{says(words.COMPARE_OWN)}</h3>")
        own = gr.Textbox(label=words.COMPARE_OWN, info=words.COMPARE_OWN_INFO, lines=2, max_lines=8,
                         max_length=8000, placeholder=words.COMPARE_OWN_PLACEHOLDER, elem_id="own")
        ask = gr.Button(words.COMPARE_ASK, variant="primary", elem_id="ask")
        answer = gr.HTML(elem_id="own-answer")
        with gr.Accordion(words.COMPARE_PICTURES, open=True) as pictures:
            with gr.Row():
                with gr.Column(min_width=320) as confusion_part:
                    gr.HTML(f"<h3>{says(words.COMPARE_CONFUSION)}</h3>"
                            f'<p class="quiet">{says(words.COMPARE_CONFUSION_INFO)}</p>')
                    against = gr.Radio(SIDES, value="large", label=words.COMPARE_AGAINST,
                                       visible=False)
                    confusion = gr.Plot(show_label=False, elem_id="confusion")
                with gr.Column(min_width=320) as shares_part:
                    gr.HTML(f"<h3>{says(words.COMPARE_SHARES)}</h3>"
                            f'<p class="quiet">{says(words.COMPARE_SHARES_INFO)}</p>')
                    shares = gr.Plot(show_label=False, elem_id="shares")
            with gr.Column() as f1_part:
                gr.HTML(f"<h3>{says(words.COMPARE_F1)}</h3>"
                        f'<p class="quiet">{says(words.COMPARE_F1_INFO)}</p>')
                f1 = gr.Plot(show_label=False, elem_id="f1")
    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("compare"))

    parts = Parts(empty, body, which, verdict, scores, phases, against, pictures, confusion_part, confusion,
                  f1_part, f1, shares_part, shares, show, table, first, one, about, text, bars_part, bars,
                  large_prompt, small_prompt, answer, run, seen)

    @guarded
    def refresh(visitor: str, project: str, wanted: str, drawn: str) -> Any:  # noqa: ANN401
        return _show(studio_for(visitor), project, wanted, drawn, parts, blind)

    @guarded
    def filtered(visitor: str, shown: str, which_ones: str) -> Updates:
        rows = tables.chosen(studio_for(visitor).predictions(shown), which_ones)
        return {table: tables.documents(rows.head(tables.MOST_ROWS)), first: _first(rows),
                one: gr.Column(visible=False)}

    @guarded
    def pick(visitor: str, shown: str, event: gr.SelectData) -> Updates:
        rows = studio_for(visitor).predictions(shown)
        found = rows[rows["id"].astype(str) == str((event.row_value or [""])[0])]
        return _one(found.iloc[0].to_dict(), parts) if len(found) else {one: gr.Column(visible=False)}

    @guarded
    def redraw(visitor: str, shown: str, side: str) -> Any:  # noqa: ANN401 - a figure
        return _confusion(studio_for(visitor).report(shown), side)

    @guarded
    def ask_own(visitor: str, shown: str, said: str) -> str:
        if not (said or "").strip():
            raise InputError(words.COMPARE_OWN_EMPTY, words.COMPARE_OWN_EMPTY_FIX)
        given = studio_for(visitor).ask_student(shown, said.strip())
        sure = given.probs.get(given.answer)
        bars = tables.bars(given.probs) if given.probs else ""
        return f"<p><b>{says(words.compare_own(given.answer, sure))}</b></p>{bars}"

    show.input(filtered, [frame.visitor, run, show], [table, first, one], **QUIET)
    table.select(pick, [frame.visitor, run], parts.all, **QUIET)
    against.input(redraw, [frame.visitor, run, against], confusion, **QUIET)
    gr.on([ask.click, own.submit], ask_own, [frame.visitor, run, own], answer,
          api_visibility="private", show_progress="minimal", concurrency_id="model",
          concurrency_limit=1)
    return Page(refresh, [*parts.all, *blind.all], [seen])


def _show(studio: Studio, project: str, wanted: str, drawn: str, parts: Parts,
          blind: judging.Part) -> Any:  # noqa: ANN401 - updates
    """The page for the newest finished run, the run in view first; skips what is on the screen."""
    found, note = finished_run(studio, project, wanted)
    now = f"{found}|{note}"
    if now == drawn:
        return gr.skip()
    if not found:
        empty = notice("note", words.COMPARE_EMPTY, words.COMPARE_EMPTY_WHY, words.COMPARE_EMPTY_FIX)
        return {parts.empty: gr.HTML(empty, visible=True), parts.body: gr.Column(visible=False),
                parts.answer: "", parts.run: "", parts.seen: now}
    report, rows = studio.report(found), studio.predictions(found)
    which = tables.counts(rows)
    start = next(name for name in (tables.DIFFERENT, tables.UNSURE, tables.ALL_KEPT) if which[name]
                 or name == tables.ALL_KEPT)
    kept = tables.chosen(rows, tables.ALL_KEPT)
    answers = {title: tables.labels_in(kept[who], report.get("kind", ""), report["labels"])
               for who, title in tables.WHO}
    title = words.compare_shown(found.rpartition("/")[2], report["teacher_name"],
                                report["student_name"], report["date"])
    return {
        parts.empty: gr.HTML(note, visible=bool(note)), parts.body: gr.Column(visible=True),
        parts.which: f'<p class="quiet">{says(title)}</p>', parts.verdict: tables.verdict(report),
        parts.scores: tables.side_by_side(report), parts.phases: tables.phases(report),
        parts.against: gr.Radio(value="large", visible=bool(report.get("confusion_gold"))),
        parts.pictures: gr.Accordion(visible=bool(report["labels"])),
        parts.confusion_part: gr.Column(visible=bool(report["confusion"])),
        parts.confusion: _confusion(report, "large") if report["confusion"] else None,
        parts.f1_part: gr.Column(visible=report["has_gold"]),
        parts.f1: charts.label_bars({title: report[who]["per_label"] for who, title in tables.WHO})
        if report["has_gold"] else None,
        parts.shares_part: gr.Column(visible=bool(report["labels"])),
        parts.shares: charts.share_bars(answers, report["labels"]) if report["labels"] else None,
        parts.show: gr.Radio([(words.compare_filter(name, number), name)
                              for name, number in which.items()], value=start),
        parts.table: _table(tables.chosen(rows, start)), parts.first: _first(tables.chosen(rows, start)),
        # What was said by the model of another run is not said by this one.
        parts.one: gr.Column(visible=False), parts.answer: "", parts.run: found, parts.seen: now,
        **judging.updates(blind, studio, found)}


def _first(rows: pd.DataFrame) -> str:
    """How many of these documents are shown, where they are too many for a browser."""
    if len(rows) <= tables.MOST_ROWS:
        return ""
    return f'<p class="quiet" role="status">{says(words.compare_first(tables.MOST_ROWS, len(rows)))}</p>'


def _table(rows: pd.DataFrame) -> Any:  # noqa: ANN401 - a table or its update
    shown = tables.documents(rows.head(tables.MOST_ROWS))
    known = words.COMPARE_TEXT_WIDTHS
    if not known.keys() >= set(shown.columns):
        known = words.COMPARE_WIDTHS
    widths = {column: known[column] for column in shown.columns}
    if "text" in widths:
        widths["text"] += max(0, words.COMPARE_WIDTH - sum(widths.values()))
    return gr.Dataframe(shown, column_widths=[f"{width}px" for width in widths.values()])


def _confusion(report: tables.Report, side: str) -> Any:  # noqa: ANN401 - a figure
    if side == "gold":
        return charts.confusion(report["confusion_gold"], report["labels"], words.COMPARE_GOLD)
    return charts.confusion(report["confusion"]["matrix"], report["labels"], words.COMPARE_LARGE)


def _one(row: dict[str, Any], parts: Parts) -> Updates:
    """One document: text, answers with bars, what was asked."""
    probs = tables.probabilities(row)
    known = any(probs.values())
    return {parts.one: gr.Column(visible=True), parts.about: tables.about(row),
            parts.text: str(row["original"]), parts.bars_part: gr.Column(visible=known),
            parts.bars: charts.answer_bars(probs) if known else None,
            parts.large_prompt: str(row["teacher_prompt"]),
            parts.small_prompt: str(row["student_prompt"])}
