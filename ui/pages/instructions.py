"""Instructions: the question, how it is put to the large model, and what that does to ten answers.

Does not: keep an edit before *Use these instructions* is pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import gradio as gr

from ui import instructions_events as does
from ui import instructions_shown, task_form, trying, wording
from ui.guard import guarded
from ui.instructions_shown import Changes
from ui.session import QUIET, Frame, Page, browser_state, studio_for

FETCH_LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What handlers change, by name."""

    shown: gr.State
    index: gr.State
    tries: gr.State
    pending: gr.State
    draft: gr.State
    empty: gr.Column
    body: gr.Column
    preset: gr.Dropdown
    source: gr.HTML
    question: gr.Textbox
    kind: gr.Radio
    table: gr.Dataframe
    fields: gr.Dataframe
    words: gr.Number
    filled: gr.Textbox
    about: gr.HTML
    row: gr.State
    tools: gr.Row
    bring: gr.File
    take: gr.Files
    suits: gr.Dropdown
    language: gr.Dropdown
    version: gr.Dropdown
    editor: gr.Code
    fill: gr.HTML
    put_back: gr.Button
    jump: gr.Number
    where: gr.HTML
    prompt: gr.Textbox
    facts: gr.HTML
    teacher: gr.Dropdown
    note: gr.Textbox
    author: gr.Textbox
    attempt: gr.Button
    use: gr.Button
    fetching: gr.Column
    fetch_words: gr.HTML
    fetch_from: gr.Radio
    fetch_state: gr.HTML
    look: gr.Timer
    status: gr.HTML
    results: gr.HTML
    against: gr.Dropdown
    versions: gr.HTML
    before: gr.Dropdown
    after: gr.Dropdown
    compared: gr.State
    changes: gr.HTML
    title: gr.Textbox
    stamp: gr.State
    typed: gr.BrowserState


REMEMBER = "(project, ...text) => ({project, asked: text.slice(0, -1), editor: text[text.length - 1]})"


