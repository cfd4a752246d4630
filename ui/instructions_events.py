"""What the Instructions page does when something is pressed: updates by the names of its parts.

Does not: know components' places, or keep an edit before *Use these instructions* is pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import EngineError, SettingsError
from engine.studio import Studio
from ui import instructing, task_form, teachers, trying, wording
from ui.guard import notice, problem
from ui.instructions_shown import EDITED, Changes, aside, lists, view
from ui.task_form import OWN, Asked, task_from


def follow(studio: Studio, project: str, index: int, teacher: str, *values: Any) -> Changes:  # noqa: ANN401
    """The preview and the difference of what stands in the page now. The place is not moved: it may be a
    later one by the time this is shown, and then this is asked once more.
    """
    *text, compared = values
    if not project or not studio.project(project).corpus:
        return {}
    made = view(studio, project, index, teacher, Asked(*text[:-1]), text[-1])
    del made["index"], made["jump"]
    return made | compare(studio, project, *compared, text[-1])


def untried(studio: Studio, project: str) -> Changes:  # noqa: ARG001
    """After an edit *Try on 10* comes first again."""
    return trying.buttons(tried=False)


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
        task = task_from(studio, project, asked)
        if task.digest == asked.of:  # nothing was typed
            return ""
        before = studio.task(project).id
        kept = studio.save_task(project, task, of=asked.of)
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
    return {"version": lists(studio, project, suits, language, "")["version"]}


def open_version(studio: Studio, project: str, version: str, editor: str, stamp: int) -> Changes:
    """Put a version in use and its text in the editor: how answers are read goes with the version."""
    studio.change(project, template=version)
    return aside(studio, project, editor, studio.template(project).text) | {"stamp": stamp + 1}


def put_back(studio: Studio, project: str, draft: str, index: int, teacher: str,
             *values: Any) -> Changes:  # noqa: ANN401
    """What was put aside, back in the editor; what stands there now is put aside if it was not kept."""
    *text, compared = values
    swapped = {"draft": "", "put_back": gr.Button(visible=False)} | aside(studio, project, text[-1], draft)
    made = view(studio, project, index, teacher, Asked(*text[:-1]), draft)
    return swapped | made | compare(studio, project, *compared, draft) | trying.buttons(tried=False)


def compare(studio: Studio, project: str, before: str | None, after: str | None, editor: str) -> Changes:
    """What changed from one version to another, or to the text in the editor."""
    if not before or not after:
        return {"changes": ""}
    to = editor if after == EDITED else studio.template(project, after).text
    return {"compared": (before, after), "changes": instructing.difference(
        studio.difference(studio.template(project, before).text, to))}


def restore(studio: Studio, project: str, ref: str, editor: str, author: str, stamp: int) -> Changes:
    """An older version as the newest one."""
    made = studio.restore_template(project, ref, author)
    name = wording.instructions_version(made.title or made.id, made.version)
    return aside(studio, project, editor, made.text) | {
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
        studio.save_task(project, task, of=Asked(*asked).of)
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
    """Begin to fetch the large model, and what else *Try on 10* needs."""
    wanted = [model.name for model in teachers.missing(studio, teacher)]
    teachers.fetch(studio, teacher, source)
    return {"fetch_state": teachers.standing(studio, wanted)[0], "look": gr.Timer(active=True)}


def look(studio: Studio, project: str, teacher: str, stamp: int) -> Changes:
    """How fetches stand; when all is here the large model is put in use."""
    wanted = [model.name for model in teachers.missing(studio, teacher)]
    fetches, going = teachers.standing(studio, wanted)
    if going:
        return {"fetch_state": fetches}
    made: Changes = {"fetch_state": fetches, "look": gr.Timer(active=False)}
    if teachers.is_here(studio, teacher):
        studio.change(project, teacher=teacher)
        made |= {"fetching": gr.Column(visible=bool(wanted)), "stamp": stamp + 1}
    return made
