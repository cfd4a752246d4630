"""What the Instructions page does when something is pressed: updates by the names of its parts.

Does not: know components' places, or keep an edit before *Use these instructions* is pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import EngineError, SettingsError
from engine.plan import DEFAULT_TEACHER
from engine.studio import Studio
from ui import instructing, task_form, teachers, trying, wording
from ui.guard import notice, problem
from ui.task_form import OWN, Asked, form_of, task_from

EDITED = "edited"  # in the lists of versions: the text in the editor
RESULTS_EMPTY = f'<p class="quiet">{wording.INSTRUCTIONS_NO_RESULTS}</p>'
Changes = dict[str, Any]
"""Updates by the names of the page's parts; what is not named stays."""


def refresh(studio: Studio, project: str, shown: dict[str, str], index: int, teacher: str, question: str,
            kind: str, table: Any, fields: Any, words: Any, editor: str, suits: str,  # noqa: ANN401
            language: str) -> Changes:
    """Follow the project. What has not changed is left alone, so that an unsaved edit stays."""
    held = studio.project(project) if project else None
    if held is None or not held.corpus:
        return {"shown": {}, "index": 0, "tries": [], "draft": "", "empty": gr.Column(visible=True),
                "body": gr.Column(visible=False)}
    task, template = studio.task(project), studio.template(project)
    now = {"project": project, "corpus": held.corpus, "task": f"{task.id} {task.digest}",
           "template": template.ref, "teacher": held.teacher, "kind": task.kind}
    if now == shown:
        return {}
    fresh = {key for key, value in now.items() if shown.get(key) != value}
    if fresh & {"project", "corpus"}:
        fresh, index = set(now), 0
    made: Changes = {"shown": now, "index": index, "empty": gr.Column(visible=False),
                     "body": gr.Column(visible=True), "preset": _preset_choice(studio, project, task.id)}
    asked = Asked(question, kind, table, fields, words)
    if "task" in fresh:
        asked = form_of(task)
        made |= task_form.shown(asked)._asdict() | {
            "take": [str(path) for path in studio.export_task(project, task)], "bring": None, "row": 0,
            "tools": gr.Row(visible=task.kind != "generate"),
            "source": _quiet(wording.instructions_source(studio.source(task.id)))}
    if "template" in fresh:
        before = studio.template(project, shown["template"]).text if fresh != set(now) else editor
        made |= _aside(editor, before, template.text)
        editor = template.text
    if "teacher" in fresh:
        teacher = held.teacher or DEFAULT_TEACHER
    if fresh == set(now):
        made |= {"tries": [], "note": "", "status": "", "draft": "", "put_back": gr.Button(visible=False)}
    if "kind" in fresh:
        made |= {"results": RESULTS_EMPTY, "against": gr.Dropdown(visible=False)}
    box = dict(zip(("fetching", "fetch_words", "fetch_from", "fetch_state", "look"),
                   teachers.box(studio, teacher), strict=True))
    made |= view(studio, project, index, teacher, asked, editor) | box | trying.buttons(tried=False)
    made |= {"teacher": gr.Dropdown(choices=teachers.choices(studio, project), value=teacher),
             "fill": _quiet(wording.INSTRUCTIONS_FILL[task.kind])}
    return made | _lists(studio, project, suits, language, editor)


def _lists(studio: Studio, project: str, suits: str, language: str, editor: str) -> Changes:
    """The lists of versions, and what the editor changes in the version in use."""
    used = studio.template(project)
    known = [t for some in studio.shelf(project, language, suits).values() for t in reversed(some)]
    if used.ref not in {t.ref for t in known}:
        known.insert(0, used)
    choices = [(wording.instructions_version(t.title or t.id, t.version), t.ref) for t in known]
    history = studio.shelf(project).get(used.id, (used,))
    mine = [(wording.instructions_version(t.title or t.id, t.version), t.ref) for t in reversed(history)]
    return {"version": gr.Dropdown(choices=choices, value=used.ref),
            "versions": instructing.version_table(history, used.ref),
            "before": gr.Dropdown(choices=mine, value=used.ref),
            "after": gr.Dropdown(choices=[(wording.INSTRUCTIONS_EDITED, EDITED), *mine], value=EDITED),
            "changes": instructing.difference(studio.difference(used.text, editor))}


def _quiet(text: str) -> str:
    return f'<p class="quiet">{text}</p>' if text else ""


def _preset_choice(studio: Studio, project: str, task_id: str) -> gr.Dropdown:
    """The project's own questions first, then the ready-made ones with their kind."""
    own = [(wording.instructions_own(question), name) for name, question in studio.own_tasks(project).items()]
    ready = [(wording.instructions_preset(title, studio.preset(name).kind), name)
             for name, title in studio.presets().items()]
    return gr.Dropdown(choices=[*own, *ready], value=task_id)


