"""The training loop: one phase of distillation, gated on *steer*, resumable at every step.

It knows losses by name and rows by number; what they are is the lesson's to know.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.events import EventLog
from engine.losses.blend import blend, reduce_items
from engine.losses.interpolation import Way
from engine.losses.needs import LossName
from engine.phase_plan import PhasePlan
from engine.plan import DistillPlan
from engine.progress import Interrupted, Wish
from engine.students.base import Student
from engine.students.predicting import tokens_at_once
from engine.training.anchors import carried, present_states
from engine.training.batches import schedule
from engine.training.checkpoints import as_tensors, from_tensors, load_state, save_state
from engine.training.gates import Gate
from engine.training.hints import Projecting, Projection, saved_projection
from engine.training.lessons import Lesson, Moment
from engine.training.optimiser import Optimiser
from engine.training.phases import PhaseSlice
from engine.training.ranks import ALONE, Ranks
from engine.training.sharding import whole

SAVE_EVERY_S = 60.0


@dataclass(slots=True)
class Looks:
    """The outside world of a phase: where it logs, what the user wishes, how it is measured."""

    log: EventLog
    wish: Callable[[], Wish | None]
    gate: Callable[[], Gate]

    def tell(self, phase: PhasePlan, step: int, gate: Gate, *, best: bool) -> None:
        """Write down how the student stands; what is foretold of texts is no agreement with anybody."""
        share, distance = ("words", "nats") if phase.reads else ("agreement", "kl")
        self.log.write("read" if phase.reads else "gate", phase=phase.name, step=step,
                       **{share: gate.agreement, distance: gate.kl}, n=gate.n, best=best)


@dataclass(slots=True)
class PhaseEnd:
    """How a phase ended: its best weights, their gate, and whether the user stopped it.

    `projection`: that of the best weights, where the phase trained one.
    """

    weights: list[Tensor]
    best: Gate
    stopped: bool
    steps: int
    projection: Projection | None = None


def train_phase(student: Student, plan: DistillPlan, phase: PhasePlan, index: int, part: PhaseSlice,
                data: Lesson, looks: Looks, folder: Path, ranks: Ranks = ALONE,
                projection: Projection | None = None) -> PhaseEnd:
    """Train one phase and return its best weights (the student is left holding them).

    The best of the phase's own looks at *steer* wins; whether to keep it at all, against the weights
    before the phase, is the caller's to judge. Resumes from the last save point in `folder`. `projection` is
    that of an earlier phase, to go on from; it is left as it is.

    Raises:
        Interrupted: the user wished to pause or cancel, or to stop before the first step that teaches.
    """
    every, taught = data.lengths, taught_before(plan, index)
    lengths = [every[i] for i in part.positions]
    steps = schedule(lengths, plan.batch_size, phase.passes, seed=plan.seed * 1009 + taught)
    per_pass = len(steps) / phase.passes
    look_at = _gate_steps(len(steps), per_pass / plan.gates_per_pass)
    optimiser = Optimiser(student.train_above(phase.train_above), phase.learning_rate, len(steps),
                          phase.cools_to)
    progress = _Progress(best_weights=optimiser.snapshot())
    saved = load_state(folder)
    if data.hints is not None and data.hints.projects and phase.representations > 0:
        known = saved_projection(saved[0], student.device) if saved else projection
        progress.projecting = Projecting(known or _fresh_projection(student, plan, data, ranks), len(steps),
                                         phase.cools_to)
    if saved:
        progress.load(optimiser, *saved)
        looks.log.write("resumed", phase=phase.name, step=progress.step, steps=len(steps))
    last_save, stopped = time.monotonic(), False
    while progress.step < len(steps):
        wish = ranks.agreed(looks.wish() if ranks.first else None)
        if wish == "stop" and (taught or (progress.step and not phase.reads)):
            stopped = True
            break
        if wish:  # to stop, too: no answer was learned, so there is no small model to keep
            if wish == "pause" or (wish == "stop" and progress.step):
                progress.save(folder, optimiser, ranks)
            raise Interrupted(wish)
        started = time.monotonic()
        rows = [int(part.positions[p]) for p in steps[progress.step]]
        weights = torch.tensor([part.weights[p] for p in steps[progress.step]], dtype=torch.float32)
        terms = _step(student, plan, phase, data, progress, rows, weights, ranks)
        ranks.add_gradients(optimiser.parameters)
        norm = optimiser.step()
        if progress.projecting:
            progress.projecting.step(ranks)
        progress.step += 1
        if phase.taid and "outputs" in terms:
            progress.way.update(terms["outputs"], progress.step / len(steps))
            terms["way"] = round(progress.way.at, 5)
        looks.log.write("step", phase=phase.name, step=progress.step, steps=len(steps),
                        title=phase.title, **terms,
                        grad_norm=round(norm, 4), rate=optimiser.rate_at(optimiser.done),
                        documents_per_s=round(len(rows) / (time.monotonic() - started), 2))
        if progress.step in look_at:
            progress.look(looks, phase, optimiser)
        if ranks.agreed(time.monotonic() - last_save > SAVE_EVERY_S):
            progress.save(folder, optimiser, ranks)
            last_save = time.monotonic()
    if stopped and progress.step not in look_at:
        progress.look(looks, phase, optimiser)
    optimiser.restore(progress.best_weights)
    return PhaseEnd(optimiser.snapshot(), progress.best, stopped, progress.step,
                    progress.projecting.best() if progress.projecting else None)


def taught_before(plan: DistillPlan, index: int) -> int:
    """How many phases before this one taught answers. It draws by that: reading first moves no batch."""
    return sum(not phase.reads for phase in plan.phases[:index])


def _fresh_projection(student: Student, plan: DistillPlan, data: Lesson, ranks: Ranks) -> Projection:
    """A projection to begin with, the same on all ranks."""
    rows = data.hints.sample()
    states = ranks.gathered(len(rows), lambda some: present_states(
        lambda them: data.states(student, them), data.lengths, tokens_at_once(student.device),
        [rows[i] for i in some]))
    return Projection.fresh(states, data.hints.teacher.shape[-1], plan.seed)


def _gate_steps(steps: int, every: float) -> set[int]:
    count = max(1, round(steps / max(1.0, every)))
    return {round(steps * (k + 1) / count) for k in range(count)}


@dataclass(slots=True)
class _Progress:
    """What changes while a phase runs; everything in it is in the save point."""

    best_weights: list[Tensor]
    step: int = 0
    best: Gate = field(default_factory=Gate.unseen)
    anchor_states: Tensor | None = None
    way: Way = field(default_factory=Way)
    projecting: Projecting | None = None

    def look(self, looks: Looks, phase: PhasePlan, optimiser: Optimiser) -> None:
        """Measure on *steer* and remember the weights if they are the best of this phase."""
        gate = looks.gate()
        better = gate.stands_better(self.best)
        looks.tell(phase, self.step, gate, best=better)
        if better:
            self.best, self.best_weights = gate, optimiser.snapshot()
            if self.projecting:
                self.projecting.remember()

    def follow_anchors(self, student: Student, data: Lesson, refresh: int, ranks: Ranks) -> None:
        """Bring the anchors' states to where the student is now."""
        anchors, known = data.anchors, self.anchor_states
        those = list(range(len(anchors.positions))) if known is None else anchors.due(self.step, refresh)
        if not those:
            return
        fresh = ranks.gathered(len(those), lambda some: anchors.student_states(
            lambda rows: data.states(student, rows), data.lengths, tokens_at_once(student.device),
            [those[i] for i in some]))
        self.anchor_states = fresh if known is None else carried(known, fresh, those)

    def save(self, folder: Path, optimiser: Optimiser, ranks: Ranks) -> None:
        """The first process writes; of weights in pieces every one gives its own."""
        tensors = {**optimiser.tensors(), **as_tensors("best", [whole(w) for w in self.best_weights]),
                   "best_correct": torch.tensor(self.best.correct)}
        if self.anchor_states is not None:
            tensors["anchor_states"] = self.anchor_states
        if self.projecting:
            tensors |= self.projecting.tensors()
        if ranks.first:
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
        if self.projecting:
            self.projecting.load(tensors, cursor["step"])


