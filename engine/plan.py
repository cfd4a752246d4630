"""The one closed configuration of a run: what is asked of whom, what is trained how. Torch-free.

A plan is the first file in a run folder and explains the run by itself: the task and the instructions
are inside, in full. Unknown keys are refused by name.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from engine.errors import SettingsError
from engine.losses.needs import FEWEST_TOGETHER, OutputLossName, RepresentationLossName, needs
from engine.phase_plan import PhasePlan, phase_problems
from engine.prompts.linting import lint
from engine.prompts.template import Template, student_text
from engine.tasks.definition import Task, TaskKind
from engine.teachers.protocol import GIVES, teacher_kind
from engine.workspace import as_yaml, write_text

Preset = Literal["quick", "balanced", "thorough"]
PRESET_TITLES: dict[Preset, str] = {"quick": "Quick look", "balanced": "Balanced",
                                    "thorough": "Thorough"}
EXAMPLE_TEACHER = "recorded:teacher"
DEFAULT_TEACHER = "qwen2.5-coder-1.5b-instruct"
DEFAULT_STUDENT = "smollm2-135m-instruct"
ENCODER = "all-minilm-l6-v2"
TURNED_ROUND = 48  # documents asked in a second order where all are asked in one
STUDENT_PROMPTS: dict[TaskKind, str] = {
    "single_label": "{{ document }}\n\nThis message is about:",
    "multi_label": "{{ document }}\n\nThis message is about:",
    "extract": "{{ document }}\n\nFacts as JSON:\n",
    "generate": "{{ document }}\n\nIn one line:",
}
"""What a small model reads, by the kind of the question: short, and ending where its answer begins."""


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskPlan(_Closed):
    """How the large model is asked, and asked again."""

    teacher: str = Field(DEFAULT_TEACHER, description="A model's name, or recorded:<name>.")
    template: Template
    orders: int = Field(2, ge=1, le=8, description="Option orders each document is asked in; with 1 some "
                        "are asked in a second.")
    again_template: Template | None = Field(None, description="Instructions for asking again.")
    again_orders: int = Field(1, ge=1, le=8, description="When asking again; two at least.")
    again_share: float = Field(0.3, ge=0, le=1, description="Largest share of learn asked again.")
    max_chars: int = Field(1200, ge=50, le=20_000, description="Characters of a document shown.")
    candidates: tuple[Template, ...] = Field(
        (), max_length=12,
        description="Other instructions to try; the best are found without labels.")
    budget: float = Field(3.0, ge=1, le=20, description="Tokens the large model may read, in multiples of "
                          "asking every document once; with candidates only.")
    most_asks: int = Field(4, ge=1, le=20, description="Questions about one document, at most.")
    calibrate: bool = Field(True, description="Take off likings for places in the list and for categories.")


class StudentPlan(_Closed):
    """Which small model, what it reads, and the size of its adapter."""

    model: str = DEFAULT_STUDENT
    prompt: str = Field(STUDENT_PROMPTS["single_label"], max_length=2000,
                        description="What it reads; see STUDENT_PROMPTS.")
    max_chars: int = Field(500, ge=50, le=8_000)
    layers: int | None = Field(None, ge=2, le=200, description="Keep so many of its layers, the lower ones.")
    adapter: Literal["lora", "dora", "rslora"] = Field("lora", description="Which kind of adapter.")
    four_bit: bool = Field(False, description="Base weights in 4 bits (QLoRA); needs CUDA and bitsandbytes.")
    rank: int = Field(16, ge=1, le=256, description="Rank of the adapter (LoRA).")
    alpha: int = Field(32, ge=1, le=512)


class DistillPlan(_Closed):
    """Everything a run needs to know, in one value."""

    format: Literal[1] = 1
    project: str
    corpus: str
    gold_column: str = Field("", description="Labels of the upload to score by; empty takes the first.")
    task: Task
    ask: AskPlan
    student: StudentPlan = StudentPlan()
    phases: tuple[PhasePlan, ...] = Field(min_length=1)
    preset: Preset | Literal["custom"] = "custom"
    output_loss: OutputLossName = "forward_kl"
    representation_loss: RepresentationLossName = Field(
        "relational", description="How inner representations are compared: by likenesses to anchor documents "
        "(cross-entropy); by cosine or mse after a projection that is learned beside the student and not "
        "saved with it; or by likenesses within the documents in memory at once (linear cka), whose value "
        "depends on how many these are.")
    targets: Literal["soft", "hard"] = Field("soft", description="Learn distributions, or first choices.")
    batch_size: int = Field(8, ge=1, le=512)
    micro_batch: int = Field(8, ge=1, le=512, description="Documents in memory at once.")
    anchors: int = Field(48, ge=4, le=512, description="Anchor documents for representations.")
    anchor_refresh: int = Field(24, ge=1, description="Optimiser steps until each anchor is read anew.")
    gates_per_pass: int = Field(1, ge=1, le=20, description="Looks at steer in each pass.")
    seed: int = Field(0, ge=0, le=2**31 - 1)
    device: str | None = Field(None, description="cpu, cuda or mps; None chooses.")

    def check(self) -> None:
        """Refuse, before anything is spent, what cannot work. Says everything that is wrong at once.

        Raises:
            SettingsError: with a sentence for each problem, and each fix once.
        """
        problems: list[SettingsError] = []
        for part in (self._task_problems, self._template_problems, self._student_problems,
                     self._phase_problems):
            try:
                problems += part()
            except SettingsError as error:
                problems.append(error)
        if problems:
            fixes = dict.fromkeys(p.fix for p in problems)  # each once, in order
            raise SettingsError(" ".join(p.what for p in problems), " ".join(fixes))

    def _task_problems(self) -> list[SettingsError]:
        self.task.check()
        if self.task.kind == "single_label":
            return []
        problems = []
        if self.ask.candidates or any(phase.ask_again for phase in self.phases):
            problems.append(SettingsError(
                "Other instructions are tried, and documents asked again, only where one category is chosen.",
                "Leave out “candidates” and “ask_again”."))
        if self.targets == "hard" and self.writes:
            problems.append(SettingsError(
                "Hard targets exist only for categories; facts and short texts are learned word by word.",
                "Set “targets” to soft, and weight “text” alone."))
        return problems

    def _template_problems(self) -> list[SettingsError]:
        problems: list[SettingsError] = []
        for template in filter(None, (self.ask.template, self.ask.again_template, *self.ask.candidates)):
            if template.kind != self.task.kind:
                problems.append(SettingsError(
                    f"The instructions {template.ref} are for another kind of question.",
                    "Open Instructions and choose some of this kind."))
                continue
            missing = [note for note in lint(template, self.task) if note.severity == "stop"]
            if missing:
                problems.append(SettingsError(
                    f"The instructions {template.ref} cannot be used. {missing[0].text}",
                    "Open Instructions and mend them."))
        return problems

    def _student_problems(self) -> list[SettingsError]:
        probe = "PROBE-DOCUMENT"
        if probe in student_text(self.student.prompt, self.task.question, probe, len(probe)):
            return []
        return [SettingsError("The small model's prompt leaves the message out.",
                              "Write {{ document }} where it should stand.")]

    def _phase_problems(self) -> list[SettingsError]:
        problems = []
        kind = teacher_kind(self.ask.teacher)
        if self.ask.candidates and kind == "recorded":
            problems.append(SettingsError(
                "Recorded answers know only the instructions they were recorded with.",
                "Leave out the candidates, or choose another large model."))
        if kind == "recorded" and self.task.kind != "single_label":
            problems.append(SettingsError(
                "Recorded answers are choices of one category; this question asks for something else.",
                "Choose a large model that is on this machine."))
        needed = needs(self.task.kind)
        used = {name for phase in self.phases for name in needed if getattr(phase, name) > 0}
        for name in sorted(used):
            lacking = needed[name] - GIVES[kind]
            if lacking:
                problems.append(SettingsError(
                    f"The loss on {name} needs {' and '.join(sorted(lacking))} from the large model, "
                    f"which a {kind} one cannot give.",
                    f"Set the weight of {name} to 0, or choose another large model."))
        if self.representation_loss != "relational" and not self.wants_hidden:
            problems.append(SettingsError(
                f"Representations are to be compared by {self.representation_loss}, but no phase learns from "
                "them.", "Give a phase a weight for “representations”, or leave out “representation_loss”."))
        if self.representation_loss == "cka" and min(self.batch_size, self.micro_batch) < FEWEST_TOGETHER:
            problems.append(SettingsError(
                f"Linear CKA compares documents with one another: it needs {FEWEST_TOGETHER} in memory at "
                "once, or more.",
                f"Set “batch_size” and “micro_batch” to {FEWEST_TOGETHER} or more, or choose another "
                "“representation_loss”."))
        if self.output_loss == "sorted_distance":
            if not self.writes:
                problems.append(SettingsError(
                    "The sorted distance compares tokens, and this question is answered by categories.",
                    "Choose another “output_loss”."))
            if any(phase.taid for phase in self.phases):
                problems.append(SettingsError(
                    "A target that moves (TAID) needs tokens that both models share.",
                    "Leave out “taid”, or choose another “output_loss”."))
        return problems + phase_problems(self.phases, tuple(needed), writes=self.writes)

    @property
    def asks_again(self) -> bool:
        """Whether documents in doubt are asked about once more between phases: not where ways were tried."""
        return any(phase.ask_again for phase in self.phases) and not self.ask.candidates

    @property
    def writes(self) -> bool:
        """Whether answers are written, not chosen."""
        return self.task.writes

    @property
    def wants_tokens(self) -> bool:
        """Whether any phase learns from the large model's likeliest tokens."""
        return self.writes and any(phase.outputs > 0 for phase in self.phases)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Those that the phases use."""
        return tuple(sorted({phase.temperature for phase in self.phases}))

    @property
    def wants_hidden(self) -> bool:
        """Whether any phase learns from inner representations."""
        return any(phase.representations > 0 for phase in self.phases)

    @property
    def wants_anchors(self) -> bool:
        """Whether they are learned by likenesses to anchor documents."""
        return self.wants_hidden and self.representation_loss == "relational"

    @property
    def hint_loss(self) -> RepresentationLossName | None:
        """How they are learned without anchors; None where they are not."""
        return self.representation_loss if self.wants_hidden and not self.wants_anchors else None

    @property
    def wants_vectors(self) -> bool:
        """Whether documents are compared by meaning: to choose anchors, or a sample to try ways to ask on."""
        return self.wants_anchors or bool(self.ask.candidates)


def load_plan(path: Path) -> DistillPlan:
    """Read a plan file.

    Raises:
        SettingsError: it is not there, not YAML, holds an unknown key (the nearest known one is named)
            or a value that does not fit.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no plan at {path}.", "Check the path.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read as a plan: {error.strerror}.",
                            "Point at a plan.yaml.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from line {mark.line + 1} on" if mark else ""
        raise SettingsError(f"{path.name} is not a readable plan{where}.",
                            "Start again from the plan.yaml of a run.") from error
    return parse_plan(raw)


