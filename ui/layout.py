"""The page as a whole: the frame around the five stops, in the order of the road.

Does not: know what a stop shows. Each page hands over its `refresh`, which is called here.
"""

from __future__ import annotations

import html
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.plan import PRESET_TITLES
from engine.studio import Studio, machine_words
from ui import wording
from ui.guard import guarded, notice
from ui.pages import compare, distil, documents, instructions, take_home
from ui.session import QUIET, Frame, Page, browser_state, is_public, new_visitor, studio_for

PAGES = {"documents": documents.build, "instructions": instructions.build, "distil": distil.build,
         "compare": compare.build, "take_home": take_home.build}
LOOK_AGAIN_S = 5.0  # how often labels and the list of runs follow what happens in the background
# Gradio's page (6.31) now and then loses an update that comes while a component is shown for the first time,
# and says nothing of it: the looks that follow a change send it again.
SENT_AGAIN = 2
STILL_HERE_S = 60.0  # how often an open page says so; Gradio gives up what it holds after an hour


def build() -> gr.Blocks:
    """The whole page. Theme and style belong to `launch`: see `app.py`."""
    with gr.Blocks(title=wording.FRAME_TITLE, analytics_enabled=False, fill_width=True,
                   delete_cache=(3600, 86_400)) as demo:
        visitor, project, run = (browser_state(name) for name in ("visitor", "project", "run"))
        stamp, seen = gr.State(0), gr.State("")

        with gr.Sidebar(open=False, width=290, elem_id="runs-bar"):
            runs = gr.Radio([], label=wording.FRAME_RUNS, info=wording.FRAME_RUNS_INFO,
                            elem_id="runs", visible=False)
            no_runs = gr.HTML(f'<p class="quiet">{wording.FRAME_NO_RUNS}</p>')
        with gr.Row(elem_id="head", equal_height=True):
            gr.HTML(f'<div class="brand"><h1>{wording.FRAME_TITLE}</h1>'
                    f'<span class="quiet">{wording.FRAME_LEDE}</span></div>',
                    elem_id="brand")
            switch = gr.Dropdown([], label=wording.FRAME_PROJECT, elem_id="project", visible=False,
                                 container=False, min_width=180)
            new = gr.Button(wording.FRAME_NEW, size="sm", elem_id="new", min_width=60)
            gr.HTML(f'<span class="chip">{html.escape(machine_words())}</span>', elem_id="machine")
        with gr.Row(visible=False, elem_id="new-row") as new_row:
            name = gr.Textbox(label=wording.FRAME_NEW_NAME, max_length=80, scale=3,
                              placeholder=wording.FRAME_NEW_PLACEHOLDER)
            create = gr.Button(wording.FRAME_CREATE, size="sm", scale=0, min_width=110)
            never = gr.Button(wording.FRAME_NEVER_MIND, size="sm", scale=0, min_width=110)
        if is_public():
            gr.HTML(notice("note", wording.FRAME_PUBLIC), elem_id="public")

        pages: dict[str, Page] = {}
        tabs: dict[str, gr.Tab] = {}
        with gr.Tabs(elem_id="road", selected="documents", overflow_behavior="wrap") as road:
            frame = Frame(visitor, project, run, stamp, road)
            for page, build_page in PAGES.items():
                with gr.Tab(wording.FRAME_TABS[page], id=page, elem_id=f"tab-{page}") as tabs[page]:
                    pages[page] = build_page(frame)

        head = [switch, runs, no_runs, seen, *tabs.values()]
        here = [visitor, project, run]

        demo.load(_arrive, [*here, stamp], [*here, stamp], **QUIET)
        stamp.change(_head, [*here, gr.State("")], head, **QUIET)
        for page, built in pages.items():
            refresh = guarded(built.refresh)
            wanted = [*here, *built.inputs]
            stamp.change(refresh, wanted, list(built.outputs), **QUIET)
            tabs[page].select(refresh, wanted, list(built.outputs), **QUIET)
            # A page may show a run's end before the timer does: labels then must not say it still runs.
            tabs[page].select(_head, [*here, seen], head, **QUIET)
        gr.Timer(LOOK_AGAIN_S).tick(_head, [*here, seen], head, **QUIET)
        gr.Timer(STILL_HERE_S).tick(_still_here(demo), None, None, **QUIET)

        runs.input(_see_run, [runs, stamp], [run, stamp], **QUIET)
        switch.input(_switch, [visitor, switch, stamp], [project, run, stamp], **QUIET)
        new.click(lambda: (gr.Row(visible=True), ""), None, [new_row, name], **QUIET).then(
            None, js="() => document.querySelector('#new-row input, #new-row textarea')?.focus()")
        never.click(lambda: gr.Row(visible=False), None, new_row, **QUIET)
        gr.on([create.click, name.submit], _create, [visitor, name, stamp],
              [project, run, stamp, new_row, road], **QUIET)
    return demo