def build(frame: Frame) -> Page:
    """Build the page inside its tab."""
    held: dict[str, Any] = {"shown": gr.State({}), "index": gr.State(0), "tries": gr.State([]),
                            "pending": gr.State({}), "draft": gr.State(""), "stamp": frame.stamp,
                            # Not the lists themselves: what one sends may be older than the choices it has.
                            "compared": gr.State(("", "")),
                            "typed": browser_state("typed")}
    known_author = browser_state("author")
    with gr.Column(visible=True) as held["empty"]:
        gr.HTML(f"<p>{wording.INSTRUCTIONS_EMPTY}</p>")
        to_documents = gr.Button(wording.INSTRUCTIONS_TO_DOCUMENTS, elem_classes="narrow")
    with gr.Column(visible=False) as held["body"]:
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_ASK}</h2>")
                form = task_form.task_form()
                held |= form.asked._asdict() | {name: getattr(form, name) for name in (
                    "preset", "source", "about", "row", "tools", "bring", "take")}
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_HOW}</h2>")
                _how(held)
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_READS}</h2>")
                previous, following = _preview(held)
        fetch = _trying(held)
        restore, begin = _versions(held)
    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("instructions"))
    parts = Parts(**held)
    every = [getattr(parts, field.name) for field in fields(Parts)]

    def updates(made: Changes) -> Any:  # noqa: ANN401
        """By component; an empty answer would be taken for a value."""
        return {getattr(parts, name): value for name, value in made.items()} or gr.skip()

    def on(events: Any, handler: Callable[..., Changes], *inputs: Any, **options: Any) -> Any:  # noqa: ANN401
        """A handler that answers by names of parts; unchanged parts are not sent."""
        def named(visitor: str, project: str, *values: Any) -> Any:  # noqa: ANN401
            return updates(handler(studio_for(visitor), project, *values))
        named.__name__ = handler.__name__
        listen = partial(gr.on, events) if isinstance(events, list) else events
        return listen(guarded(named), [frame.visitor, frame.project, *inputs], every, **QUIET, **options)

    text = [*form.asked, parts.editor]
    to_documents.click(lambda: gr.Tabs(selected="documents"), None, frame.tabs, **QUIET)
    place = [parts.index, parts.teacher]
    edits = [part.input for part in (parts.editor, parts.question, parts.table, parts.fields, parts.words)]
    on(edits, does.untried, trigger_mode="always_last")
    # In the browser alone: what was typed is kept before a server that is slow, or away, is asked anything.
    gr.on(edits, None, [frame.project, *text], parts.typed, js=REMEMBER, show_progress="hidden",
          api_visibility="private")
    on([parts.typed.change, parts.editor.change], instructions_shown.came_late, parts.typed, parts.draft,
       parts.editor, trigger_mode="always_last")
    # One event for whatever the preview depends on: while it is under way a second one waits, and is then
    # sent what stands in the page at that time. So what is shown last is what was written last.
    on([*edits, parts.editor.change, parts.index.change, parts.shown.change], does.follow, *place, *text,
       parts.compared, trigger_mode="always_last")
    on([previous.click], does.step(-1), *place, *text)
    on([following.click], does.step(1), *place, *text)
    on([parts.jump.submit, parts.jump.blur], does.jump, parts.jump, *place, *text)
    on([parts.kind.input], does.of_kind, *form.asked, parts.stamp)
    on([parts.preset.input], does.use_preset, parts.preset, *form.asked, parts.stamp)
    on([parts.bring.upload], does.bring, parts.bring, *form.asked, parts.stamp)
    on([form.add.click], does.add_row, parts.kind, parts.table, parts.fields)
    on([form.up.click], does.move(-1), parts.kind, parts.table, parts.fields, parts.row)
    on([form.down.click], does.move(1), parts.kind, parts.table, parts.fields, parts.row)
    gr.on([parts.table.select, parts.fields.select], _row_of, None, parts.row, show_progress="hidden",
          api_visibility="private", concurrency_limit=None)
    on([parts.suits.input, parts.language.input], does.filtered, parts.suits, parts.language)
    on([parts.version.input], does.open_version, parts.version, parts.editor, parts.stamp)
    on([parts.put_back.click], does.put_back, parts.draft, *place, *text, parts.compared)
    on([parts.before.input, parts.after.input], does.compare, parts.before, parts.after, parts.editor)
    on([restore.click], does.restore, parts.before, parts.editor, parts.author, parts.stamp)
    on([begin.click], does.begin, parts.title, parts.author, parts.shown, parts.stamp)
    on([parts.teacher.input], does.choose_teacher, parts.teacher, parts.stamp)
    on([fetch.click], does.fetch, parts.teacher, parts.fetch_from)
    on([parts.look.tick], does.look, parts.teacher, parts.stamp)
    on([parts.against.input], trying.against, parts.against, parts.tries)
    def attempt(visitor: str, project: str, *values: Any,  # noqa: ANN401
                progress: gr.Progress = gr.Progress()) -> Any:  # noqa: ANN401, B008 - Gradio's way
        return updates(trying.attempt(studio_for(visitor), project, *values, progress=progress))
    asking = parts.attempt.click(
        guarded(attempt), [frame.visitor, frame.project, parts.teacher, *text, parts.version],
        [parts.status, parts.pending], api_visibility="private", concurrency_id="model", concurrency_limit=1,
        show_progress_on=parts.results)
    on(asking.success, trying.landed, parts.pending, parts.tries)
    on([parts.use.click], does.use, parts.teacher, *text, parts.version, parts.note, parts.author,
       parts.tries, parts.stamp)
    parts.author.change(lambda name: name, parts.author, known_author, show_progress="hidden",
                        api_visibility="private", concurrency_limit=None)

    def refresh(visitor: str, project: str, run: str, author: str, typed: str,  # noqa: ARG001
                *values: Any) -> Any:  # noqa: ANN401
        made = instructions_shown.refresh(studio_for(visitor), project, *values)
        if author and not typed:  # what the browser remembers may come after the first refresh
            made["author"] = author
        return updates(made)
    return Page(refresh, every, (known_author, parts.author, parts.shown, parts.index, parts.teacher, *text,
                                 parts.suits, parts.language, parts.typed))


def _row_of(event: gr.SelectData) -> int:
    """The row that was clicked into."""
    return int(event.index[0])


def _how(held: Changes) -> None:
    with gr.Row():
        held["suits"] = gr.Dropdown([(v, k) for k, v in wording.INSTRUCTIONS_SUITS_CHOICES.items()], value="",
                                    label=wording.INSTRUCTIONS_SUITS, min_width=110, elem_id="suits")
        held["language"] = gr.Dropdown([(v, k) for k, v in wording.INSTRUCTIONS_LANGUAGES.items()], value="",
                                       label=wording.INSTRUCTIONS_LANGUAGE, min_width=110, elem_id="language")
    held["version"] = gr.Dropdown([], label=wording.INSTRUCTIONS_VERSION, elem_id="version",
                                  info=wording.INSTRUCTIONS_VERSION_INFO)
    held["editor"] = gr.Code("", language="jinja2", label=wording.INSTRUCTIONS_EDITOR, lines=14, max_lines=24,
                             wrap_lines=True, interactive=True, show_line_numbers=False, elem_id="editor",
                             buttons=[])
    held["fill"] = gr.HTML()
    held["put_back"] = gr.Button(wording.INSTRUCTIONS_PUT_BACK, size="sm", elem_classes="narrow",
                                 elem_id="put-back", visible=False)


