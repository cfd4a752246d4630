"""What the Instructions page shows of a project, and how it follows one: what was typed is never lost.

Does not: answer a button. See `ui/instructions_events.py`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.errors import EngineError, SettingsError
from engine.plan import DEFAULT_TEACHER
from engine.studio import Studio
from ui import instructing, task_form, teachers, trying, wording
from ui.guard import notice
from ui.serving import copied
from ui.task_form import Asked, form_of, task_from

EDITED = "edited"  # in the lists of versions: the text in the editor
Changes = dict[str, Any]
"""Updates by the names of the page's parts; what is not named stays."""


def refresh(studio: Studio, project: str, shown: dict[str, str], index: int, teacher: str, question: str,
            kind: str, table: Any, fields: Any, words: Any, filled: str, editor: str,  # noqa: ANN401
            suits: str, language: str, typed: Any = "") -> Changes:  # noqa: ANN401
    """Follow the project. What has not changed is left alone, so that an unsaved edit stays.

    `typed`: what the browser remembers of the last edit, for a page that was loaded anew.
    """
    held = studio.project(project) if project else None
    asked = Asked(question, kind, table, fields, words, filled)
    anew = bool(typed) and not shown and not editor and typed["project"] == project
    if anew:
        asked, editor = _as_typed(typed["asked"]), typed["editor"]
    if held is None or not held.corpus:
        return _without_documents(studio, project, shown, asked, editor)
    task, template = studio.task(project), studio.template(project)
    now = {"project": project, "corpus": held.corpus, "task": f"{task.id} {task.digest}",
           "template": template.ref, "teacher": held.teacher, "kind": task.kind}
    if now == shown:
        return {}
    other = shown.get("project") != project or "task" not in shown
    fresh = set(now) if other else {key for key, value in now.items() if shown.get(key) != value}
    made: Changes = {}
    if "corpus" in fresh:  # other documents: answers about those before say nothing of them
        index, made = 0, {"status": ""}
    if other:
        made |= {"note": ""} | _put_aside(studio, project, shown, asked, editor)
    if anew:  # its question is in the list now; the text waits for its button, also after another loading
        made["typed"] = {**typed, "asked": list(form_of(task))}
    made |= {"shown": now, "index": index, "empty": gr.Column(visible=False),
             "body": gr.Column(visible=True), "preset": _preset_choice(studio, project, task.id)}
    if "task" in fresh:
        asked = form_of(task)
        made |= task_form.shown(asked)._asdict() | {
            "take": [copied(path) for path in studio.export_task(project, task)], "bring": None, "row": 0,
            "tools": gr.Row(visible=task.kind != "generate"), "about": task_form.about(task.kind),
            "source": _quiet(wording.instructions_source(studio.source(task.id)))}
    if "template" in fresh:
        made |= {"editor": template.text} if other else aside(studio, project, editor, template.text)
        editor = template.text
    if "teacher" in fresh:
        teacher = held.teacher or DEFAULT_TEACHER
    if fresh & {"corpus", "kind"}:
        made |= trying.kept(studio, project)
    box = dict(zip(("fetching", "fetch_words", "fetch_from", "fetch_state", "look"),
                   teachers.box(studio, teacher), strict=True))
    made |= view(studio, project, index, teacher, asked, editor) | box | trying.buttons(tried=False)
    made |= {"teacher": gr.Dropdown(choices=teachers.choices(studio, project, teacher), value=teacher),
             "fill": _quiet(wording.INSTRUCTIONS_FILL[task.kind])}
    return made | lists(studio, project, suits, language, editor)


def _without_documents(studio: Studio, project: str, shown: dict[str, str], asked: Asked,
                       editor: str) -> Changes:
    """No project, or an empty one: nothing to ask about. The form and the editor are emptied, too."""
    made: Changes = {"shown": {"project": project}, "index": 0, "tries": [], "empty": gr.Column(visible=True),
                     "body": gr.Column(visible=False)}
    if "task" in shown:
        nothing = Asked("", "single_label", [], [], None)
        made |= _put_aside(studio, project, shown, asked, editor) | task_form.shown(nothing)._asdict()
        made["editor"] = ""
    return made


def _put_aside(studio: Studio, project: str, shown: dict[str, str], asked: Asked, editor: str) -> Changes:
    """What was typed and not kept, before another project takes its place; a draft put aside earlier stays.

    Where the page's memory is lost (`shown` is empty: Gradio gave it up while nobody looked), what stands
    there is taken for this project's.
    """
    if shown and "task" not in shown:
        return {}  # nothing was shown, so nothing can have been typed
    known = [held.id for held in studio.projects()]
    former = shown.get("project", project)
    if former not in known:
        return _draft(editor)
    made = {} if editor in _kept(studio, former) else _draft(editor)
    said = _question_aside(studio, former, asked)
    return made | ({"status": said} if said else {})


def _as_typed(values: list[Any]) -> Asked:
    """The form as the browser holds it: of a table its rows."""
    return Asked(*(value["data"] if isinstance(value, dict) else value for value in values))


def came_late(studio: Studio, project: str, typed: Any, draft: str, editor: str) -> Changes:  # noqa: ANN401
    """Offer what the browser remembers of the last edit, while nothing else is edited.

    It may tell so after the page was shown; and what is offered is sent again when the editor is filled,
    since Gradio's page loses what comes while a component is shown for the first time.
    """
    if not typed or typed["project"] != project or draft not in ("", typed["editor"]):
        return {}
    kept = _kept(studio, project)
    return _draft(typed["editor"]) if editor in kept and typed["editor"] not in kept else {}


def _kept(studio: Studio, project: str) -> set[str]:
    """The texts of all versions: what is one of these was not typed, or is not lost."""
    return {template.text for template in studio.templates(project)}


def _draft(editor: str | None) -> Changes:
    if not editor or not editor.strip():
        return {}
    return {"draft": editor, "put_back": gr.Button(visible=True)}


def _question_aside(studio: Studio, project: str, asked: Asked) -> str:
    """Keep the form in the project's list of own questions; what is in use stays in use. A notice, or ""."""
    held, used = studio.project(project), studio.task(project)
    if not (asked.question or "").strip() and not asked.table and not asked.fields:
        return ""  # the page as it opens
    try:
        mine = task_from(studio, project, asked)
        if mine.digest == used.digest:
            return ""
        # Under a name of its own: an own question that is in use is not replaced.
        studio.save_task(project, mine.model_copy(update={"id": "left"}))
    except SettingsError as error:
        return notice("warning", wording.INSTRUCTIONS_NOT_KEPT, error.what)
    studio.change(project, task=held.task, template=held.template)
    return notice("note", wording.instructions_question_left(held.title))


def aside(studio: Studio, project: str, editor: str | None, after: str) -> Changes:
    """Another text in the editor; what was written there and not kept is put aside, not lost.

    What the page sends may be a text from before a choice that was made meanwhile (a list tells of one choice
    twice): where it is some version's nobody wrote it.
    """
    made: Changes = {"editor": after}
    return made if editor == after or editor in _kept(studio, project) else made | _draft(editor)


def lists(studio: Studio, project: str, suits: str, language: str, editor: str) -> Changes:
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
            "compared": (used.ref, EDITED),
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