def _still_here(demo: gr.Blocks) -> Callable[[gr.Request], Awaitable[None]]:
    """Keep what an open page holds in `gr.State`.

    Gradio counts a session as closed from the first lost connection on, for good, and then drops values an
    hour after they were set, though the page may be open again (a laptop that slept). Values that are set
    anew count as new. A page that was closed no longer asks, and its values go as they should.
    """
    async def still_here(request: gr.Request) -> None:  # async: between two updates, never amid one
        held = demo.state_holder[request.session_hash] if request.session_hash else None
        for component, value, _ in list(held.state_components) if held else ():
            held[component._id] = value
    return still_here


@guarded
def _arrive(visitor: str, project: str, run: str, stamp: int,
            request: gr.Request) -> tuple[str, str, str, int]:
    """Who opens the page meets the project and the run they left, or that of `?run=`."""
    visitor = new_visitor(visitor)
    studio = studio_for(visitor)
    asked = request.query_params.get("run", "") if request else ""
    if asked:
        try:
            found = studio.status(asked).id
            return visitor, found.split("/")[0], found, stamp + 1
        except EngineError as error:
            gr.Warning(html.escape(error.what))
    known = [p.id for p in studio.projects()]
    project = project if project in known else (known[0] if known else "")
    return visitor, project, _run_of(studio, project, run), stamp + 1


def _run_of(studio: Studio, project: str, wanted: str = "") -> str:
    """The run that is wanted if the project has it, else its newest."""
    found = [run.id for run in studio.runs(project)] if project else []
    return wanted if wanted in found else next(iter(found), "")


@guarded
def _head(visitor: str, project: str, run: str, seen: str) -> Any:  # noqa: ANN401 - updates
    """Project list, run list and the state in each tab's label; skips what was sent often enough.

    `seen` is what was sent last, and how often: "" sends all anew.
    """
    studio = studio_for(visitor)
    known = [(p.title, p.id) for p in studio.projects()]
    if project not in [value for _, value in known]:
        project, run = "", ""
    found = [(wording.frame_run(_run_title(r.id), r.state, time.time() - r.started), r.id)
             for r in (studio.runs(project) if project else [])]
    if run not in [value for _, value in found]:
        run = ""  # of another project, or removed meanwhile
    labels = {page: wording.frame_tab(page, state)
              for page, state in _states(studio, project, run).items()}
    now = repr((known, project, run, found, labels))
    before, _, times = seen.rpartition("#")
    again = int(times) + 1 if before == now else 0
    if again > SENT_AGAIN:
        return gr.skip()
    return (gr.Dropdown(choices=known, value=project or None, visible=bool(known)),
            gr.Radio(choices=found, value=run or None, visible=bool(found)),
            gr.HTML(visible=not found), f"{now}#{again}",
            *(gr.Tab(label=labels[page]) for page in PAGES))


def _run_title(run_id: str) -> str:
    """“Quick look” of `example/20250101-101010-quick`."""
    preset = run_id.rpartition("/")[2].split("-")[2:3]
    return {**PRESET_TITLES, "custom": "Own settings"}.get(preset[0] if preset else "", "Run")


def _states(studio: Studio, project: str, run: str) -> dict[str, str]:
    """What each tab's label says after its name."""
    states = dict.fromkeys(PAGES, "")
    if not project:
        return states
    held = studio.project(project)
    # What cannot be read is told on its own page; the way to the others must not be shut by it.
    if held.corpus:
        with suppress(EngineError):
            states["documents"] = f"{studio.receipt(project)['documents']:,}"
        states["instructions"] = f"v{held.template.rpartition('@')[2]}"
    if run:
        state = studio.status(run).state
        states["distil"] = wording.FRAME_STATES.get(state, state)
        if state == "done":
            with suppress(EngineError):
                states["compare"] = _agreement(studio.report(run))
            states["take_home"] = wording.FRAME_READY
    return states


def _agreement(report: dict[str, Any]) -> str:
    value = report.get("agreement")
    share = value.get("value") if isinstance(value, dict) else value
    if not isinstance(share, int | float):
        return ""
    # Short texts are hardly ever the same; they are measured by how alike they are in meaning.
    return f"{wording.percent(share)} {'alike' if report.get('kind') == 'generate' else 'agreement'}"


@guarded
def _see_run(run: str, stamp: int) -> tuple[str, int]:
    return run, stamp + 1


@guarded
def _switch(visitor: str, project: str, stamp: int) -> tuple[str, str, int]:
    return project, _run_of(studio_for(visitor), project), stamp + 1


@guarded
def _create(visitor: str, name: str, stamp: int) -> tuple[Any, ...]:
    made = studio_for(visitor).create_project(name.strip() or wording.FRAME_UNTITLED)
    return made.id, "", stamp + 1, gr.Row(visible=False), gr.Tabs(selected="documents")
