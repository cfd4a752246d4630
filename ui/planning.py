"""From the form of the Distil page to a plan, and what the cards around it say, as HTML.

Does not: start anything.
"""

from __future__ import annotations

import hashlib
import math
import operator
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import list2cmdline
from typing import Any, NamedTuple

from engine.errors import SettingsError
from engine.phase_plan import PhasePlan
from engine.plan import (
    PRESET_TITLES,
    STUDENT_PROMPTS,
    AskPlan,
    DistillPlan,
    StudentPlan,
    parse_plan,
    save_plan,
)
from engine.presets import RATE_SHARES, phases_for
from engine.studio import ADAPTS, ModelView, Preflight, Studio, find_card, teacher_kind
from ui import wording_run as words
from ui.guard import notice
from ui.progress import says
from ui.session import is_public, is_zero_gpu, studio_for

ROOT = Path(__file__).resolve().parent.parent
MOST_DRAFTS = 100  # plans kept for commands that were shown
WHOLE = {"seed": (DistillPlan, words.DISTIL_SEED), "rank": (StudentPlan, words.DISTIL_RANK),
         "batch_size": (DistillPlan, words.DISTIL_BATCH), "orders": (AskPlan, words.DISTIL_ORDERS)}
"""Number boxes of the form: where the plan keeps each, and what it is called."""
COLUMNS = ("passes", "learning_rate", "outputs", "representations", "temperature")
"""Of the table of phases, after its title."""
BOUNDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}


class Form(NamedTuple):
    """Values of the form, in the order of its components.

    `phases` is a table of rows; `adapt` is what the user wants, also where the box shows that it cannot be;
    `usual_orders` is what the box of orders was last set to: while it holds that, it follows the preset.
    """

    teacher: str
    student: str
    preset: str
    seed: float
    phases: Any
    output_loss: str
    rank: float
    batch_size: float
    orders: float
    adapt: bool = True
    usual_orders: float = 2


def phase_rows(phases: Sequence[PhasePlan]) -> list[list[Any]]:
    """The phases as rows of the table under *Advanced*."""
    return [[p.title, p.passes, p.learning_rate, p.outputs, p.representations, p.temperature]
            for p in phases]


def usual_rows(form: Form, draft: DistillPlan) -> list[list[Any]] | None:
    """The table's rows, as drafted for this question and these models; None where a number was changed."""
    def plain(rows: Any) -> list[list[Any]]:  # noqa: ANN401 - a table
        return [list(row) for row in (rows.values.tolist() if hasattr(rows, "values") else rows or [])]
    known = [plain(phase_rows(phases_for(form.preset, kind, tokens=tokens, rate=rate, reads=reads)))
             for kind in STUDENT_PROMPTS for tokens in (True, False) for rate in RATE_SHARES
             for reads in (True, False)]
    if plain(form.phases) not in known:
        return None
    return plain(phase_rows(draft.phases))