def parse_plan(raw: object) -> DistillPlan:
    """A plan from plain values; see `load_plan` for what is raised."""
    try:
        return DistillPlan.model_validate(raw)
    except ValidationError as error:
        faults = [_in_words(one) for one in error.errors()]
        raise SettingsError(" ".join(what for what, _ in faults),
                            " ".join(dict.fromkeys(fix for _, fix in faults))) from error


def _in_words(error: ErrorDetails) -> tuple[str, str]:
    """What does not fit, and what to do about it."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        known = sorted({*DistillPlan.model_fields, *AskPlan.model_fields, *StudentPlan.model_fields,
                        *PhasePlan.model_fields, *Task.model_fields, *Template.model_fields})
        close = difflib.get_close_matches(key, known, n=1)
        return (f"The plan has an unknown setting: {where}.",
                f"Did you mean “{close[0]}”?" if close else f"Remove “{key}”.")
    if error["type"] == "missing":
        return f"The plan lacks “{where}”.", f"Add “{where}”."
    if not where:
        return "This is not a plan.", "Start again from the plan.yaml of a run."
    return f"The plan does not fit at “{where}”: {error['msg']}.", f"Change “{where}”."


def save_plan(path: Path, plan: DistillPlan) -> None:
    """Write a plan as YAML, readable, atomically."""
    write_text(path, as_yaml(plan.model_dump(mode="json"), width=100))