def _step(student: Student, plan: DistillPlan, phase: PhasePlan, data: Lesson, progress: _Progress,
          rows: list[int], weights: Tensor, ranks: Ranks) -> dict[str, float]:
    """Forward and backward over one batch in micro-batches; returns each term's value by itself.

    Every term is divided by its weighted units in the whole batch, so neither the cut into micro-batches nor
    the number of processes shows in the result (but for CKA, which is no mean over items: see `Hints.loss`).
    """
    strengths: dict[LossName, float] = {"outputs": phase.outputs, "text": phase.text,
                                        "representations": phase.representations}
    relate = phase.representations > 0 and (data.anchors is not None or data.hints is not None)
    by_anchors = relate and data.hints is None
    if by_anchors:
        progress.follow_anchors(student, data, plan.anchor_refresh, ranks)
    moment = Moment(phase, plan.output_loss, progress.way.at if phase.taid else None,
                    progress.anchor_states if by_anchors else None,
                    progress.projecting.projection if progress.projecting else None)
    totals = {name: float((weights * torch.tensor(units, dtype=torch.float32)).sum())
              for name, units in data.units(rows).items()
              if strengths[name] > 0 and (relate or name != "representations")}
    values = dict.fromkeys(totals, 0.0)
    mine, counts = ranks.share(len(rows))
    for start in range(0, len(mine), plan.micro_batch):
        some = mine[start:start + plan.micro_batch]
        losses = data.losses(student, [rows[i] for i in some], moment)
        weight = (weights[some] * torch.tensor(counts[start:start + plan.micro_batch])).to(student.device)
        terms = {name: reduce_items(losses[name], weight, totals[name]) for name in totals}
        blend(terms, strengths).backward()
        for name, term in terms.items():
            values[name] += float(term.detach())
    return {name: round(value, 5) for name, value in ranks.total(values).items()}