def phases_from(rows: Any, drafted: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: ANN401
    """The drafted phases with what was edited in the table, as plain values.

    A weight of outputs is taken over only where the draft has one: without shared tokens there is nothing to
    weigh.

    Raises:
        SettingsError: a row was added or taken away, or a cell is not a number, or is one that does not fit.
    """
    known, wrong = [dict(phase) for phase in drafted], list[str]()
    cells = rows.values.tolist() if hasattr(rows, "values") else list(rows or [])
    try:
        for phase, row in zip(known, cells, strict=True):
            numbers = [float(cell) for cell in row[1:6]]
            edited = dict(zip(COLUMNS, numbers, strict=True))
            wrong += [words.distil_no_fit(words.distil_cell(phase["title"], COLUMNS.index(name)),
                                          _bounds(PhasePlan, name), whole=False)
                      for name, value in edited.items() if not _fits(PhasePlan, name, value)]
            fixed = [name for name in ("outputs", "representations") if phase["text"] > 0 and not phase[name]]
            phase.update({name: value for name, value in edited.items() if name not in fixed})
    except (TypeError, ValueError) as error:
        raise SettingsError(words.DISTIL_BAD_PHASES, words.DISTIL_BAD_PHASES_FIX) from error
    if wrong:
        raise SettingsError(" ".join(wrong), words.DISTIL_BAD_PHASES_FIX)
    return known


def plan_from(studio: Studio, project: str, form: Form) -> DistillPlan:
    """The plan of the form.

    Raises:
        SettingsError: every value that does not fit, in the words of the form.
    """
    draft = studio.draft_plan(project, form.preset, teacher=form.teacher, student=form.student)
    # Where no category is chosen the box is hidden, and could not be mended.
    if draft.task.kind != "single_label" or form.orders == form.usual_orders:
        form = form._replace(orders=draft.ask.orders)
    whole = _whole_numbers(form)
    raw = draft.model_dump()
    standard = raw["phases"]
    raw["phases"] = phases_from(form.phases, raw["phases"])
    if list(raw["phases"]) != list(standard):
        raw["preset"] = "custom"
    raw["student"] |= {"rank": whole["rank"], "alpha": 2 * whole["rank"]}
    raw["ask"] |= {"orders": whole["orders"]} | ({} if form.adapt else {"candidates": ()})
    raw |= {"seed": whole["seed"], "batch_size": whole["batch_size"],
            "micro_batch": min(raw["micro_batch"], whole["batch_size"]),
            "output_loss": form.output_loss}
    return parse_plan(raw)


def _whole_numbers(form: Form) -> dict[str, int]:
    """What the number boxes hold. Gradio checks nothing: it would name no box."""
    wrong = [words.distil_no_fit(title, _bounds(owner, name), whole=True)
             for name, (owner, title) in WHOLE.items()
             if (value := getattr(form, name)) is None or value % 1 or not _fits(owner, name, value)]
    if wrong:
        raise SettingsError(" ".join(wrong), words.DISTIL_NO_FIT_FIX)
    return {name: int(getattr(form, name)) for name in WHOLE}


def _bounds(owner: type[DistillPlan | StudentPlan | AskPlan | PhasePlan], name: str) -> dict[str, float]:
    """Between what the plan wants a number: by gt, ge, lt and le."""
    return {bound: getattr(rule, bound) for rule in owner.model_fields[name].metadata
            for bound in BOUNDS if hasattr(rule, bound)}


def _fits(owner: type[DistillPlan | StudentPlan | AskPlan | PhasePlan], name: str, value: float) -> bool:
    return math.isfinite(value) and all(
        BOUNDS[bound](value, limit) for bound, limit in _bounds(owner, name).items())


def adapts_not(form: Form) -> str:
    """Why the studio does not look for a way to ask with these choices; "" where it can."""
    if teacher_kind(form.teacher) == "recorded":
        return words.DISTIL_ADAPT_RECORDED
    return "" if form.preset in ADAPTS else words.DISTIL_ADAPT_QUICK


def known_models() -> list[ModelView]:
    """The catalogue and what is installed on this machine, for any visitor."""
    return studio_for("0" * 32).models()  # models are shared: any visitor will do


def teacher_choices(models: Sequence[ModelView], *known: str) -> list[tuple[str, str]]:
    """Large models to choose from; `known`: those in use, and a recording where the project has one."""
    found = [(_named(m), m.name) for m in models if "teacher" in m.roles]
    recorded = [name for name in dict.fromkeys(known) if teacher_kind(name) == "recorded"]
    return _with([*((words.DISTIL_RECORDED, name) for name in recorded), *found], *known)


def student_choices(models: Sequence[ModelView], *known: str) -> list[tuple[str, str]]:
    """Small models to choose from; encoders last: they choose categories and cannot write."""
    found = [m for m in models if "student" in m.roles]
    encoders = [m for m in models if m.roles == ("encoder",)]
    return _with([(_named(m), m.name) for m in (*found, *encoders)], *known)


def _with(choices: list[tuple[str, str]], *known: str) -> list[tuple[str, str]]:
    """Also what is in use and no longer listed: Gradio refuses every event that sends such a value."""
    listed = {value for _, value in choices}
    gone = [name for name in dict.fromkeys(known) if name and name not in listed]
    return [*choices, *((words.distil_gone(name), name) for name in gone)]


def _named(model: ModelView) -> str:
    return model.title if model.installed else words.distil_not_here(model.title)


def preset_choices(studio: Studio, project: str, form: Form) -> list[tuple[str, str]]:
    """The three presets, each with its time for these documents on this machine."""
    choices = []
    for preset, title in PRESET_TITLES.items():
        plan = studio.draft_plan(project, preset, teacher=form.teacher, student=form.student)
        choices.append((words.distil_choice(title, studio.preflight(plan).time.words), preset))
    return choices


def model_words(name: str, models: Sequence[ModelView], basis: str = "") -> str:
    """What a model is, where it runs, what leaves the machine."""
    stays = words.DISTIL_STAYS_PUBLIC if is_public() else words.DISTIL_STAYS
    if teacher_kind(name) == "recorded":
        card = find_card(basis)
        lines = [words.distil_recorded(card.title if card else words.DISTIL_LARGE)]
        return _lines([*lines, stays])
    model = next((m for m in models if m.name == name), None)
    if model is None:
        return _lines([stays])
    size = words.distil_size(model.parameters, model.ram_gb, model.licence)
    missing = [] if model.installed else [words.distil_missing(model.disk_gb)]
    return _lines([model.note, size, f"{words.DISTIL_LOCAL} {stays}", *missing])


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"<p>{says(line)}</p>" for line in lines if line)


