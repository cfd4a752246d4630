"""The Distil page: what it will cost, what a run shows in each of its states."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.errors import SettingsError
from engine.plan import load_plan
from engine.presets import phases_for
from engine.studio import Studio
from tests.ui import made_runs
from ui import planning, progress
from ui.pages import distil
from ui.session import Frame

FORM = planning.Form("qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct", "quick", 0,
                     planning.phase_rows(phases_for("quick")), "forward_kl", 16, 8, 2)


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    """The page in a frame of its own: its handlers by name, and its components by elem_id."""
    with gr.Blocks() as demo:
        stamp, run = gr.State(0), gr.State("")
        frame = Frame(gr.BrowserState(""), gr.BrowserState(""), run, stamp, gr.Tabs())
        built = distil.build(frame)
    handlers = {fn.fn.__name__: fn.fn for fn in demo.fns.values() if fn.fn}
    named = {c.elem_id: c for c in demo.blocks.values() if getattr(c, "elem_id", None)}
    return SimpleNamespace(refresh=built.refresh, handlers=handlers, named=named, stamp=stamp, demo=demo)


def visible(value: Any) -> bool:
    away = "away" in (getattr(value, "elem_classes", None) or ())
    return not away and (value.visible if hasattr(value, "visible") else value["visible"])


def shown(page: SimpleNamespace, project: str, run: str) -> dict[Any, Any]:
    return page.refresh("", project, run, *FORM)


def test_without_documents_the_page_says_where_to_begin(studio: Studio, page: SimpleNamespace) -> None:
    empty = studio.create_project("Empty").id
    for project in ("", empty):
        updates = shown(page, project, "")
        assert not visible(updates[page.named["setup"]]) and not visible(updates[page.named["watch"]])
        assert any("There are no documents yet" in str(getattr(v, "value", v)) for v in updates.values())


def test_each_preset_shows_its_time_for_these_documents(project: str, page: SimpleNamespace) -> None:
    choices = shown(page, project, "")[page.named["run-preset"]].choices
    assert [value for _, value in choices] == ["quick", "balanced", "thorough"]
    assert all("about" in title for title, _ in choices) and choices[0][0].startswith("Quick look")


def test_what_it_will_cost_names_its_basis(project: str, page: SimpleNamespace) -> None:
    card = shown(page, project, "")[page.named["preflight"]]
    assert all(word in card for word in ("Time", "Memory", "Disk", "Money", "nothing", "GB are free"))


def test_a_missing_model_stops_the_start_and_offers_to_fetch_it(
        studio: Studio, project: str, page: SimpleNamespace) -> None:
    absent = next(m for m in studio.models() if "student" in m.roles and not m.installed)
    updates = page.refresh("", project, "", *FORM._replace(student=absent.name))
    assert not updates[page.named["start"]].interactive
    assert f"{absent.title} is not on this machine yet" in updates[page.named["preflight"]]
    with pytest.raises(gr.Error, match="fetch it first"):
        page.handlers["start"]("", project, 0, *FORM._replace(student=absent.name))
    assert studio.runs(project) == []


@pytest.mark.parametrize("preset", ["quick", "balanced", "thorough"])
@pytest.mark.parametrize("question", ["hazard", "disaster-messages", "figures", "summary"])
def test_whatever_stands_in_the_way_of_a_start_can_be_fetched(
        studio: Studio, project: str, preset: str, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the preflight calls missing and what the page offers to fetch are the same models."""
    studio.use_preset(project, question)
    for folder in studio.workspace.models.iterdir():
        folder.unlink()  # links to what is installed
    plan = studio.draft_plan(project, preset)
    offered = planning.missing_models(studio, plan, studio.models())
    problems = studio.preflight(plan).problems
    said = {m.title for m in studio.models() if f"{m.title} is not on this machine" in " ".join(problems)}
    assert said == {m.title for m in offered} and len(offered) >= 2
    needs_encoder = question == "summary" or (question == "hazard" and preset != "quick")
    assert not needs_encoder or any(m.roles == ("encoder",) for m in offered)


@pytest.mark.parametrize(("choices", "field"), [(planning.teacher_choices, "teacher"),
                                                (planning.student_choices, "student")])
