"""*Judge blind* of Compare: two answers to one document, no names, four buttons and four keys.

Does not: keep anything; judgements lie in the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.studio import Choice, Judging, Studio
from ui import tables, wording
from ui import wording_compare as words
from ui.guard import guarded
from ui.progress import says
from ui.session import QUIET, Components, Frame, studio_for

# Only while the buttons are in sight, and never while somebody types.
KEYS = """
if (!window.judgeByKey) {
  window.judgeByKey = (event) => {
    if (!['1', '2', '3', '4'].includes(event.key) || event.repeat) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.('input, textarea, select, [contenteditable], [role=listbox]')) return;
    const button = document.getElementById('judge-' + event.key);
    const box = button?.getBoundingClientRect();
    if (!box?.height || box.bottom < 0 || box.top > window.innerHeight || button.disabled) return;
    event.preventDefault();
    button.click();
  };
  document.addEventListener('keydown', window.judgeByKey);
}
"""
Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Part(Components):
    """Components of the part. `name` travels with the form: the id of the document that is in sight."""

    whole: gr.Accordion
    message: gr.HTML
    pair: gr.Column
    text: gr.Textbox
    answers: gr.HTML
    name: gr.Textbox
    back: gr.Button
    outcome: gr.HTML


def build(frame: Frame, run: gr.State) -> Part:
    """The part with its events. `run`: the id of the run that Compare shows."""
    with gr.Accordion(words.JUDGE_TITLE, open=False, elem_id="judge") as whole:
        gr.HTML(f"<p>{says(words.JUDGE_LEDE)}</p>", js_on_load=KEYS)
        message = gr.HTML(elem_id="judge-told", elem_classes="maybe")
        with gr.Column(visible=False, elem_id="judge-pair") as pair:
            text = gr.Textbox(label=words.COMPARE_TEXT, interactive=False, lines=2, max_lines=12,
                              elem_id="judge-text")
            answers = gr.HTML(elem_id="judge-answers")
            with gr.Row(elem_classes="actions"):
                choices = [(choice, gr.Button(title, elem_id=f"judge-{number}", min_width=130))
                           for number, (choice, title) in enumerate(words.JUDGE_CHOICES, start=1)]
            gr.HTML(f'<p class="quiet">{says(words.JUDGE_KEYS)}</p>')
        with gr.Column(elem_classes="out-of-sight"):
            name = gr.Textbox("")
        back = gr.Button(words.JUDGE_BACK, size="sm", visible=False, elem_classes="narrow",
                         elem_id="judge-back")
        with gr.Accordion(words.JUDGE_OUTCOME, open=False, elem_id="judge-outcome"):
            outcome = gr.HTML()
    part = Part(whole, message, pair, text, answers, name, back, outcome)

    def judged(choice: Choice) -> Callable[[str, str, str], Updates]:
        @guarded
        def judge(visitor: str, shown: str, document: str) -> Updates:
            studio = studio_for(visitor)
            if document:
                studio.judge(shown, document, choice)
            return updates(part, studio, shown)
        return judge

    @guarded
    def take_back(visitor: str, shown: str) -> Updates:
        studio = studio_for(visitor)
        studio.take_back(shown)
        return updates(part, studio, shown)

    for choice, button in choices:
        button.click(judged(choice), [frame.visitor, run, name], part.all, **QUIET)
    back.click(take_back, [frame.visitor, run], part.all, **QUIET)
    return part


def updates(part: Part, studio: Studio, run: str) -> Updates:
    """The next pair of a finished run, and what came out so far."""
    now = studio.judging(run)
    made: Updates = {part.whole: gr.Accordion(label=words.judge_title(now.n, now.of)),
                     part.pair: gr.Column(visible=now.pair is not None),
                     part.back: gr.Button(visible=bool(now.n)), part.outcome: _outcome(now)}
    if now.pair is None:
        message = words.judge_done(now.of) if now.of else words.JUDGE_NONE
        return made | {part.message: f'<p role="status"><b>{says(message)}</b></p>', part.text: "",
                       part.name: "", part.answers: ""}
    return made | {part.message: "", part.text: now.pair.text, part.name: now.pair.name,
                   part.answers: _answers(now.pair.first, now.pair.second)}


def _answers(first: str, second: str) -> str:
    """Both answers beside each other, as text."""
    cards = "".join(
        f'<div class="blind"><b>{says(letter)}</b>'
        f'<p dir="auto">{says(tables.readable(answer) or words.COMPARE_NOTHING)}</p></div>'
        for letter, answer in ((words.JUDGE_FIRST, first), (words.JUDGE_SECOND, second)))
    return f'<div class="blinds">{cards}</div>'


def _outcome(now: Judging) -> str:
    """Counts, each with its share of what was judged, and what they say."""
    if not now.n:
        return f'<p class="quiet">{says(words.JUDGE_NOTHING_YET)}</p>'
    counts = {"student": now.student, "teacher": now.teacher, "both": now.both, "neither": now.neither}
    rows = "".join(f"<tr><th scope='row'>{says(title)}</th><td>{says(wording.share_of(counts[who], now.n))}"
                   "</td></tr>" for who, title in words.JUDGE_WHO.items())
    message = words.judge_outcome(now.student, now.teacher, now.n, now.of, now.chance)
    return f'<table class="plain rows judged">{rows}</table><p>{says(message)}</p>'