def _preview(held: Changes) -> tuple[gr.Button, gr.Button]:
    with gr.Row(elem_classes="stepper"):
        previous = gr.Button(wording.INSTRUCTIONS_PREVIOUS, size="sm", min_width=80)
        held["jump"] = gr.Number(1, label=wording.INSTRUCTIONS_JUMP, precision=0, minimum=1, elem_id="jump",
                                 container=False, min_width=80)
        held["where"] = gr.HTML(elem_classes="where")
        following = gr.Button(wording.INSTRUCTIONS_NEXT, size="sm", min_width=80)
    held["prompt"] = gr.Textbox(label=wording.INSTRUCTIONS_PROMPT, lines=16, max_lines=24, interactive=False,
                                elem_id="prompt", autoscroll=False)
    held["facts"] = gr.HTML(elem_id="facts")
    return previous, following


def _trying(held: Changes) -> gr.Button:
    with gr.Row(elem_id="trying", equal_height=False):
        held["teacher"] = gr.Dropdown([], label=wording.INSTRUCTIONS_TEACHER, elem_id="teacher", scale=4,
                                      info=wording.INSTRUCTIONS_TEACHER_INFO, min_width=240)
        held["note"] = gr.Textbox(label=wording.INSTRUCTIONS_NOTE, info=wording.INSTRUCTIONS_NOTE_INFO,
                                  max_length=400, scale=3, min_width=240, elem_id="note")
        held["author"] = gr.Textbox(label=wording.INSTRUCTIONS_AUTHOR, info=wording.INSTRUCTIONS_AUTHOR_INFO,
                                    max_length=80, scale=2, min_width=180, elem_id="author")
        with gr.Column(scale=2, min_width=220):
            held["attempt"] = gr.Button(wording.INSTRUCTIONS_TRY, variant="primary", elem_id="try")
            held["use"] = gr.Button(wording.INSTRUCTIONS_USE, elem_id="use-instructions")
    with gr.Column(visible=False, elem_id="fetching") as held["fetching"]:
        held["fetch_words"] = gr.HTML()
        held["fetch_from"] = gr.Radio([], label=wording.INSTRUCTIONS_SOURCE)
        fetch = gr.Button(wording.INSTRUCTIONS_FETCH, elem_classes="narrow", min_width=160)
        held["fetch_state"] = gr.HTML(elem_classes="maybe")
    held["look"] = gr.Timer(FETCH_LOOK_S, active=False)
    held["status"] = gr.HTML(elem_classes="maybe", elem_id="instructions-status")
    held["against"] = gr.Dropdown([], label=wording.INSTRUCTIONS_AGAINST, elem_id="against", visible=False)
    held["results"] = gr.HTML(trying.RESULTS_EMPTY, elem_id="results")
    return fetch


def _versions(held: Changes) -> tuple[gr.Button, gr.Button]:
    with gr.Accordion(wording.INSTRUCTIONS_VERSIONS, open=False, elem_id="versions"):
        held["versions"] = gr.HTML()
        with gr.Row():
            held["before"] = gr.Dropdown([], label=wording.INSTRUCTIONS_FROM, elem_id="before", min_width=220)
            held["after"] = gr.Dropdown([], label=wording.INSTRUCTIONS_TO, elem_id="after", min_width=220)
        held["changes"] = gr.HTML(elem_id="changes")
        restore = gr.Button(wording.INSTRUCTIONS_RESTORE, size="sm", elem_classes="narrow", elem_id="restore")
        gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_RESTORE_INFO}</p>')
        held["title"] = gr.Textbox(label=wording.INSTRUCTIONS_NEW_TITLE, max_length=80, elem_id="new-title",
                                   info=wording.INSTRUCTIONS_NEW_INFO)
        begin = gr.Button(wording.INSTRUCTIONS_NEW, size="sm", elem_classes="narrow", elem_id="begin")
    return restore, begin