def test_a_model_in_use_stays_in_the_list_when_it_is_no_longer_here(
        studio: Studio, project: str, page: SimpleNamespace, choices: Any, field: str) -> None:
    found = choices(studio.models(), "gone-model")
    assert found[-1] == ("gone-model (no longer here)", "gone-model")
    assert [value for _, value in found].count("gone-model") == 1
    known = found[0][1]
    assert [value for _, value in choices(studio.models(), known, known)].count(known) == 1
    assert "" not in [value for _, value in choices(studio.models(), "")]
    if field == "teacher":
        studio.change(project, teacher="gone-model")
    updates = page.refresh("", project, "", *FORM._replace(**{field: "gone-model"}))
    shown = updates[page.named[f"run-{field}"]]
    assert shown.value == "gone-model" and "gone-model" in [value for _, value in shown.choices]
    assert not updates[page.named["start"]].interactive


def test_the_command_above_start_runs_the_plan_of_the_form(
        studio: Studio, project: str, page: SimpleNamespace) -> None:
    updates = page.refresh("", project, "", *FORM._replace(seed=7, rank=4))
    kept = Path(shlex.split(updates[page.named["command"]].value)[-1])
    page.refresh("", project, "", *FORM)  # another tab: the command that was copied means what it meant
    plan = load_plan(kept)
    assert (plan.seed, plan.student.rank, plan.student.alpha, plan.preset) == (7, 4, 8, "quick")


def test_a_run_that_this_version_cannot_read_leaves_the_way_to_a_new_one(
        studio: Studio, project: str, page: SimpleNamespace) -> None:
    run = made_runs.finished(studio, project)
    plan = planning.run_folder(studio, run) / "plan.yaml"
    plan.write_text(plan.read_text(encoding="utf-8") + "of_tomorrow: 1\n", encoding="utf-8")
    updates = page.refresh("", project, run, *FORM)
    said = [v for v in updates.values() if isinstance(v, str) and "notice-problem" in v]
    assert len(said) == 1 and "of_tomorrow" in said[0]
    assert any(isinstance(v, gr.Accordion) and v.open for v in updates.values())


@pytest.mark.parametrize(("question", "rows"), [
    ("disaster-messages", phases_for("quick", "multi_label")),
    ("figures", phases_for("quick", "extract", tokens=False))])
def test_the_table_of_phases_follows_the_kind_of_the_question_until_a_number_is_changed(
        studio: Studio, project: str, page: SimpleNamespace, question: str, rows: Any) -> None:
    studio.use_preset(project, question)
    updates = page.refresh("", project, "", *FORM)
    shown = updates[page.named["phases"]]
    assert shown == planning.phase_rows(rows) and not updates[page.named["adapt"]].visible
    own = [[*shown[0][:1], 9.0, *shown[0][2:]], *shown[1:]]
    updates = page.refresh("", project, "", *FORM._replace(phases=own))
    assert page.named["phases"] not in updates
    plan = load_plan(Path(shlex.split(updates[page.named["command"]].value)[-1]))
    assert plan.phases[0].passes == 9 and plan.task.kind == studio.task(project).kind
    assert not any(phase.ask_again for phase in plan.phases)


def test_a_wider_small_model_learns_in_smaller_steps_and_the_table_shows_them(
        studio: Studio, project: str, page: SimpleNamespace) -> None:
    wide = "qwen2.5-coder-0.5b-instruct"
    here = studio.workspace.models / wide
    here.unlink(missing_ok=True)  # a link to the installed one
    here.mkdir()
    (here / "config.json").write_text('{"hidden_size": 896}')
    shown = page.refresh("", project, "", *FORM._replace(student=wide))[page.named["phases"]]
    assert [row[2] for row in shown] == [row[2] / 2 for row in FORM.phases]
    plan = planning.plan_from(studio, project, FORM._replace(student=wide, phases=shown))
    assert plan.preset == "quick"
    back = page.refresh("", project, "", *FORM._replace(phases=shown))[page.named["phases"]]
    assert back == FORM.phases


@pytest.mark.parametrize("change", [
    {"phases": [["Foundations", "many", 1, 1, 1, 1]] * 3}, {"phases": [["Foundations", 1, 1, 1, 1, 1]]},
    {"seed": None}, {"seed": 1.5}, {"rank": 0}, {"batch_size": 4000}])
def test_a_value_that_does_not_fit_is_refused_in_words(
        studio: Studio, project: str, page: SimpleNamespace, change: dict[str, Any]) -> None:
    form = FORM._replace(**change)
    with pytest.raises(SettingsError):
        planning.plan_from(studio, project, form)
    updates = page.refresh("", project, "", *form)
    assert "That did not work" in updates[page.named["preflight"]]
    assert not updates[page.named["start"]].interactive


