"""Take home: label files with the small model; what you get, how big, tested how, and where it is weak.

Does not: make the packages; a run does that at its end.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui import labelling, planning, tables, wording, wording_compare
from ui import wording_take_home as words
from ui.guard import guarded, notice
from ui.progress import finished_run, says
from ui.serving import copied
from ui.session import Frame, Page, studio_for


def build(frame: Frame) -> Page:
    """The Take home stop."""
    empty, seen = gr.HTML(visible=True), gr.State("")
    with gr.Column(visible=False, elem_id="take-home") as body:
        which = gr.HTML()
        label = labelling.build(frame, seen)
        gr.HTML(f"<h3>{says(words.TAKE_HOME_GET)}</h3>")
        slots = []
        with gr.Row(elem_classes="cards"):
            for k in range(words.TAKE_HOME_SLOTS):
                with gr.Column(visible=False, min_width=270, elem_classes="card") as slot:
                    note = gr.HTML()
                    button = gr.DownloadButton(words.TAKE_HOME_DOWNLOAD, elem_id=f"download-{k}")
                slots.append((slot, note, button))
        gr.HTML(f"<h3>{says(words.TAKE_HOME_TESTED)}</h3>")
        tested = gr.HTML(elem_id="tested")
        gr.HTML(f"<h3>{says(words.TAKE_HOME_LIMITS)}</h3>"
                f'<p class="quiet">{says(words.TAKE_HOME_LIMITS_INFO)}</p>')
        limits = gr.HTML(elem_id="limits")
        with gr.Column(visible=False) as use:
            gr.HTML(f"<h3>{says(words.TAKE_HOME_USE)}</h3>"
                    f'<p class="quiet">{says(words.TAKE_HOME_USE_INFO)}</p>')
            same = gr.Textbox(label=words.TAKE_HOME_COMMAND, interactive=False, buttons=["copy"],
                              max_lines=8, elem_classes="command", elem_id="predict")
        with gr.Accordion(words.TAKE_HOME_CARD, open=False):
            card = gr.Markdown(elem_id="card")
    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("take_home"))
    flat = [component for slot in slots for component in slot]
    outputs = [empty, body, which, tested, limits, use, same, card, seen, *flat, *label.all]

    @guarded
    def refresh(visitor: str, project: str, wanted: str, drawn: str) -> Any:  # noqa: ANN401
        studio = studio_for(visitor)
        found, note = finished_run(studio, project, wanted)
        labelled = studio.labelling_status(found) if found else None
        now = f"{found}|{note}|{labelling.mark(labelled)}"
        if now == drawn:
            return gr.skip()
        if not found:
            note = notice("note", words.TAKE_HOME_EMPTY, words.TAKE_HOME_EMPTY_WHY,
                          words.TAKE_HOME_EMPTY_FIX)
            return {empty: gr.HTML(note, visible=True), body: gr.Column(visible=False), seen: now,
                    label.timer: gr.Timer(active=False)}
        report = studio.report(found)
        title = wording_compare.compare_shown(found.rpartition("/")[2], report["teacher_name"],
                                    report["student_name"], report["date"])
        checked = "".join(f"<p>{says(line)}</p>" for line in tables.tested(report))
        said = planning.command("predict", str(planning.run_folder(studio, found) / "student"),
                                "FILE", "-o", "OUT.csv")
        updates = {
            empty: gr.HTML(note, visible=bool(note)), body: gr.Column(visible=True),
            which: f'<p class="quiet">{says(title)}</p>', tested: checked,
            limits: tables.limits(report), use: gr.Column(visible=bool(said)), same: said,
            card: _without_front_matter(studio.model_card(found)), seen: now}
        things = studio.downloads(found)[:len(slots)]
        for (slot, note, button), thing in zip(slots, things, strict=False):
            updates |= {slot: gr.Column(visible=True),
                        note: tables.download_note(thing.title, thing.bytes, thing.note),
                        button: gr.DownloadButton(words.TAKE_HOME_DOWNLOAD, value=copied(thing.path))}
        updates |= {slot: gr.Column(visible=False) for slot, _, _ in slots[len(things):]}
        return updates | labelling.updates(label, labelled)

    return Page(refresh, outputs, [seen])


def _without_front_matter(text: str) -> str:
    """The card as people read it: the block of settings at its head is for the Hub."""
    if not text.startswith("---"):
        return text
    _, _, rest = text[3:].partition("\n---")
    return rest.lstrip("\n") or text
