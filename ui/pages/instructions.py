"""Instructions: the question, how it is put to the large model, and what that does to ten answers.

Does not: keep an edit before *Use these instructions* is pressed.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import gradio as gr
from pydantic import ValidationError

from engine.errors import EngineError, SettingsError
from engine.plan import DEFAULT_TEACHER
from engine.studio import Studio
from ui import instructing, teachers, wording
from ui.guard import guarded, notice, problem
from ui.session import Frame, Page, studio_for

OWN = "own-question"
TRY_ON = 10
FETCH_LOOK_S = 2.0
RESULTS_EMPTY = f'<p class="quiet">{wording.INSTRUCTIONS_NO_RESULTS}</p>'


def build(frame: Frame) -> Page:
    """Build the page inside its tab."""
    shown, index, tries = gr.State({}), gr.State(0), gr.State([])
    with gr.Column(visible=True) as empty:
        gr.HTML(f"<p>{wording.INSTRUCTIONS_EMPTY}</p>")
        to_documents = gr.Button(wording.INSTRUCTIONS_TO_DOCUMENTS, elem_classes="narrow")
    with gr.Column(visible=False) as body:
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_ASK}</h2>")
                preset = gr.Dropdown([], label=wording.INSTRUCTIONS_PRESET, elem_id="preset")
                question = gr.Textbox(label=wording.INSTRUCTIONS_QUESTION, lines=2, max_length=400,
                                      info=wording.INSTRUCTIONS_QUESTION_INFO, elem_id="question")
                gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_KIND}</p>')
                table = gr.Dataframe(headers=list(wording.INSTRUCTIONS_CATEGORY_HEADS),
                                     datatype=["str", "str", "bool"], type="array", wrap=True,
                                     column_count=3, interactive=True,
                                     label=wording.INSTRUCTIONS_CATEGORIES, max_height=360,
                                     column_widths=["30%", "48%", "22%"], elem_id="categories",
                                     buttons=[])
                gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_CATEGORIES_INFO}</p>')
                add = gr.Button(wording.INSTRUCTIONS_ADD, size="sm", elem_classes="narrow")
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_HOW}</h2>")
                version = gr.Dropdown([], label=wording.INSTRUCTIONS_VERSION, elem_id="version",
                                      info=wording.INSTRUCTIONS_VERSION_INFO)
                editor = gr.Code(language="jinja2", label=wording.INSTRUCTIONS_EDITOR, lines=14,
                                 max_lines=24, wrap_lines=True, interactive=True,
                                 show_line_numbers=False, elem_id="editor", buttons=[])
                gr.HTML(f'<p class="quiet">{wording.INSTRUCTIONS_FILL}</p>')
            with gr.Column(scale=5, min_width=320):
                gr.HTML(f"<h2>{wording.INSTRUCTIONS_READS}</h2>")
                with gr.Row(elem_classes="stepper"):
                    previous = gr.Button(wording.INSTRUCTIONS_PREVIOUS, size="sm", min_width=90)
                    where = gr.HTML(elem_classes="where")
                    following = gr.Button(wording.INSTRUCTIONS_NEXT, size="sm", min_width=90)
                prompt = gr.Textbox(label=wording.INSTRUCTIONS_PROMPT, lines=16, max_lines=24,
                                    interactive=False, elem_id="prompt", autoscroll=False)
                facts = gr.HTML(elem_id="facts")
        with gr.Row(elem_id="trying", equal_height=False):
            teacher = gr.Dropdown([], label=wording.INSTRUCTIONS_TEACHER, elem_id="teacher",
                                  info=wording.INSTRUCTIONS_TEACHER_INFO, scale=3, min_width=280)
            note = gr.Textbox(label=wording.INSTRUCTIONS_NOTE, info=wording.INSTRUCTIONS_NOTE_INFO,
                              max_length=400, scale=3, min_width=280, elem_id="note")
            with gr.Column(scale=2, min_width=220):
                attempt = gr.Button(wording.INSTRUCTIONS_TRY, variant="primary", elem_id="try")
                use = gr.Button(wording.INSTRUCTIONS_USE, elem_id="use-instructions")
        with gr.Column(visible=False, elem_id="fetching") as fetching:
            fetch_words = gr.HTML()
            source = gr.Radio([], label=wording.INSTRUCTIONS_SOURCE)
            fetch = gr.Button(wording.INSTRUCTIONS_FETCH, elem_classes="narrow", min_width=160)
            fetch_state = gr.HTML(elem_classes="maybe")
        status = gr.HTML(elem_classes="maybe", elem_id="instructions-status")
        results = gr.HTML(RESULTS_EMPTY, elem_id="results")
        with gr.Accordion(wording.INSTRUCTIONS_VERSIONS, open=False):
            versions = gr.HTML()
            against = gr.Dropdown([], label=wording.INSTRUCTIONS_AGAINST, elem_id="against")
            changes = gr.HTML()
    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("instructions"))
    look = gr.Timer(FETCH_LOOK_S, active=False)

    here = [frame.visitor, frame.project]
    text = [question, table, editor]
    home = [shown, index, tries, empty, body, preset, question, table, version, editor, note, where,
            prompt, facts, teacher, fetching, fetch_words, source, fetch_state, look, status,
            results, versions, against, changes, attempt, use]
    quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden",
                             "concurrency_limit": None}
    view = [index, where, prompt, facts]
    steps = [*here, index, teacher, *text]

    to_documents.click(lambda: gr.Tabs(selected="documents"), None, frame.tabs, **quick)
    gr.on([editor.input, question.input, table.input], guarded(_edited), [*steps, against],
          [*view, attempt, use, changes], trigger_mode="always_last", **quick)
    add.click(lambda rows: [*rows, ["", "", False]], table, table, **quick)
    previous.click(guarded(_back), steps, view, **quick)
    following.click(guarded(_on), steps, view, **quick)
    version.input(guarded(_open_version), [*here, version, frame.stamp], [editor, frame.stamp], **quick)
    against.input(guarded(_compare), [*here, against, editor], changes, **quick)
    preset.input(guarded(_use_preset), [*here, preset, frame.stamp], frame.stamp, **quick)
    teacher.input(guarded(_choose_teacher), [*here, teacher, frame.stamp],
                  [frame.stamp, fetching, fetch_words, source, fetch_state, look, status], **quick)
    fetch.click(guarded(_fetch), [*here, teacher, source], [fetch_state, look], **quick)
    look.tick(guarded(_look), [*here, teacher, frame.stamp],
              [fetch_state, look, fetching, frame.stamp], **quick)
    attempt.click(guarded(_try), [*here, teacher, *text, version, tries],
                  [status, results, tries, attempt, use], api_visibility="private",
                  concurrency_id="model", concurrency_limit=1, show_progress_on=results)
    use.click(guarded(_use), [*here, teacher, *text, version, note, frame.stamp],
              [status, frame.stamp, note, attempt, use], **quick)
    return Page(_refresh, home, (shown, index, teacher, *text))


def _refresh(visitor: str, project: str, run: str, shown: dict[str, str], index: int,  # noqa: ARG001
             teacher: str, question: str, table: list[list[Any]], editor: str) -> Any:  # noqa: ANN401
    """Follow the project. What has not changed is left alone, so that an unsaved edit stays."""
    studio = studio_for(visitor)
    held = studio.project(project) if project else None
    if held is None or not held.corpus:
        return ({}, 0, [], gr.Column(visible=True), gr.Column(visible=False),
                *(gr.skip(),) * (OUTPUTS - 5))
    task, template = studio.task(project), studio.template(project)
    now = {"project": project, "corpus": held.corpus, "task": f"{task.id} {task.digest}",
           "template": template.ref, "teacher": held.teacher}
    if now == shown:
        return gr.skip()
    fresh = {key for key, value in now.items() if shown.get(key) != value}
    if fresh & {"project", "corpus"}:
        fresh, index = set(now), 0
    rows = [[label.name, label.definition, label.actionable] for label in task.labels]
    if "task" in fresh:
        question, table = task.question, rows
    if "template" in fresh:
        editor = template.text
    if "teacher" in fresh:
        teacher = held.teacher or DEFAULT_TEACHER
    known = studio.templates(project)
    choices = [(wording.instructions_version(t.title or t.id, t.version), t.ref)
               for t in reversed(known)]
    again = fresh == set(now)
    return (now, index, [] if again else gr.skip(), gr.Column(visible=False),
            gr.Column(visible=True), _preset_choice(studio, task.id, shown),
            question if "task" in fresh else gr.skip(), rows if "task" in fresh else gr.skip(),
            gr.Dropdown(choices=choices, value=template.ref),
            editor if "template" in fresh else gr.skip(), "" if again else gr.skip(),
            *_view(studio, project, index, teacher, question, table, editor)[1:],
            gr.Dropdown(choices=teachers.choices(studio, project), value=teacher),
            *teachers.box(studio, teacher), "" if again else gr.skip(),
            RESULTS_EMPTY if again else gr.skip(),
            instructing.version_table(known, template.ref),
            gr.Dropdown(choices=choices, value=template.ref),
            instructing.difference(template.text, editor), *_buttons(tried=False))


OUTPUTS = 27  # of `_refresh`


def _preset_choice(studio: Studio, task_id: str, shown: dict[str, str]) -> gr.Dropdown:
    choices = [(title, name) for name, title in studio.presets().items()]
    if OWN in (task_id, *shown.get("task", "").split()):
        choices.append((wording.INSTRUCTIONS_OWN, OWN))
    return gr.Dropdown(choices=choices, value=task_id)


def _task(studio: Studio, project: str, question: str, table: Sequence[Sequence[Any]]) -> Any:  # noqa: ANN401
    """The question as it stands in the page. Raises `SettingsError` if it cannot be asked."""
    base = studio.task(project)
    rows = [(*row, "", "", False)[:3] for row in table]  # the table lets users remove a column
    labels = [{"name": _cell(name), "definition": _cell(definition),
               "actionable": act in (True, "true", "True")}
              for name, definition, act in rows if _cell(name) or _cell(definition)]
    try:
        made = type(base).model_validate({**base.model_dump(), "question": question.strip(),
                                          "labels": labels})
    except ValidationError as error:
        raise SettingsError(wording.INSTRUCTIONS_BAD_TABLE + ".",
                            wording.INSTRUCTIONS_BAD_TABLE_FIX) from error
    made.check()
    return made


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell may be empty
    return "" if value is None or value != value else str(value).strip()


def _view(studio: Studio, project: str, index: int, teacher: str, question: str,
          table: Sequence[Sequence[Any]], editor: str) -> tuple[Any, ...]:
    """Index, place, prompt and facts for one document; what is wrong stands in the facts."""
    total = len(studio.corpus(project))
    index %= total
    where = wording.instructions_document(index, total)
    try:
        task = _task(studio, project, question, table)
        made = studio.rendered(project, editor, task, index, teacher)
    except EngineError as error:
        return index, where, gr.skip(), notice("warning", error.what, error.fix)
    # Unused definitions are a choice (shorter, cheaper); everything else keeps a run from starting.
    notes = [notice("note" if "definitions" in note else "warning", note) for note in made.notes] or [
        f'<p class="quiet">{wording.INSTRUCTIONS_FINE}</p>']
    if made.opening:
        notes.insert(0, f'<p class="quiet">{html.escape(wording.instructions_opening(made.opening))}</p>')
    if made.shortened:
        notes.insert(0, notice("note", wording.INSTRUCTIONS_SHORTENED))
    tokens = wording.INSTRUCTIONS_NO_COUNT if made.tokens is None else \
        wording.instructions_tokens(made.tokens)
    return index, where, made.text, f'<p class="quiet">{tokens}</p>{"".join(notes)}'


def _buttons(*, tried: bool) -> tuple[gr.Button, gr.Button]:
    """One primary button: first *Try on 10*, then *Use these instructions*."""
    return (gr.Button(variant="secondary" if tried else "primary"),
            gr.Button(variant="primary" if tried else "secondary"))


def _edited(visitor: str, project: str, index: int, teacher: str, question: str,
            table: list[list[Any]], editor: str, against: str) -> tuple[Any, ...]:
    studio = studio_for(visitor)
    return (*_view(studio, project, index, teacher, question, table, editor),
            *_buttons(tried=False), _compare(visitor, project, against, editor))


def _back(visitor: str, project: str, index: int, *rest: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return _view(studio_for(visitor), project, index - 1, *rest)


def _on(visitor: str, project: str, index: int, *rest: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return _view(studio_for(visitor), project, index + 1, *rest)


def _open_version(visitor: str, project: str, version: str, stamp: int) -> tuple[str, int]:
    """Put a version in use and its text in the editor: how answers are read goes with the version."""
    studio = studio_for(visitor)
    studio.change(project, template=version)
    return studio.template(project).text, stamp + 1


def _compare(visitor: str, project: str, against: str | None, editor: str) -> str:
    if not against:
        return ""
    return instructing.difference(studio_for(visitor).template(project, against).text, editor)


def _use_preset(visitor: str, project: str, preset: str, stamp: int) -> int:
    studio = studio_for(visitor)
    if preset == OWN:
        studio.change(project, task=OWN)
    else:
        studio.use_preset(project, preset)
    return stamp + 1


def _choose_teacher(visitor: str, project: str, teacher: str, stamp: int) -> tuple[Any, ...]:
    """A model that is here is put in use; one that is not is offered first."""
    studio = studio_for(visitor)
    box = teachers.box(studio, teacher)
    if teachers.is_here(studio, teacher):
        studio.change(project, teacher=teacher)
        return stamp + 1, *box, ""
    return gr.skip(), *box, ""


def _fetch(visitor: str, project: str, teacher: str, source: str) -> tuple[Any, ...]:  # noqa: ARG001
    studio = studio_for(visitor)
    studio.fetch(teacher, source)
    return teachers.words(studio.fetch_status(teacher)), gr.Timer(active=True)


def _look(visitor: str, project: str, teacher: str, stamp: int) -> tuple[Any, ...]:
    studio = studio_for(visitor)
    going = studio.fetch_status(teacher)
    if going is None or going.state == "running":
        return teachers.words(going), gr.skip(), gr.skip(), gr.skip()
    if going.state == "done":
        studio.change(project, teacher=teacher)
        return teachers.words(going), gr.Timer(active=False), gr.Column(visible=False), stamp + 1
    return teachers.words(going), gr.Timer(active=False), gr.skip(), gr.skip()


def _try(visitor: str, project: str, teacher: str, question: str, table: list[list[Any]],
         editor: str, version: str, tries: list[dict[str, Any]],
         progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
    """Ten answers, beside those of the try before."""
    studio = studio_for(visitor)
    try:
        task = _task(studio, project, question, table)
        answers = studio.try_on(
            project, editor, task, teacher, TRY_ON,
            lambda said, done, total: progress(done / total if total else 0.0, desc=said))
    except EngineError as error:
        return problem(error), *(gr.skip(),) * 4
    template = studio.template(project, version)
    name = f"v{template.version}" if editor == template.text else wording.INSTRUCTIONS_YOUR_EDIT
    key = [editor, task.digest, teacher]
    others = [t for t in tries if t["key"] != key]
    before = others[-1] if others else None
    made = {"key": key, "name": name, "answers": {a.index: a.label for a in answers}}
    if before:
        changed = sum(before["answers"].get(i) not in (None, label)
                      for i, label in made["answers"].items())
        said = wording.instructions_changed(before["name"], name, changed, len(answers))
    else:
        said = wording.instructions_first_try(name, len(answers))
    shown = instructing.tried_table(answers, before["answers"] if before else {})
    return (notice("done", said), shown, [*others, made][-5:], *_buttons(tried=True))


def _use(visitor: str, project: str, teacher: str, question: str, table: list[list[Any]],
         editor: str, version: str, note: str, stamp: int) -> tuple[Any, ...]:
    """Keep question and instructions as the next version, after both were found fit."""
    studio = studio_for(visitor)
    try:
        task = _task(studio, project, question, table)
        made = studio.rendered(project, editor, task, 0, teacher)
        studio.save_task(project, task)
        kept = studio.save_template(project, editor, parent=version, note=note)
    except EngineError as error:
        return problem(error), *(gr.skip(),) * 4
    name = wording.instructions_version(kept.title or kept.id, kept.version)
    done = notice("done", wording.instructions_used(name))
    return (done + "".join(notice("warning", n) for n in made.notes), stamp + 1, "",
            *_buttons(tried=False))