@pytest.mark.parametrize(("change", "said"), [
    ({"seed": -1}, ["“Seed” has to be a whole number, at least 0"]),
    ({"seed": 2**31}, ["at most 2,147,483,647"]),
    ({"rank": 0}, ["“Size of what is trained” has to be a whole number, at least 1 and at most 256"]),
    ({"rank": 257}, ["“Size of what is trained”"]), ({"rank": None}, ["“Size of what is trained”"]),
    ({"batch_size": 1.5}, ["“Documents per step” has to be a whole number, at least 1 and at most 512"]),
    ({"orders": 9, "rank": 0, "batch_size": 0, "seed": None}, [
        "“Times each document is asked” has to be a whole number, at least 1 and at most 8",
        "“Size of what is trained”", "“Documents per step”", "“Seed”"]),
    ({"phases": [[*FORM.phases[0][:1], 0, *FORM.phases[0][2:]], FORM.phases[1], [*FORM.phases[2][:5], 11]]},
     ["“Foundations: passes” has to be a number, above 0 and at most 50", "“Hard cases: softness”"])])
def test_numbers_that_do_not_fit_are_named_as_the_form_names_them_all_at_once(
        project: str, page: SimpleNamespace, change: dict[str, Any], said: list[str]) -> None:
    boxes = {"seed": "run-seed", "rank": "run-rank", "batch_size": "run-batch", "orders": "run-orders"}
    for name in boxes.keys() & change:  # Gradio passes it on as it is, and raises nothing of its own
        assert page.named[boxes[name]].preprocess(change[name]) == change[name]
    updates = page.refresh("", project, "", *FORM._replace(**change))
    assert all(words in updates[page.named["preflight"]] for words in said)
    assert "plan" not in updates[page.named["preflight"]]
    assert not updates[page.named["start"]].interactive
    with pytest.raises(gr.Error, match=said[0].partition(" ")[0]):
        page.handlers["start"]("", project, 0, *FORM._replace(**change))


@pytest.mark.parametrize("preset", ["quick", "balanced", "thorough"])
@pytest.mark.parametrize("teacher", ["qwen2.5-coder-1.5b-instruct", "recorded:teacher"])
def test_the_studio_offers_to_find_how_to_ask_only_where_it_would(
        studio: Studio, project: str, page: SimpleNamespace, preset: str, teacher: str) -> None:
    studio.change(project, teacher=teacher)
    form = FORM._replace(teacher=teacher, preset=preset)
    would = bool(studio.draft_plan(project, preset, teacher=teacher).ask.candidates)
    for wanted in (True, False):
        box = page.refresh("", project, "", *form._replace(adapt=wanted))[page.named["adapt"]]
        assert (box.value, box.interactive) == (would and wanted, would)
        assert ("Not " in box.info and "Tries other" not in box.info) == (not would)


@pytest.mark.parametrize(("preset", "teacher", "orders"), [
    ("quick", "qwen2.5-coder-1.5b-instruct", 1), ("balanced", "qwen2.5-coder-1.5b-instruct", 2),
    ("quick", "recorded:teacher", 2)])
def test_how_often_each_is_asked_follows_the_preset_until_it_is_changed_by_hand(
        studio: Studio, project: str, page: SimpleNamespace, preset: str, teacher: str, orders: int) -> None:
    studio.change(project, teacher=teacher)
    form = FORM._replace(teacher=teacher, preset=preset)
    for before in (1, 2):
        followed = form._replace(orders=before, usual_orders=before)
        assert page.refresh("", project, "", *followed)[page.named["run-orders"]].value == orders
        assert planning.plan_from(studio, project, followed).ask.orders == orders
    by_hand = form._replace(orders=3, usual_orders=2)
    assert "value" not in page.refresh("", project, "", *by_hand)[page.named["run-orders"]].constructor_args
    assert planning.plan_from(studio, project, by_hand).ask.orders == 3


def test_instructions_that_are_gone_do_not_take_the_run_from_sight(
        studio: Studio, project: str, page: SimpleNamespace) -> None:
    run = made_runs.lost(studio, project)
    path = studio.workspace.project(project).path / "project.json"
    path.write_text(path.read_text().replace(studio.project(project).template, "gone@7"))
    updates = shown(page, project, run)
    assert visible(updates[page.named["watch"]])
    assert "Time" in updates[page.named["preflight"]]  # others of their kind stand in for them


