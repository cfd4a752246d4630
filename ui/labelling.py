"""*Label my files* of Take home: bring files, watch, stop, and have the table.

Does not: own the work. It goes on in a process of its own; what is shown comes from the run's folder, so a
reload or a closed tab changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.studio import Labelling
from ui import tables, wording, wording_documents, wording_run
from ui import wording_take_home as words
from ui.bars import bar, meter
from ui.guard import guarded, notice, problem, with_more
from ui.progress import finished_run, says
from ui.serving import copied
from ui.session import QUIET, Components, Frame, is_public, studio_for

LOOK_S = 2.0
SHOW_STATUS = """() => {
  const refused = document.getElementById('label-trouble'), told = document.getElementById('label-status');
  if (told && !refused?.innerText.trim()) told.scrollIntoView({block: 'nearest'});
}"""
Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Part(Components):
    """Components of the part; `shown` is the `mark` of what stands on the screen."""

    status: gr.HTML
    watch: gr.Column
    stop: gr.Button
    result: gr.Column
    summary: gr.HTML
    table: gr.DownloadButton
    found: gr.HTML
    first: gr.HTML
    earlier_box: gr.Accordion
    earlier: gr.File
    bring: gr.Column
    more: gr.HTML
    drop: gr.File
    column: gr.Textbox
    trouble: gr.HTML
    start: gr.Button
    timer: gr.Timer
    shown: gr.State


def build(frame: Frame, seen: gr.State) -> Part:
    """The part with its events. `seen`: what Take home shows; emptied where a change is to be drawn anew."""
    gr.HTML(f"<h3>{says(words.LABEL_TITLE)}</h3>"
            f'<p class="lede">{says(words.LABEL_LEDE_PUBLIC if is_public() else words.LABEL_LEDE)}</p>')
    status = gr.HTML(elem_id="label-status", elem_classes="maybe")
    with gr.Column(visible=False) as watch:
        with gr.Row(elem_classes="actions"):
            stop = gr.Button(words.LABEL_STOP, elem_id="label-stop")
        gr.HTML(f'<p class="quiet">{says(words.LABEL_STOP_INFO)}</p>')
    with gr.Column(visible=False, elem_id="label-result") as result:
        summary = gr.HTML()
        with gr.Row(elem_classes="actions"):
            table = gr.DownloadButton(words.LABEL_TABLE, variant="primary", elem_id="label-table")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                found = gr.HTML(elem_id="label-found")
            with gr.Column(min_width=300):
                first = gr.HTML(elem_id="label-first")
    with gr.Accordion(words.LABEL_EARLIER, open=False, visible=False) as earlier_box:
        earlier = gr.File(file_count="multiple", interactive=False, show_label=False, elem_id="label-earlier")
    with gr.Column(elem_id="label-bring") as bring:
        more = gr.HTML(elem_classes="maybe")
        drop = gr.File(label=words.LABEL_DROP, file_count="multiple", type="filepath", height=140,
                       elem_id="label-drop")
        gr.HTML(f'<p class="quiet">{says(words.LABEL_KINDS)}</p>')
        with gr.Accordion(words.LABEL_COLUMN_TITLE, open=False):
            column = gr.Textbox("", label=words.LABEL_COLUMN, info=words.LABEL_COLUMN_INFO, max_length=200,
                                elem_id="label-column", elem_classes="bare")
        trouble = gr.HTML(elem_id="label-trouble", elem_classes="maybe")
        with gr.Row(elem_classes="actions"):
            start = gr.Button(words.LABEL_START, variant="primary", elem_id="label-start")
    timer, shown = gr.Timer(LOOK_S, active=False), gr.State("")
    part = Part(status, watch, stop, result, summary, table, found, first, earlier_box, earlier, bring, more,
                drop, column, trouble, start, timer, shown)
    _listen(part, frame, seen)
    return part


def _listen(part: Part, frame: Frame, seen: gr.State) -> None:
    here = [frame.visitor, frame.project, frame.run]

    @guarded
    def label(visitor: str, project: str, run: str, files: list[str] | None, column: str) -> Updates:
        studio = studio_for(visitor)
        found, _ = finished_run(studio, project, run)
        if not found:
            return {part.trouble: notice("warning", words.LABEL_NO_RUN, words.LABEL_NO_RUN_FIX)}
        if not files:
            return {part.trouble: notice("warning", words.LABEL_NO_FILES, words.LABEL_NO_FILES_FIX)}
        try:
            studio.start_labelling(found, [Path(file) for file in files], column.strip())
        except EngineError as error:  # the files stay in the drop zone, to be tried again
            return {part.trouble: problem(error)}
        return updates(part, studio.labelling_status(found)) | {
            part.drop: None, part.column: "", part.trouble: "", seen: ""}

    @guarded
    def stop_label(visitor: str, project: str, run: str) -> Updates:
        studio = studio_for(visitor)
        found, _ = finished_run(studio, project, run)
        message = notice("note", words.LABEL_STOPPED, words.LABEL_STOPPED_WHY)
        try:
            studio.stop_labelling(found)
        except EngineError as error:
            message = problem(error)
        now = studio.labelling_status(found)
        return updates(part, now) | {part.status: message, seen: ""}

    @guarded
    def watch_label(visitor: str, project: str, run: str, shown: str) -> Any:  # noqa: ANN401 - updates
        studio = studio_for(visitor)
        found, _ = finished_run(studio, project, run)
        now = studio.labelling_status(found) if found else None
        if mark(now) != shown:
            return updates(part, now) | {seen: ""}
        return {part.status: _status(now)} if now else gr.skip()

    pressed = part.start.click(label, [*here, part.drop, part.column], [*part.all, seen],
                               api_visibility="private", show_progress="minimal",
                               show_progress_on=[part.trouble])
    # The button may stand below a long result, and what is told next above it.
    pressed.then(None, None, None, js=SHOW_STATUS, **QUIET)
    part.drop.upload(_brought, None, part.trouble, **QUIET)
    part.stop.click(stop_label, here, [*part.all, seen], **QUIET)
    part.timer.tick(watch_label, [*here, part.shown], [*part.all, seen], **QUIET)


def _brought() -> str:
    """What was wrong before there were other files is wrong no more."""
    return ""


def mark(now: Labelling | None) -> str:
    """What stands on the screen, in one comparable value; the line of status follows by itself."""
    return f"{now.state}|{now.table}|{now.files}|{len(now.earlier)}" if now else ""


def updates(part: Part, now: Labelling | None) -> Updates:
    """Everything but what lies in the drop zone."""
    state = now.state if now else ""
    running, done = state == "running", state == "done"
    made: Updates = {
        part.status: _status(now), part.watch: gr.Column(visible=running), part.shown: mark(now),
        part.result: gr.Column(visible=done), part.bring: gr.Column(visible=not running),
        part.more: f"<h3>{says(words.LABEL_MORE)}</h3>" if done else "",
        # one primary button: first what labels, then what downloads
        part.start: gr.Button(variant="secondary" if done else "primary"),
        part.timer: gr.Timer(active=running)}
    if now is None:
        return made | {part.earlier_box: gr.Accordion(visible=False)}
    earlier = [copied(path) for path in now.earlier]
    made |= {part.earlier_box: gr.Accordion(visible=bool(earlier)), part.earlier: earlier or None}
    if done and now.table:
        made |= {part.summary: _summary(now), part.found: _found(now), part.first: _first(now),
                 part.table: gr.DownloadButton(words.LABEL_TABLE, value=copied(now.table))}
    return made


def _status(now: Labelling | None) -> str:
    """The line that is never silent while it works, or why it ended."""
    if now is None or now.state == "done":
        return ""
    if now.state != "running":
        return notice("problem" if now.state == "failed" else "warning", *(now.error or ()))
    small = [wording_run.distil_updated(now.age_s)]
    if now.left_s is not None:
        small.append(wording_run.distil_left(max(0.0, now.left_s - now.age_s)))
    if now.age_s > words.LABEL_QUIET_S:
        small.append(words.LABEL_QUIET)
    return (f'<div class="status status-running" role="status">'
            f"<b>{says(words.label_files(now.files))}</b> "
            f"<span>{says(words.label_progress(now.stage, now.done, now.total))}</span> "
            f'<span class="quiet">{says(" · ".join(small))}</span>'
            f"{meter(words.LABEL_BAR, now.done, now.total)}</div>")


def _summary(now: Labelling) -> str:
    """What was labelled and what was not, each with its reason."""
    aside = sum(now.dropped.values())
    lines = [words.label_rows(now.rows_read, aside, wording_documents.documents_set_aside(now.dropped)),
             words.label_columns(now.columns), words.label_unsure(now.unsure, now.documents)]
    message = notice("done", words.label_done(now.documents, now.files), *lines)
    if now.refused:
        items = "".join(f'<li>{says(what)} <span class="quiet">{says(fix)}</span></li>'
                        for what, fix in now.refused)
        refused = notice("warning", wording_documents.documents_refused(len(now.refused)))
        message += with_more(refused, f"<ul>{items}</ul>")
    return message + "".join(notice("warning", remark) for remark in now.remarks)


def _found(now: Labelling) -> str:
    """How many of each category, as bars; those that were not found in a line."""
    if not now.found:
        return ""
    bars = "".join(bar(name, n / max(1, now.documents), wording.share_of(n, now.documents))
                   for name, n in now.found if n)
    none = [name for name, n in now.found if not n]
    rest = f'<p class="quiet">{says(words.label_none(none))}</p>' if none else ""
    title = words.LABEL_FACTS if now.kind == "extract" else words.LABEL_FOUND
    return f'<h3>{says(title)}</h3><div class="bars found">{bars}</div>{rest}'


def _first(now: Labelling) -> str:
    """The first rows of the table; of what was written nobody says how sure it is."""
    sure = any(row["confidence"] is not None for row in now.first)
    heads = words.LABEL_HEADS if sure else words.LABEL_HEADS[:-1]
    body = ""
    for row in now.first:
        cells = [tables.shortened(row["text"], tables.TEXT_SHOWN), tables.readable(row["answer"]),
                 wording.percent(row["confidence"]) if sure else ""][:len(heads)]
        body += "<tr>" + "".join(
            f'<td data-head="{says(head)}"><span dir="auto" class="said">{says(cell)}</span></td>'
            for head, cell in zip(heads, cells, strict=True)) + "</tr>"
    head = "".join(f'<th scope="col">{says(name)}</th>' for name in heads)
    return (f'<h3>{says(words.LABEL_FIRST)}</h3><div class="scroll"><table class="plain labelled stacked">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
