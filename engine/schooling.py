"""The training of a run: what is taught, to whom, phase by phase, in one process or in several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.cache.signals import SIGNAL_FILE, load_signal, load_written, save_signal, save_written
from engine.devices import DeviceChoice
from engine.errors import RunError
from engine.events import EventLog
from engine.models.weights import ModelFolder
from engine.plan import DistillPlan
from engine.progress import Wish
from engine.records import Corpus, FloatArray, Parts, Signal, WrittenSignal
from engine.students.base import Student
from engine.students.opening import fresh_student
from engine.students.predicting import predict
from engine.training.checkpoints import phase_folders
from engine.training.lessons import TextLesson
from engine.training.phased import AskAgain, PhasedTraining
from engine.training.ranks import ALONE, Ranks
from engine.training.reading import check_foretells
from engine.training.sharding import put_all, shard, whole
from engine.training.subjects import Labels, Subject, Texts, word_by_word

ROOM_BEYOND = 1.25  # times the longest answer learned from: what a student may write


def keep_signal(path: Path, signal: Signal) -> None:
    """Keep the large model's answers beside their run."""
    if isinstance(signal, WrittenSignal):
        save_written(path, signal)
    else:
        save_signal(path, signal)


def kept_signal(path: Path, plan: DistillPlan) -> Signal:
    """The answers kept by `keep_signal`."""
    return load_written(path) if plan.writes else load_signal(path)


def latest_signal(run: Path, first: Signal) -> Signal:
    """The answers that training ended with: those of the last phase that asked again, else the `first`."""
    kept = [folder / SIGNAL_FILE for folder in phase_folders(run) if (folder / SIGNAL_FILE).exists()]
    return load_signal(kept[-1]) if kept else first


def subject_of(plan: DistillPlan, corpus: Corpus, parts: Parts, signal: Signal,
               vectors: FloatArray | None) -> Subject:
    """What is taught in a run."""
    if isinstance(signal, WrittenSignal):
        return Texts(plan, corpus, parts, signal, vectors, tokens=plan.wants_tokens)
    return Labels(plan, corpus, parts, signal, vectors)


def check_student(student: Student, plan: DistillPlan, texts: Sequence[str]) -> None:
    """Refuse what could not be taught, before anything is asked: asking may take hours.

    `texts`: some of the documents, which it reads once.

    Raises:
        SettingsError: it cannot read first, or has no room for a document.
        RunError: its numbers make no sense in the format chosen here.
    """
    if any(phase.reads for phase in plan.phases):
        check_foretells(student)
    if student.labels:
        predict(student, texts)
    else:
        ids = [student.encode(text) for text in texts]
        word_by_word(student, TextLesson([row[:-1] for row in ids], [row[-1:] for row in ids]))


def teach(plan: DistillPlan, subject: Subject, base: ModelFolder, choice: DeviceChoice, folder: Path,
          log: EventLog, wish: Callable[[], Wish | None], ask_again: AskAgain | None,
          ranks: Ranks = ALONE) -> tuple[Student, list[dict[str, Any]]]:
    """A student taught by a plan, and how each phase went.

    Raises:
        SettingsError: this base cannot be such a student.
        Interrupted: a wish of the user.
        RunError: there is nothing to learn, or numbers stopped making sense.
    """
    student = fresh_student(base, plan.student, plan.task, choice, plan.seed)
    if isinstance(subject, Texts):
        _enough_read(subject)
        longest = max((len(student.encode_answer(subject.signal.texts[i])) for i in subject.learn()),
                      default=1)
        student.settings = student.settings.model_copy(update={
            "most_tokens": round(ROOM_BEYOND * longest) + 2, "end_token": subject.end_token})
    if ranks.sharded:
        shard(student, ranks.world)
    training = PhasedTraining(plan=plan, subject=subject, student=student, folder=folder, log=log, wish=wish,
                              ask_again=ask_again, ranks=ranks)
    results = training.run()
    return (_in_one_piece(student, plan, base, choice) if ranks.sharded else student), results


def _enough_read(subject: Texts) -> None:
    """Refuse to train where no answer could be read in a part of the documents."""
    for part, why in (("learn", "to learn from"), ("steer", "to steer by"), ("kept_aside", "to check on")):
        if not any(subject.signal.texts[i] for i in subject.parts.named(part)):
            raise RunError(f"Of the documents {why}, none got an answer that could be read.",
                           "Try the instructions on ten documents in Instructions and mend them, or add "
                           "documents.", "The large model's answers are kept.")


def _in_one_piece(student: Student, plan: DistillPlan, base: ModelFolder, choice: DeviceChoice) -> Student:
    """The same student with all its weights in this process; every process must ask for it."""
    weights = [whole(p.detach()) for p in student.adapter_parameters()]
    made = fresh_student(base, plan.student, plan.task, choice, plan.seed)
    made.settings = student.settings
    put_all(made.adapter_parameters(), weights)
    return made
