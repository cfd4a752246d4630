"""The components of the Distil page: the form before a run, and what watches one. No handlers here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.plan import DEFAULT_STUDENT, EXAMPLE_TEACHER, PRESET_TITLES
from engine.presets import phases_for
from ui import curves, planning, progress, wording
from ui import wording_run as words

# Each look costs the browser some .3 s of one core, which a laptop takes from the training.
TICK_S = 3.0
KINDS = ("pause", "stop", "resume", "cancel")


@dataclass(frozen=True, slots=True)
class Setup:
    """Components of the form before a run."""

    empty: gr.HTML
    body: gr.Accordion
    form: planning.Form
    large: gr.HTML
    small: gr.HTML
    before: gr.HTML
    fetch: gr.Row
    hub: gr.Button
    index: gr.Button
    fetching: gr.HTML
    start: gr.Button
    same: gr.Textbox
    adapt: gr.Checkbox  # what it shows; the form holds what the user wants where it can be had

    @property
    def all(self) -> list[Any]:
        """Every component, as outputs."""
        return [self.empty, self.body, *self.form, self.large, self.small, self.before, self.fetch,
                self.index, self.fetching, self.start, self.same, self.adapt]


@dataclass(frozen=True, slots=True)
class Watch:
    """Components that show one run."""

    body: gr.Column
    status: gr.HTML
    failure: gr.HTML
    steps: gr.HTML
    reading: gr.HTML
    plots: gr.Column
    looks: gr.Column
    key: gr.HTML
    mistakes: gr.LinePlot
    agreement: gr.LinePlot
    why: gr.HTML
    buttons: dict[str, gr.Button]
    keeps: dict[str, gr.Column]
    compare: gr.Button
    same: gr.Textbox
    timer: gr.Timer
    shown: gr.State

    @property
    def all(self) -> list[Any]:
        """Every component, as outputs."""
        return [self.body, self.status, self.failure, self.steps, self.reading, self.plots,
                self.looks, self.key, self.mistakes, self.agreement, self.why, *self.buttons.values(),
                *self.keeps.values(), self.compare, self.same, self.timer, self.shown]


def setup_part(empty: gr.HTML) -> Setup:
    """The form: three cards, what it will cost, Start."""
    # Choices from the start: Gradio refuses a value that a session's component does not list.
    models = planning.known_models()
    large_ones = planning.teacher_choices(models, EXAMPLE_TEACHER)
    small_ones = planning.student_choices(models)
    with gr.Accordion(words.DISTIL_SETUP, open=True, visible=False, elem_id="setup") as body:
        gr.HTML(f'<p class="lede">{progress.says(words.DISTIL_LEDE)}</p>')
        with gr.Row(elem_classes="cards"):
            with gr.Column(elem_classes="card", min_width=270):
                teacher = gr.Dropdown(large_ones, value=None, label=words.DISTIL_LARGE,
                                      info=words.DISTIL_LARGE_INFO, elem_id="run-teacher",
                                      elem_classes="bare")
                large = gr.HTML(elem_classes="about")
            with gr.Column(elem_classes="card", min_width=270):
                student = gr.Dropdown(small_ones, value=DEFAULT_STUDENT, label=words.DISTIL_SMALL,
                                      info=words.DISTIL_SMALL_INFO, elem_id="run-student",
                                      elem_classes="bare")
                small = gr.HTML(elem_classes="about")
            with gr.Column(elem_classes="card", min_width=270):
                preset = gr.Radio([(title, name) for name, title in PRESET_TITLES.items()],
                                  value="quick", label=words.DISTIL_HOW,
                                  info=words.DISTIL_HOW_INFO, elem_id="run-preset", elem_classes="bare")
        with gr.Accordion(wording.FRAME_ADVANCED, open=False):
            phases = gr.Dataframe(planning.phase_rows(phases_for("quick")), interactive=True,
                                  headers=list(words.DISTIL_PHASE_COLUMNS), type="array",
                                  datatype=["str", *["number"] * 5], static_columns=[0],
                                  column_count=6, row_count=3,
                                  label=words.DISTIL_PHASES, buttons=[], elem_id="phases")
            gr.HTML(f'<p class="quiet">{progress.says(words.DISTIL_PHASES_INFO)}</p>')
            loss = gr.Dropdown([(title, name) for name, title in words.DISTIL_LOSSES.items()],
                               value="forward_kl", label=words.DISTIL_LOSS,
                               info=words.DISTIL_LOSS_INFO)
            with gr.Row():
                # No bounds here: Gradio refuses the whole event, names no box and rounds in silence.
                seed = gr.Number(0, label=words.DISTIL_SEED, info=words.DISTIL_SEED_INFO,
                                 min_width=150, elem_id="run-seed")
                rank = gr.Number(16, label=words.DISTIL_RANK, info=words.DISTIL_RANK_INFO,
                                 min_width=150, elem_id="run-rank")
                batch = gr.Number(8, label=words.DISTIL_BATCH, info=words.DISTIL_BATCH_INFO,
                                  min_width=150, elem_id="run-batch")
                orders = gr.Number(2, label=words.DISTIL_ORDERS, info=words.DISTIL_ORDERS_INFO,
                                   min_width=150, elem_id="run-orders")
            adapt = gr.Checkbox(value=False, label=words.DISTIL_ADAPT, info=words.DISTIL_ADAPT_QUICK,
                                interactive=False, elem_id="adapt")
        before = gr.HTML(elem_id="preflight")
        with gr.Row(visible=False) as fetch:
            hub = gr.Button(words.DISTIL_FETCH, min_width=160, elem_id="fetch")
            index = gr.Button(words.DISTIL_FETCH_INDEX, visible=False, min_width=160,
                              elem_id="fetch-index")
        fetching = gr.HTML()
        start = gr.Button(words.DISTIL_START, variant="primary", elem_id="start")
        same = gr.Textbox(label=words.DISTIL_COMMAND, interactive=False, buttons=["copy"], elem_id="command",
                          visible=False, max_lines=3, elem_classes="command")
    form = planning.Form(teacher, student, preset, seed, phases, loss, rank, batch, orders,
                         gr.State(True), gr.State(2))
    return Setup(empty, body, form, large, small, before, fetch, hub, index, fetching, start, same, adapt)


def watch_part() -> Watch:
    """One run: status line, buttons, timeline, plots, reasons."""
    with gr.Column(visible=False, elem_id="watch") as body:
        status = gr.HTML(elem_id="status")
        failure = gr.HTML()
        buttons, keeps = {}, {}
        with gr.Row(elem_classes="controls"):
            for kind in KINDS:
                with gr.Column(visible=False, min_width=200) as keeps[kind]:
                    buttons[kind] = gr.Button(getattr(words, f"DISTIL_{kind.upper()}"),
                                              elem_id=f"run-{kind}", size="md",
                                              variant="primary" if kind == "resume" else "secondary")
                    gr.HTML(f'<p class="quiet">{progress.says(words.DISTIL_KEEPS[kind])}</p>')
            compare = gr.Button(words.DISTIL_COMPARE, variant="primary", visible=False,
                                elem_id="to-compare")
        with gr.Row():
            with gr.Column(min_width=320, scale=2):
                steps = gr.HTML(elem_id="timeline")
            with gr.Column(min_width=320, scale=3):
                reading = gr.HTML(elem_id="reading")
                with gr.Column(visible=False) as plots:
                    gr.HTML(f"<h3>{progress.says(words.DISTIL_MISTAKES)}</h3>")
                    key = gr.HTML()  # beside the plot: its own would be cut off on a phone
                    mistakes = gr.LinePlot(
                        x=curves.MISTAKES[0], y=curves.MISTAKES[1], color=curves.MISTAKES[2],
                        colors_in_legend=[], height=250,
                        x_title=words.DISTIL_STEP, y_title=words.DISTIL_MISTAKES_AXIS,
                        show_label=False, elem_id="plot-mistakes")
                with gr.Column(visible=False) as looks:
                    gr.HTML(f"<h3>{progress.says(words.DISTIL_AGREEMENT)}</h3>")
                    agreement = gr.LinePlot(
                        x=curves.AGREEMENT[0], y=curves.AGREEMENT[1], color=curves.AGREEMENT[2],
                        colors_in_legend=[], height=250,
                        x_title=words.DISTIL_STEP, y_title=words.DISTIL_AGREEMENT_AXIS,
                        y_lim=[0, 100], show_label=False, elem_id="plot-agreement")
        with gr.Accordion(words.DISTIL_WHY, open=False):
            why = gr.HTML(elem_id="why")
            same = gr.Textbox(label=words.DISTIL_COMMAND_RUN, interactive=False, buttons=["copy"],
                              visible=False, max_lines=3, elem_classes="command")
        timer, shown = gr.Timer(TICK_S, active=False), gr.State("")
    return Watch(body, status, failure, steps, reading, plots, looks, key, mistakes, agreement, why,
                 buttons, keeps, compare, same, timer, shown)