def missing_models(studio: Studio, plan: DistillPlan, models: Sequence[ModelView]) -> list[ModelView]:
    """Models this plan needs that are not on this machine and can be fetched."""
    needed = studio.needed_models(plan)
    return [m for m in models if m.name in needed and not m.installed]


def preflight_card(pre: Preflight, missing: Sequence[ModelView], busy: bool) -> str:
    """Time, memory, disk and money, each with its basis; and what stands in the way."""
    rows = "".join(
        f"<tr><th scope='row'>{says(words.DISTIL_NEEDS[key])}</th>"
        f"<td><b>{says(getattr(pre, key).words)}</b></td>"
        f"<td class='quiet'>{says(getattr(pre, key).basis)}</td></tr>"
        for key in words.DISTIL_NEEDS)
    table = f'<h3>{says(words.DISTIL_PREFLIGHT)}</h3><table class="plain rows">{rows}</table>'
    notes = []
    if is_zero_gpu():
        notes.append(notice("warning", words.DISTIL_ZERO, words.DISTIL_ZERO_FIX))
    if pre.problems:
        notes.append(notice("warning", words.DISTIL_PROBLEMS, *pre.problems))
    cautions = {m.caution for m in missing if m.caution}
    notes += [f'<p class="quiet">{says(words.distil_caution(text))}</p>' for text in sorted(cautions)]
    if busy:
        notes.append(notice("note", words.DISTIL_BUSY))
    return table + "".join(notes)


def command(*parts: str) -> str:
    """A command line that works as it stands, in any folder; empty where there is no terminal.

    It names this program's own Python and folder, and the workspace where that is not the usual one.
    """
    if is_public():
        return ""
    settings = {"PYTHONPATH": str(ROOT)}
    if home := os.environ.get("ANON_HOME"):
        settings["ANON_HOME"] = home
    called = [sys.executable, "-m", "engine", *parts]
    if os.name == "nt":
        return "".join(f'set "{name}={value}" && ' for name, value in settings.items()) + list2cmdline(called)
    given = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    return " ".join([*given, shlex.join(called)])


def keep_draft(studio: Studio, project: str, plan: DistillPlan) -> Path:
    """Keep the plan of a form, so that the command above Start works as it stands, and give its file.

    It is named by its content: the command somebody copied still means the plan it stood beside.
    """
    drafts = studio.workspace.project(project).path / "drafts"
    path = drafts / f"{hashlib.sha256(plan.model_dump_json().encode()).hexdigest()[:12]}.yaml"
    if not path.exists():
        save_plan(path, plan)
        for old in sorted(drafts.glob("*.yaml"), key=os.path.getmtime)[:-MOST_DRAFTS]:
            old.unlink(missing_ok=True)
    return path


def run_folder(studio: Studio, run: str) -> Path:
    """The folder of a run, to be named in a command."""
    project, _, name = run.rpartition("/")
    return studio.workspace.project(project).runs / name


def log_path(studio: Studio, run: str) -> str:
    """Where a run's worker wrote down everything; "" where visitors cannot look."""
    return "" if is_public() else str(run_folder(studio, run) / "worker.log")
