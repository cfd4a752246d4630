"""*Try on 10* of the Instructions page: the last tries are kept with the project, and compared two by two.

A try is a plain dictionary in the page's state.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.records import text_digest
from engine.studio import EXAMPLE_TEACHER, Studio
from ui import instructing, wording
from ui.guard import notice, problem
from ui.task_form import Asked, task_from

TRY_ON = 10
RESULTS_EMPTY = f'<p class="quiet">{wording.INSTRUCTIONS_NO_RESULTS}</p>'
MOST = 5  # tries that are kept
Changes = dict[str, Any]
Try = dict[str, Any]
"""text, instructions (their id), title, version (0 of an edit), task (digest), kind, question, teacher,
answers."""


def attempt(studio: Studio, project: str, teacher: str, *values: Any,  # noqa: ANN401
            progress: gr.Progress) -> Changes:
    """Ask about the ten documents; `landed` shows the answers."""
    *asked, editor, version = values
    try:
        task = task_from(studio, project, Asked(*asked))
        answers = studio.try_on(
            project, editor, task, teacher, TRY_ON,
            lambda said, done, total: progress(done / total if total else 0.0, desc=said))
    except EngineError as error:
        return {"status": problem(error), "pending": {}}
    one = made(studio, project, teacher, task, editor, version, answers)
    studio.keep_tries(project, added(studio.kept_tries(project), one))
    return {"pending": {"project": project, "try": one}}


def landed(studio: Studio, project: str, pending: dict[str, Any], tries: list[Any]) -> Changes:
    """Show the answers, unless another project or kind of question was chosen while they were made."""
    if not pending or pending["project"] != project:
        return {}
    tries = added(tries, pending["try"])
    if studio.task(project).kind != pending["try"]["kind"]:
        return {"tries": tries}
    return shown(studio, project, tries) | buttons(tried=True)


def kept(studio: Studio, project: str) -> Changes:
    """The tries of a project that comes into view, and the newest answers to its kind of question."""
    tries, kind = studio.kept_tries(project), studio.task(project).kind
    alike = [one for one in tries if one["kind"] == kind]
    made: Changes = {"results": RESULTS_EMPTY, "against": gr.Dropdown(visible=False)}
    if alike:
        made |= shown(studio, project, alike)
        del made["status"]  # what was said then was about an edit of then
    return made | {"tries": tries}


def against(studio: Studio, project: str, chosen: str, tries: list[Any]) -> Changes:
    """The newest answers beside those of another try."""
    return shown(studio, project, tries, chosen) if tries else {}


def buttons(*, tried: bool) -> Changes:
    """One primary button: first *Try on 10*, then *Use these instructions*."""
    return {"attempt": gr.Button(variant="secondary" if tried else "primary"),
            "use": gr.Button(variant="primary" if tried else "secondary")}


def made(studio: Studio, project: str, teacher: str, task: Any, editor: str, version: str,  # noqa: ANN401
         answers: Sequence[Any]) -> Try:
    """What is kept of a try."""
    template = studio.template(project, version)
    return {"text": editor, "instructions": template.id, "title": template.title or template.id,
            "version": template.version if editor == template.text else 0, "task": task.digest,
            "kind": task.kind, "question": task.question, "teacher": teacher, "answers": list(answers)}


def added(tries: Sequence[Try], one: Try) -> list[Try]:
    """With one more, the newest last; the same text, question and model are kept once."""
    return [*(t for t in tries if _key(t) != _key(one)), one][-MOST:]


def shown(studio: Studio, project: str, tries: Sequence[Try], against: str | None = None) -> Changes:
    """Updates for the newest try, beside an earlier one of its kind: the last, or that named `against`."""
    last = tries[-1]
    earlier = [t for t in tries[:-1] if t["kind"] == last["kind"]]
    known = {_key(t): t for t in earlier}
    before = known.get(against or "", earlier[-1] if earlier else None)
    answers = last["answers"]
    if before is None:
        said = wording.instructions_first_try(name(studio, project, last), len(answers))
    else:
        said = effect(studio, project, before, last)
    were = {a.index: a for a in before["answers"]} if before else {}
    asked = wording.instructions_asked_of(last["question"], _model(studio, last["teacher"]))
    return {"status": notice("done", said), "tries": list(tries),
            "results": f'<p class="quiet">{html.escape(asked)}</p>'
                       + instructing.tried_table(answers, were),
            "against": gr.Dropdown(
                choices=[(_long_name(studio, project, t, earlier), _key(t)) for t in reversed(earlier)],
                value=_key(before) if before else None, visible=len(earlier) > 1)}


def effect(studio: Studio, project: str, before: Try, after: Try) -> str:
    """What the later try changed in the answers of the earlier one, in a sentence."""
    names = [name(studio, project, t) for t in (before, after)]
    if before["instructions"] != after["instructions"]:
        names = [f"{t['title']} {called}" for t, called in zip((before, after), names, strict=True)]
    elif names[0] == names[1] == wording.INSTRUCTIONS_YOUR_EDIT:
        names[0] = wording.INSTRUCTIONS_EARLIER_EDIT
    beside = [words for key, words in wording.INSTRUCTIONS_ALSO.items() if before[key] != after[key]]
    return " ".join([instructing.compared(before["answers"], after["answers"], *names), *beside])


def effect_of(studio: Studio, project: str, tries: Sequence[Try], text: str, task: Any) -> str:  # noqa: ANN401
    """What a text did to the answers of the version tried before it, if it was tried last; else empty."""
    if not tries or (tries[-1]["text"], tries[-1]["task"]) != (text, task.digest):
        return ""
    last = tries[-1]
    before = next((t for t in reversed(tries[:-1]) if _version(studio, project, t) and all(
        t[key] == last[key] for key in ("instructions", "task", "teacher"))), None)
    if before is None:
        return ""
    changed, total = instructing.changes(before["answers"], last["answers"])
    return wording.instructions_effect(changed, total, name(studio, project, before))


def name(studio: Studio, project: str, one: Try) -> str:
    """“v4”; “your edit” if no version has this text."""
    number = _version(studio, project, one)
    return f"v{number}" if number else wording.INSTRUCTIONS_YOUR_EDIT


def _version(studio: Studio, project: str, one: Try) -> int:
    """The version that was tried, or that the edit became; 0 if none has this text."""
    return one["version"] or max((t.version for t in studio.templates(project)
                                  if t.id == one["instructions"] and t.text == one["text"]), default=0)


def _long_name(studio: Studio, project: str, one: Try, beside: Sequence[Try]) -> str:
    """Its name as a choice: numbered where several edits are kept."""
    called = f"{one['title']} · {name(studio, project, one)}"
    alike = [t for t in beside if f"{t['title']} · {name(studio, project, t)}" == called]
    return called if len(alike) < 2 else f"{called} ({alike.index(one) + 1})"


def _model(studio: Studio, teacher: str) -> str:
    if teacher == EXAMPLE_TEACHER:
        return wording.INSTRUCTIONS_RECORDED_BY
    return next((m.title for m in studio.models() if m.name == teacher), teacher)


def _key(one: Try) -> str:
    return text_digest("\x1f".join((one["instructions"], one["text"], one["task"], one["teacher"])))
