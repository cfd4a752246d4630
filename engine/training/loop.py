"""The training loop: one phase of distillation, gated on *steer*, resumable at every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from engine.events import EventLog
from engine.losses.blend import blend, reduce_items
from engine.losses.interpolation import Way, between
from engine.losses.outputs import output_loss
from engine.losses.representations import relational_cross_entropy, relations
from engine.metrics.agreement import mean_kl
from engine.plan import DistillPlan, PhasePlan
from engine.records import FloatArray
from engine.students.base import Student
from engine.students.predicting import length_batches
from engine.training.batches import schedule
from engine.training.checkpoints import as_tensors, from_tensors, load_state, save_state
from engine.training.optimiser import Optimiser
from engine.training.phases import PhaseSlice

Wish = Literal["pause", "stop", "cancel"]
SAVE_EVERY_S = 60.0


class Interrupted(Exception):  # noqa: N818 - control flow, not a fault
    """The user asked to pause or to cancel; a save point has been written."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self.wish = wish


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Fixed anchor documents: token ids, teacher states (anchors, depths, width), and which they are.

    `own[i]` is the anchor that learn document i is, or -1.
    """

    ids: Sequence[Sequence[int]]
    teacher: Tensor
    own: Tensor
    depths: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a phase learns from, row by row beside *learn*; and the part that steers."""

    ids: Sequence[Sequence[int]]
    teacher_probs: Tensor
    teacher_hidden: Tensor | None
    anchors: Anchors | None


@dataclass(frozen=True, slots=True)
class Gate:
    """How the student stands on *steer*: share of equal answers, KL from the teacher (nats), documents."""

    agreement: float
    kl: float
    n: int
    correct: FloatArray = field(compare=False, repr=False)

    @property
    def rank(self) -> tuple[float, float]:
        """Better is larger: agreement first, then closeness of the distributions."""
        return (round(self.agreement, 6), -self.kl)


@dataclass(slots=True)
class Looks:
    """The outside world of a phase: where it logs, what the user wishes, how it is measured."""

    log: EventLog
    wish: Callable[[], Wish | None]
    gate: Callable[[], Gate]


@dataclass(slots=True)
class PhaseEnd:
    """How a phase ended: its best weights, their gate, and whether the user stopped it."""

    weights: list[Tensor]
    best: Gate
    stopped: bool
    steps: int


def gate_of(student_probs: FloatArray, teacher_probs: FloatArray) -> Gate:
    """Compare distributions (documents, labels) on *steer*."""
    same = (student_probs.argmax(1) == teacher_probs.argmax(1)).astype(float)
    return Gate(float(same.mean()), mean_kl(teacher_probs, student_probs), len(same), same)


def train_phase(student: Student, plan: DistillPlan, phase: PhasePlan, index: int, part: PhaseSlice,
                data: TrainingData, looks: Looks, folder: Path) -> PhaseEnd:
    """Train one phase and return its best weights (the student is left holding them).

    The best of the phase's own looks at *steer* wins; whether to keep it at all, against the weights
    before the phase, is the caller's to judge. Resumes from the last save point in `folder`.

    Raises:
        Interrupted: the user wished to pause or cancel.
    """
    lengths = [len(data.ids[i]) for i in part.positions]
    steps = schedule(lengths, plan.batch_size, phase.passes, seed=plan.seed * 1009 + index)
    per_pass = len(steps) / phase.passes
    look_at = _gate_steps(len(steps), per_pass / plan.gates_per_pass)
    optimiser = Optimiser(student.adapter_parameters(), phase.learning_rate, len(steps))
    progress = _Progress(best_weights=optimiser.snapshot())
    saved = load_state(folder)
    if saved:
        progress.load(optimiser, *saved)
        looks.log.write("resumed", phase=phase.name, step=progress.step, steps=len(steps))
    student.model.train()
    last_save, stopped = time.monotonic(), False
    while progress.step < len(steps):
        wish = looks.wish()
        if wish in ("pause", "cancel"):
            if wish == "pause":
                progress.save(folder, optimiser)
            raise Interrupted(wish)
        if wish == "stop":
            stopped = True
            break
        started = time.monotonic()
        rows = [int(part.positions[p]) for p in steps[progress.step]]
        weights = torch.tensor([part.weights[p] for p in steps[progress.step]], dtype=torch.float32)
        terms = _step(student, plan, phase, data, progress, rows, weights)
        norm = optimiser.step()
        progress.step += 1
        if phase.taid:
            progress.way.update(terms["outputs"], progress.step / len(steps))
            terms["way"] = round(progress.way.at, 5)
        looks.log.write("step", phase=phase.name, step=progress.step, steps=len(steps),
                        title=phase.title, **terms,
                        grad_norm=round(norm, 4), rate=optimiser.rate_at(optimiser.done),
                        documents_per_s=round(len(rows) / (time.monotonic() - started), 2))
        if progress.step in look_at:
            progress.look(looks, phase, optimiser)
        if time.monotonic() - last_save > SAVE_EVERY_S:
            progress.save(folder, optimiser)
            last_save = time.monotonic()
    if stopped and progress.step not in look_at:
        progress.look(looks, phase, optimiser)
    optimiser.restore(progress.best_weights)
    return PhaseEnd(optimiser.snapshot(), progress.best, stopped, progress.step)