def test_a_lent_card_declines_training(project: str, page: SimpleNamespace,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    updates = shown(page, project, "")
    assert "a minute at a time" in updates[page.named["preflight"]]
    assert not updates[page.named["start"]].interactive
    with pytest.raises(gr.Error, match="cannot run here"):
        page.handlers["start"]("", project, 0, *FORM)


def test_a_failed_run_says_what_safe_and_fix(studio: Studio, project: str, page: SimpleNamespace) -> None:
    run = made_runs.failed(studio, project)
    updates = shown(page, project, run)
    card = next(v for v in updates.values() if isinstance(v, str) and "notice-problem" in v)
    for line in ("The disk is full", "What was finished before is kept.", "press Resume"):
        assert line in card
    assert "<details" in card and "worker.log" in card
    assert "Traceback" not in card


@pytest.mark.parametrize(("make", "offered"), [
    (made_runs.failed, {"resume", "cancel"}), (made_runs.lost, {"resume", "cancel"}),
    (made_runs.finished, set())])
def test_buttons_follow_the_state_of_the_run(studio: Studio, project: str, page: SimpleNamespace,
                                             make: Any, offered: set[str]) -> None:
    updates = shown(page, project, make(studio, project))
    buttons = {kind: page.named[f"run-{kind}"].parent for kind in ("pause", "stop", "resume", "cancel")}
    assert {kind for kind, column in buttons.items() if visible(updates[column])} == offered
    assert visible(updates[page.named["to-compare"]]) == (not offered)


def test_cancelling_a_lost_run_keeps_the_way_back(studio: Studio, project: str,
                                                  page: SimpleNamespace) -> None:
    run = made_runs.lost(studio, project)
    handle = next(fn.fn for fn in page.demo.fns.values()
                  if fn.targets and fn.targets[0][0] == page.named["run-cancel"]._id)
    assert handle("", project, run, 4)[page.stamp] == 5
    assert studio.status(run).state == "cancelled" and "resume" in studio.status(run).can
    line = progress.status_line(studio.status(run))
    assert line.count("Cancelled") == 1 and "kept for the next run" in line
    assert "stopped here" in progress.timeline(studio.status(run), studio.plan(run))


@pytest.mark.parametrize(("kind", "said"), [("pause", "Pausing"), ("stop", "Stopping"),
                                            ("cancel", "Cancelling")])
def test_a_button_is_answered_at_once_in_the_line_of_status(
        studio: Studio, project: str, page: SimpleNamespace, kind: str, said: str) -> None:
    run = made_runs.training(studio, project)
    assert "nearly there" in progress.status_line(studio.status(run))
    handle = next(fn.fn for fn in page.demo.fns.values()
                  if fn.targets and fn.targets[0][0] == page.named[f"run-{kind}"]._id)
    line = handle("", project, run, 4)[page.named["status"]]
    assert f"<b>{said}:</b>" in line and "Running" not in line
    assert " left" not in line and "nearly there" not in line and "progressbar" not in line
    steps = progress.timeline(studio.status(run), studio.plan(run))
    assert steps.count("Not reached") == (1 if kind == "stop" else 0)


def test_a_tick_with_nothing_new_touches_only_the_line(studio: Studio, project: str,
                                                       page: SimpleNamespace) -> None:
    run = made_runs.failed(studio, project)
    first = shown(page, project, run)
    seen = next(v for v in first.values() if isinstance(v, str) and v.startswith(f"{run}|"))
    again = page.handlers["tick"]("", project, run, 0, seen, *FORM)
    assert page.named["status"] in again and page.named["timeline"] not in again
    before = page.handlers["tick"]("", project, run, 0, seen.replace("failed", "running"), *FORM)
    assert page.named["timeline"] in before and before[page.stamp] == 1


def test_plots_are_drawn_anew_some_fifty_times_a_run_not_at_every_step() -> None:
    def seen(steps: int, looks: int) -> str:
        events = [{"kind": "step"}] * steps + [{"kind": "gate"}] * looks
        return distil._seen(SimpleNamespace(id="p/r", state="running", events=events), False)
    assert seen(3, 0) != seen(4, 0)  # at first every step
    assert seen(700, 1) != seen(700, 2)  # every look
    assert 40 < len({seen(n, 0) for n in range(800, 1600)}) < 70
    counts = [int(seen(n, 0).rpartition("|")[2]) for n in range(2000)]
    assert counts == sorted(counts)  # so that steps and looks together never seem nothing new


def test_after_a_resume_the_page_keeps_watching(studio: Studio, project: str,
                                                page: SimpleNamespace) -> None:
    run = made_runs.failed(studio, project)
    folder = planning.run_folder(studio, run)
    made_runs.RunFolder(folder).event_log.write("launched", command="…")
    timers = [v for v in shown(page, project, run).values() if isinstance(v, gr.Timer)]
    assert [timer.active for timer in timers] == [True]


def test_every_event_is_private(page: SimpleNamespace) -> None:
    assert page.demo.fns and all(fn.api_visibility == "private" for fn in page.demo.fns.values())