def _aside(editor: str | None, before: str, after: str) -> Changes:
    """Another text in the editor; what was written there and not kept is put aside, not lost."""
    made: Changes = {"editor": after}
    if editor and editor.strip() and editor not in (before, after):
        made |= {"draft": editor, "put_back": gr.Button(visible=True)}
    return made


def view(studio: Studio, project: str, index: int, teacher: str, asked: Asked, editor: str) -> Changes:
    """Index, place, prompt and facts for one document; what is wrong stands in the facts."""
    total = len(studio.corpus(project))
    index %= total
    made: Changes = {"index": index, "jump": index + 1, "where": wording.instructions_document(total)}
    try:
        rendered = studio.rendered(project, editor, task_from(studio, project, asked), index, teacher)
    except EngineError as error:
        return made | {"facts": notice("warning", error.what, error.fix)}
    return made | {"prompt": rendered.text, "facts": instructing.facts(rendered)}


def edited(studio: Studio, project: str, index: int, teacher: str, *values: Any) -> Changes:  # noqa: ANN401
    """The preview and the difference follow every edit."""
    *text, before, after = values
    return (view(studio, project, index, teacher, Asked(*text[:-1]), text[-1]) | trying.buttons(tried=False)
            | compare(studio, project, before, after, text[-1]))


def step(by: int) -> Callable[..., Changes]:
    """The preview of the next document, or the one before."""
    def stepped(studio: Studio, project: str, index: int, teacher: str, *text: Any) -> Changes:  # noqa: ANN401
        return view(studio, project, index + by, teacher, Asked(*text[:-1]), text[-1])
    return stepped


def jump(studio: Studio, project: str, to: float | None, index: int, teacher: str,
         *text: Any) -> Changes:  # noqa: ANN401
    """The preview of one document by its number, as near as there is one."""
    if to is None:
        return {}
    wanted = min(max(int(to), 1), len(studio.corpus(project))) - 1
    return {} if wanted == index else view(studio, project, wanted, teacher, Asked(*text[:-1]), text[-1])


# The question


def of_kind(studio: Studio, project: str, *values: Any) -> Changes:  # noqa: ANN401
    """Another kind of answer: kept at once, with instructions of that kind; the old ones stay in the list."""
    *asked, stamp = values
    try:
        task_form.of_kind(studio, project, Asked(*asked))
    except SettingsError as error:
        return {"status": problem(error), "kind": studio.task(project).kind}
    return {"status": "", "stamp": stamp + 1}


def _keep(studio: Studio, project: str, asked: Asked) -> str:
    """Keep what stands in the form before another question takes its place; a notice where that matters."""
    try:
        before = studio.task(project).id
        kept = studio.save_task(project, task_from(studio, project, asked))
    except SettingsError as error:
        return notice("warning", wording.INSTRUCTIONS_NOT_KEPT, error.what)
    return notice("note", wording.INSTRUCTIONS_KEPT_OWN) if kept.id != before else ""


def use_preset(studio: Studio, project: str, preset: str, *values: Any) -> Changes:  # noqa: ANN401
    """A ready-made question, or one of the project's own, put in use; what stands in the form is kept."""
    *asked, stamp = values
    status = _keep(studio, project, Asked(*asked))
    if preset.startswith(OWN):
        studio.use_own_task(project, preset)
    else:
        studio.use_preset(project, preset)
    return {"stamp": stamp + 1, "status": status}


def bring(studio: Studio, project: str, path: str | None, *values: Any) -> Changes:  # noqa: ANN401
    """A question from a file, kept as one of the project's own beside what stands in the form."""
    if not path:
        return {}
    *asked, stamp = values
    before = studio.task(project).id
    status = _keep(studio, project, Asked(*asked))
    try:
        studio.import_task(project, Path(path))
    except EngineError as error:
        made: Changes = {"status": problem(error), "bring": None}
        return made if studio.task(project).id == before else made | {"stamp": stamp + 1}
    return {"stamp": stamp + 1, "status": notice("done", wording.INSTRUCTIONS_BROUGHT) + status}


def add_row(studio: Studio, project: str, kind: str, table: Any, fields: Any) -> Changes:  # noqa: ANN401, ARG001
    """An empty row in the table that is shown."""
    if kind == "extract":
        return {"fields": [*(fields or []), ["", "", "text"]]}
    return {"table": [*(table or []), ["", "", False]]}


def move(by: int) -> Callable[..., Changes]:
    """The row that was clicked into, up or down."""
    def moved(studio: Studio, project: str, kind: str, table: Any, fields: Any,  # noqa: ANN401, ARG001
              row: int) -> Changes:
        name, rows = ("fields", fields) if kind == "extract" else ("table", table)
        made, to = task_form.moved(rows or [], row, by)
        return {name: made, "row": to}
    return moved