def _gate_steps(steps: int, every: float) -> set[int]:
    count = max(1, round(steps / max(1.0, every)))
    return {round(steps * (k + 1) / count) for k in range(count)}


@dataclass(slots=True)
class _Progress:
    """What changes while a phase runs; everything in it is in the save point."""

    best_weights: list[Tensor]
    step: int = 0
    best: Gate = field(default_factory=lambda: Gate(-1.0, float("inf"), 0, np.zeros(0)))
    anchor_states: Tensor | None = None
    way: Way = field(default_factory=Way)

    def look(self, looks: Looks, phase: PhasePlan, optimiser: Optimiser) -> None:
        """Measure on *steer* and remember the weights if they are the best of this phase."""
        gate = looks.gate()
        better = gate.rank > self.best.rank
        looks.log.write("gate", phase=phase.name, step=self.step, agreement=gate.agreement, kl=gate.kl,
                        n=gate.n, best=better)
        if better:
            self.best, self.best_weights = gate, optimiser.snapshot()

    def save(self, folder: Path, optimiser: Optimiser) -> None:
        tensors = {**optimiser.tensors(), **as_tensors("best", self.best_weights),
                   "best_correct": torch.tensor(self.best.correct)}
        if self.anchor_states is not None:
            tensors["anchor_states"] = self.anchor_states
        save_state(folder, tensors, {"step": self.step, "agreement": self.best.agreement,
                                     "kl": self.best.kl, "n": self.best.n, "way": self.way.state()})

    def load(self, optimiser: Optimiser, tensors: dict[str, Tensor], cursor: dict[str, Any]) -> None:
        optimiser.load(tensors, cursor["step"])
        self.step = cursor["step"]
        self.best_weights = from_tensors("best", tensors) or optimiser.snapshot()
        self.best = Gate(cursor["agreement"], cursor["kl"], cursor["n"],
                         tensors["best_correct"].numpy())
        self.anchor_states = tensors.get("anchor_states")
        self.way = Way(**cursor["way"])


def _step(student: Student, plan: DistillPlan, phase: PhasePlan, data: TrainingData,
          progress: _Progress, rows: list[int], weights: Tensor) -> dict[str, float]:
    """Forward and backward over one batch in micro-batches; returns each term's value by itself."""
    relate = phase.representations > 0 and data.anchors is not None
    if relate and (progress.anchor_states is None or progress.step % plan.anchor_refresh == 0):
        progress.anchor_states = _anchor_states(student, data.anchors)
    total = float(weights.sum())
    values = {"outputs": 0.0, **({"representations": 0.0} if relate else {})}
    for start in range(0, len(rows), plan.micro_batch):
        some = rows[start:start + plan.micro_batch]
        weight = weights[start:start + plan.micro_batch].to(student.device)
        depths = data.anchors.depths if relate else ()
        logits, states = student.forward([data.ids[i] for i in some], depths)
        target = data.teacher_probs[some].to(student.device)
        if phase.taid:
            target = between(logits, target, progress.way.at)
        per_item = output_loss(plan.output_loss, logits, target, phase.temperature)
        terms = {"outputs": reduce_items(per_item, weight, total)}
        if relate:
            terms["representations"] = reduce_items(
                _relational(states, some, data, progress.anchor_states), weight, total)
        blend(terms, {"outputs": phase.outputs, "representations": phase.representations}).backward()
        for name, term in terms.items():
            values[name] += float(term.detach())
    return {name: round(value, 5) for name, value in values.items()}


def _relational(states: Tensor, rows: list[int], data: TrainingData, anchor_states: Tensor) -> Tensor:
    anchors = data.anchors
    own = anchors.own[rows].to(states.device)
    seen = relations(states, anchor_states.to(states.device), own)
    wanted = relations(data.teacher_hidden[rows].to(states.device),
                       anchors.teacher.to(states.device), own)
    return relational_cross_entropy(seen, wanted)


@torch.no_grad()
def _anchor_states(student: Student, anchors: Anchors) -> Tensor:
    """The student's present states of the anchor documents, without gradient."""
    states: list[Tensor | None] = [None] * len(anchors.ids)
    for rows in length_batches([len(row) for row in anchors.ids], 2048):
        _, some = student.forward([anchors.ids[i] for i in rows], anchors.depths)
        for i, state in zip(rows, some, strict=True):
            states[i] = state.float()
    return torch.stack(states)
