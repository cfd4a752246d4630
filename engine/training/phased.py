"""Phase after phase: ask again, choose a slice, train, judge on *steer*, keep or roll back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.cache.signals import load_signal, save_signal
from engine.events import EventLog
from engine.metrics.intervals import paired_standard_error
from engine.plan import SLICE_SHARES, DistillPlan, PhasePlan
from engine.records import Corpus, FloatArray, Parts, TeacherSignal
from engine.students.base import Student
from engine.students.predicting import predict
from engine.training.checkpoints import finish_phase, finished_phase, phase_folder
from engine.training.loop import (
    Gate,
    Interrupted,
    Looks,
    PhaseEnd,
    TrainingData,
    Wish,
    gate_of,
    train_phase,
)
from engine.training.phases import choose_slice
from engine.training.preparing import one_of_each_group, prepare

AskAgain = Callable[[TeacherSignal, NDArray[np.bool_], tuple[int, ...]], tuple[TeacherSignal, int]]
"""(signal so far, which of these *learn* documents the student answers differently, those documents)
→ (new signal, how many were asked again)."""


@dataclass(slots=True)
class PhasedTraining:
    """All phases of one run. `run()` resumes at the first phase that is not done."""

    plan: DistillPlan
    corpus: Corpus
    parts: Parts
    signal: TeacherSignal
    vectors: FloatArray | None
    student: Student
    folder: Path
    log: EventLog
    wish: Callable[[], Wish | None]
    ask_again: AskAgain

    def run(self) -> list[dict[str, Any]]:
        """Train; the student is left with the final weights. Returns one result a phase begun.

        Raises:
            Interrupted: the user paused or cancelled (a save point is written on pause), or stopped before
            anything was learned.
        """
        learn = one_of_each_group(self.corpus, self.parts.learn)
        data = prepare(self.student, self.corpus, learn, self.signal, self.vectors, self.plan.anchors,
                       self.plan.seed, hard=self.plan.targets == "hard")
        self.log.write("steps_planned", steps=self._planned(len(learn)))
        results = []
        for index, phase in enumerate(self.plan.phases):
            folder = phase_folder(self.folder, index, phase.name)
            kept = finished_phase(folder)
            if kept:
                self._put(kept[0])
                if phase.ask_again:
                    data = self._with_signal(data, learn, load_signal(folder / "signal.safetensors"))
                results.append(kept[1])
            else:
                try:
                    result, data = self._phase(index, phase, folder, data, learn)
                except Interrupted as interrupted:
                    if interrupted.wish != "stop" or not results:
                        raise
                    break  # stopped while asking again: this phase never began
                results.append(result)
            if results[-1]["stopped"]:
                break
        return results

    def _phase(self, index: int, phase: PhasePlan, folder: Path, data: TrainingData,
               learn: tuple[int, ...]) -> tuple[dict[str, Any], TrainingData]:
        began = time.monotonic()
        says = None
        if phase.ask_again or phase.slice == "hard":
            says = predict(self.student, [self.corpus.documents[i].text for i in learn])
        if phase.ask_again:
            data = self._asked_again(phase, folder, data, learn, says)
        rows = list(learn)
        part = choose_slice(phase.slice, self.signal.probs[rows], self.signal.stability[rows],
                            seed=self.plan.seed + index, student_probs=says)
        self.log.write("phase_started", phase=phase.name, title=phase.title, index=index,
                       documents=len(part.positions), because=part.because)
        start, before = self._gate(), self._weights()
        looks = Looks(self.log, self.wish, self._gate)
        end = train_phase(self.student, self.plan, phase, index, part, data, looks, folder)
        kept, because = judge(start, end)
        if not kept:
            self._put(before)
        result = {"name": phase.name, "title": phase.title, "kept": kept, "because": because,
                  "agreement": round(end.best.agreement if kept else start.agreement, 4),
                  "agreement_before": round(start.agreement, 4), "kl": round(end.best.kl, 4),
                  "n": start.n, "documents": len(part.positions), "steps": end.steps,
                  "stopped": end.stopped, "seconds": round(time.monotonic() - began, 1)}
        finish_phase(folder, self._weights(), result)
        self.log.write("phase_done", phase=phase.name, **{k: v for k, v in result.items() if k != "name"})
        return result, data

    def _asked_again(self, phase: PhasePlan, folder: Path, data: TrainingData, learn: tuple[int, ...],
                     says: FloatArray) -> TrainingData:
        """Ask again about doubtful *learn* documents; the new signal is kept with the phase."""
        path = folder / "signal.safetensors"
        if path.exists():
            return self._with_signal(data, learn, load_signal(path))
        rows = list(learn)
        differs = says.argmax(1) != self.signal.choice[rows]
        signal, asked = self.ask_again(self.signal, differs, learn)
        changed = int((signal.choice[rows] != self.signal.choice[rows]).sum())
        self.log.write("asked_again", phase=phase.name, n=asked, changed=changed,
                       because=f"{asked} documents of the {len(learn)} to learn from were in doubt; a "
                               f"second, more careful reading changed {changed} answers")
        save_signal(path, signal)
        return self._with_signal(data, learn, signal)

    def _with_signal(self, data: TrainingData, learn: tuple[int, ...],
                     signal: TeacherSignal) -> TrainingData:
        self.signal = signal
        probs = torch.tensor(signal.probs[list(learn)], dtype=torch.float32)
        return TrainingData(data.ids, probs, data.teacher_hidden, data.anchors)

    def _gate(self) -> Gate:
        rows = list(self.parts.steer)
        says = predict(self.student, [self.corpus.documents[i].text for i in rows])
        return gate_of(says, self.signal.probs[rows])

    def _weights(self) -> list[Tensor]:
        return [p.detach().float().clone() for p in self.student.adapter_parameters()]

    @torch.no_grad()
    def _put(self, weights: list[Tensor]) -> None:
        for parameter, kept in zip(self.student.adapter_parameters(), weights, strict=True):
            parameter.copy_(kept)

    def _planned(self, n_learn: int) -> int:
        """Steps of all phases, roughly: slices are known only when their phase begins."""
        return sum(round(p.passes * SLICE_SHARES[p.slice] * n_learn / self.plan.batch_size)
                   for p in self.plan.phases)


def judge(start: Gate, end: PhaseEnd) -> tuple[bool, str]:
    """Whether to keep a phase: not if it lost more agreement than chance explains. Returns the reason."""
    n = start.n
    if end.best.n == 0:
        return False, "Stopped before its first look at the steering documents: rolled back."
    lost = start.agreement - end.best.agreement
    error = paired_standard_error(start.correct, end.best.correct)
    told = f"{start.agreement:.0%} → {end.best.agreement:.0%} agreement on {n} steering documents"
    if lost > error:
        return False, f"{told}: more lost than chance explains (± {error:.1%}), so it was rolled back."
    return True, f"{told}."
