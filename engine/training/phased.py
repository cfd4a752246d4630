"""Phase after phase: read, ask again, choose a slice, train, judge on *steer*, keep or roll back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError, RunError
from engine.events import EventLog, spent_before
from engine.phase_plan import SLICE_SHARES, PhasePlan
from engine.plan import DistillPlan
from engine.progress import Interrupted, Wish
from engine.records import FloatArray, TeacherSignal
from engine.students.base import Student
from engine.training.checkpoints import (
    finish_phase,
    finished_phase,
    finished_projection,
    has_state,
    phase_folder,
)
from engine.training.gates import Gate, judge, judge_reading
from engine.training.hints import Projection, enough_together
from engine.training.lessons import Lesson
from engine.training.loop import Looks, PhaseEnd, taught_before, train_phase
from engine.training.phases import PhaseSlice, choose_slice
from engine.training.ranks import ALONE, Ranks
from engine.training.reading import Reading
from engine.training.sharding import put_all, whole
from engine.training.subjects import Labels, Subject

AskAgain = Callable[[TeacherSignal, NDArray[np.bool_], tuple[int, ...]], tuple[TeacherSignal, int]]
"""(signal so far, which of these *learn* documents the student answers differently, those documents)
→ (new signal, how many were asked again)."""


@dataclass(slots=True)
class PhasedTraining:
    """All phases of one run. `run()` resumes at the first phase that is not done."""

    plan: DistillPlan
    subject: Subject
    student: Student
    folder: Path
    log: EventLog
    wish: Callable[[], Wish | None]
    ask_again: AskAgain | None = None
    ranks: Ranks = ALONE
    _stands: Gate | None = field(default=None, init=False)  # of the weights as they are, where it is known
    _projection: Projection | None = field(default=None, init=False)  # as the phases so far left it

    def run(self) -> list[dict[str, Any]]:
        """Train; the student is left with the final weights. Returns one result a phase begun.

        Raises:
            Interrupted: the user paused or cancelled (a save point is written on pause), or stopped before
            any answer was learned.
            RunError: there is no answer to learn from.
            SettingsError: too many processes share a batch for its documents to be compared.
        """
        enough_together(self.plan, self.ranks)
        learn = self.subject.learn()
        if not learn:
            raise RunError("The large model gave no answer that could be read, so there is nothing to learn.",
                           "Try the instructions on ten documents in Instructions, and mend them.",
                           "Its answers are kept.")
        lesson = self.subject.lesson(self.student, learn)
        self.log.write("steps_planned", steps=self._planned(len(learn)))
        results = []
        for index, phase in enumerate(self.plan.phases):
            folder = phase_folder(self.folder, index, phase.name)
            kept = finished_phase(folder)
            if kept:
                self._put(kept[0])
                projection = finished_projection(folder)
                if projection:
                    self._projection = Projection.from_tensors(projection, self.student.device)
                lesson = self._recalled(folder, lesson, learn)
                results.append(kept[1])
            else:
                try:
                    result, lesson = self._phase(index, phase, folder, lesson, learn)
                except Interrupted as interrupted:
                    if interrupted.wish != "stop" or not taught_before(self.plan, index):
                        raise
                    break  # stopped while asking again: this phase never began
                results.append(result)
            if results[-1]["stopped"]:
                break
        return results

    def _phase(self, index: int, phase: PhasePlan, folder: Path, lesson: Lesson,
               learn: tuple[int, ...]) -> tuple[dict[str, Any], Lesson]:
        began, earlier = time.monotonic(), spent_before(self.log.path, "phase_started", phase=phase.name)
        first, anew, asking = not taught_before(self.plan, index), False, 0.0
        reading = Reading.of(self.subject, self.student) if phase.reads else None
        if reading:
            part, data = reading.part(), reading.lesson
        else:
            part, lesson, anew, asking = self._chosen(index, phase, folder, lesson, learn)
            data = lesson
        self.log.write("phase_started", phase=phase.name, title=phase.title, index=index, reads=phase.reads,
                       documents=len(part.positions), because=part.because)
        start, before = self._stands or self._gate(reading), self._weights()
        looks = Looks(self.log, self.wish, lambda: self._gate(reading))
        if first and start.n and not has_state(folder):  # what comes is looked at beside it
            looks.tell(phase, 0, start, best=False)
        if len(part.positions):
            end = train_phase(self.student, self.plan, phase, index, part, data, looks, folder, self.ranks,
                              self._projection)
            self.student.train_above(0.0)
            best, averaged = (end.best, False) if first else self._averaged(before, end.best)
            # What was answered anew may differ from the answers it is judged by, which are those of before.
            kept, because = judge_reading(start, best) if phase.reads else judge(
                start, best, slack=first or anew)
        else:
            end = PhaseEnd(before, start, stopped=False, steps=0)
            best, averaged, kept, because = start, False, False, f"{part.because}: left out."
        stands = best if kept else start
        self._stands = None if phase.reads else stands
        if not kept:
            self._put(before)
        elif averaged:
            because += " Best was the mean of the weights before and after."
        result = {"name": phase.name, "title": phase.title, "reads": phase.reads, "kept": kept,
                  "because": because, **_shares(phase, start, stands), "averaged": kept and averaged,
                  "n": start.n, "documents": len(part.positions), "steps": end.steps, "stopped": end.stopped,
                  "seconds": round(earlier + time.monotonic() - began, 1),
                  "asking_seconds": round(asking, 1)}
        if kept:
            self._projection = end.projection or self._projection
        now = [whole(weights) for weights in self._weights()]
        if self.ranks.first:
            finish_phase(folder, now, result,
                         end.projection.tensors() if kept and end.projection else None)
        self.ranks.wait()
        self.log.write("phase_done", phase=phase.name, **{k: v for k, v in result.items() if k != "name"})
        return result, lesson

    def _chosen(self, index: int, phase: PhasePlan, folder: Path, lesson: Lesson,
                learn: tuple[int, ...]) -> tuple[PhaseSlice, Lesson, bool, float]:
        """Documents of a phase that teaches, the lesson, whether answers in it are new, seconds of asking."""
        says, anew, asking = None, False, 0.0
        if phase.ask_again or phase.slice == "hard":
            says = self.ranks.by_first(lambda: self.subject.says(self.student, learn, lesson))
        if phase.ask_again:
            asked_at = time.monotonic()
            lesson, anew = self._asked_again(phase, folder, lesson, learn, says)
            asking = time.monotonic() - asked_at
        differs = None if says is None else self.subject.differs(says, learn)
        classes, n_classes = self.subject.classes(learn)
        part = choose_slice(phase.slice, classes, self.subject.sureness(learn), n_classes,
                            seed=self.plan.seed + taught_before(self.plan, index), differs=differs)
        return part, lesson, anew, asking

    def _averaged(self, before: list[Tensor], best: Gate) -> tuple[Gate, bool]:
        """Try the mean of the weights before and after a phase; the better of it and `best` is left in place.

        What a phase learns of its own documents often costs some of the others; half of the way tends to keep
        both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
        """
        if not best.n:
            return best, False
        after = self._weights()
        self._put([(one + other) / 2 for one, other in zip(before, after, strict=True)])
        halfway = self._gate()
        if halfway.stands_better(best):
            return halfway, True
        self._put(after)
        return best, False

    def _asked_again(self, phase: PhasePlan, folder: Path, lesson: Lesson, learn: tuple[int, ...],
                     says: FloatArray) -> tuple[Lesson, bool]:
        """Ask again about doubtful *learn* documents; the new signal is kept with the phase.

        Returns what there is to learn now, and whether an answer to learn from is another than before.
        """
        subject = self.subject
        if not isinstance(subject, Labels):
            return lesson, False
        before, rows = subject.signal, list(learn)

        def ask() -> None:
            # A phase that has begun goes on with what it began to learn from.
            if self.ask_again is None or has_state(folder) or subject.recall(folder):
                return
            try:
                signal, asked = self.ask_again(before, subject.differs(says, learn), learn)
            except EngineError as error:  # the phases so far are not to be lost for it
                self.log.write("asked_again", phase=phase.name, n=0, changed=0,
                               because="the large model could not be asked again, so this phase learns from "
                                       f"its first answers. {error.what} {error.fix}")
                return
            changed = int((signal.choice[rows] != before.choice[rows]).sum())
            self.log.write("asked_again", phase=phase.name, n=asked, changed=changed,
                           because=f"{asked} of the {len(learn)} documents to learn from were asked about "
                                   f"again, those most in doubt; that changed {changed} answers" if asked else
                                   "none is in doubt, or there is no other way to ask that would help")
            if asked:
                subject.asked_again(signal, folder)

        self.ranks.first_does(ask)
        lesson = self._recalled(folder, lesson, learn)
        return lesson, not np.array_equal(subject.signal.probs[rows], before.probs[rows])

    def _recalled(self, folder: Path, lesson: Lesson, learn: tuple[int, ...]) -> Lesson:
        """The lesson by the answers that a phase kept, if it asked again."""
        if isinstance(self.subject, Labels) and self.subject.recall(folder):
            return self.subject.lesson(self.student, learn)
        return lesson

    def _gate(self, of: Reading | None = None) -> Gate:
        """How the student stands, in answers or `of` what it reads: looked at once, by the first, for all."""
        return self.ranks.by_first(lambda: (of or self.subject).look(self.student))

    def _weights(self) -> list[Tensor]:
        return [p.detach().float().clone() for p in self.student.adapter_parameters()]

    def _put(self, weights: list[Tensor]) -> None:
        put_all(self.student.adapter_parameters(), weights)

    def _planned(self, n_learn: int) -> int:
        """Steps of all phases, roughly: slices are known only when their phase begins."""
        return sum(round(p.passes * SLICE_SHARES[p.slice] * n_learn / self.plan.batch_size)
                   for p in self.plan.phases)


def _shares(phase: PhasePlan, before: Gate, after: Gate) -> dict[str, float | None]:
    """How the student stood before a phase and after it; what it foretells is no agreement with anybody."""
    shares = {"agreement": round(after.agreement, 4), "agreement_before": round(before.agreement, 4),
              "kl": round(after.kl, 4)}
    if not phase.reads:
        return shares
    return dict.fromkeys(shares) | ({"words": shares["agreement"], "words_before": shares["agreement_before"]}
                                  if before.n else {})