# The instructions


def filtered(studio: Studio, project: str, suits: str, language: str) -> Changes:
    """The list of instructions, for some kind of text or language only."""
    return {"version": _lists(studio, project, suits, language, "")["version"]}


def open_version(studio: Studio, project: str, version: str, editor: str, stamp: int) -> Changes:
    """Put a version in use and its text in the editor: how answers are read goes with the version."""
    before = studio.template(project).text
    studio.change(project, template=version)
    return _aside(editor, before, studio.template(project).text) | {"stamp": stamp + 1}


def put_back(studio: Studio, project: str, draft: str, index: int, teacher: str,
             *values: Any) -> Changes:  # noqa: ANN401
    """What was put aside, back in the editor; what stands there now is put aside if it was not kept."""
    *text, before, after = values
    editor = text[-1]
    swapped = {"draft": "", "put_back": gr.Button(visible=False)} | _aside(
        editor, studio.template(project).text, draft)
    return swapped | edited(studio, project, index, teacher, *text[:-1], draft, before, after)


def compare(studio: Studio, project: str, before: str | None, after: str | None, editor: str) -> Changes:
    """What changed from one version to another, or to the text in the editor."""
    if not before or not after:
        return {"changes": ""}
    to = editor if after == EDITED else studio.template(project, after).text
    return {"changes": instructing.difference(
        studio.difference(studio.template(project, before).text, to))}


def restore(studio: Studio, project: str, ref: str, editor: str, author: str, stamp: int) -> Changes:
    """An older version as the newest one."""
    before = studio.template(project).text
    made = studio.restore_template(project, ref, author)
    name = wording.instructions_version(made.title or made.id, made.version)
    return _aside(editor, before, made.text) | {
        "stamp": stamp + 1, "status": notice("done", wording.instructions_restored(name))}


def begin(studio: Studio, project: str, title: str, author: str, shown: dict[str, str],
          stamp: int) -> Changes:
    """New instructions as a copy of those in use; an edit that was not kept stays in the editor."""
    try:
        made = studio.new_template(project, title, author)
    except SettingsError as error:
        return {"status": problem(error)}
    name = wording.instructions_version(made.title, made.version)
    return {"shown": {**shown, "template": made.ref, "lists": "old"}, "stamp": stamp + 1, "title": "",
            "status": notice("done", wording.instructions_begun(name))}


def use(studio: Studio, project: str, teacher: str, *values: Any) -> Changes:  # noqa: ANN401
    """Keep question and instructions as the next version, after both were found fit."""
    *asked, editor, version, note, author, tries, stamp = values
    try:
        task = task_from(studio, project, Asked(*asked))
        made = studio.rendered(project, editor, task, 0, teacher)
        effect = trying.effect_of(studio, project, tries, editor, task)
        studio.save_task(project, task)
        kept = studio.save_template(project, editor, parent=version, author=author,
                                    note=wording.instructions_noted(note.strip(), effect))
    except EngineError as error:
        return {"status": problem(error)}
    name = wording.instructions_version(kept.title or kept.id, kept.version)
    warned = "".join(notice("warning", text) for severity, text in made.notes if severity == "stop")
    return {"status": notice("done", wording.instructions_used(name)) + warned, "stamp": stamp + 1,
            "note": ""} | trying.buttons(tried=False)


# The large model


def choose_teacher(studio: Studio, project: str, teacher: str, stamp: int) -> Changes:
    """A model that is here is put in use; one that is not is offered first."""
    made = dict(zip(("fetching", "fetch_words", "fetch_from", "fetch_state", "look"),
                    teachers.box(studio, teacher), strict=True)) | {"status": ""}
    if teachers.is_here(studio, teacher):
        studio.change(project, teacher=teacher)
        made["stamp"] = stamp + 1
    return made


def fetch(studio: Studio, project: str, teacher: str, source: str) -> Changes:  # noqa: ARG001
    """Begin to fetch the large model."""
    studio.fetch(teacher, source)
    return {"fetch_state": teachers.words(studio.fetch_status(teacher)), "look": gr.Timer(active=True)}


def look(studio: Studio, project: str, teacher: str, stamp: int) -> Changes:
    """How a fetch stands."""
    going = studio.fetch_status(teacher)
    made: Changes = {"fetch_state": teachers.words(going)}
    if going is None or going.state == "running":
        return made
    made["look"] = gr.Timer(active=False)
    if going.state == "done":
        studio.change(project, teacher=teacher)
        made |= {"fetching": gr.Column(visible=False), "stamp": stamp + 1}
    return made
