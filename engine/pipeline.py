"""THE STRAIGHT LINE: from a plan and a corpus to a small model, in stages, each skipped if already made.

    documents → parts → asking → training (phase by phase, gated on *steer*)
              → scoring (once, on *kept aside*) → take-home

A stage is done when its manifest `stages/<name>.json` exists; it is written last, and its fingerprint
covers inputs and settings. Running again is resuming.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from engine import projects
from engine.begun import as_begun, labels_to_score_by, most_memory, same_weights
from engine.cache.signals import SIGNAL_FILE, load_vectors, save_vectors
from engine.corpus.splits import split
from engine.corpus.store import load_corpus, load_receipt
from engine.devices import DeviceChoice, choose_device
from engine.embedding.encoder import embed
from engine.errors import RunError, SpaceError
from engine.estimates import text_lengths, tokens_answered, tokens_asked, tokens_learned
from engine.evaluation.by_phase import by_phase
from engine.evaluation.cost import PeakMemory
from engine.evaluation.report import score_run
from engine.evaluation.report_texts import score_texts
from engine.events import EventLog, SilentLog, spent_before
from engine.export.taking_home import pack, reload_check
from engine.jobs.folder import RunFolder
from engine.models.weights import require
from engine.plan import ENCODER, DistillPlan, load_plan
from engine.progress import Counted, Interrupted, Wish
from engine.questioning import Questions
from engine.records import PARTS, Corpus, FloatArray, Gold, Parts, WrittenSignal, text_digest
from engine.schooling import (
    Signal,
    check_student,
    keep_signal,
    kept_signal,
    latest_signal,
    subject_of,
    teach,
)
from engine.speeds import Work, note_speed
from engine.students.opening import fresh_student, open_student
from engine.training.ranks import ALONE, Ranks, join_ranks
from engine.workspace import Workspace, read_json, write_atomic, write_json


@dataclass(slots=True)
class Line:
    """What travels down the line. Stages fill it from left to right."""

    run: RunFolder
    workspace: Workspace
    plan: DistillPlan
    log: EventLog
    wish: Callable[[], Wish | None]
    memory: PeakMemory
    corpus: Corpus
    choice: DeviceChoice
    parts: Parts | None = None
    vectors: FloatArray | None = None
    signal: Signal | None = None
    student: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    stage: str = ""
    ranks: Ranks = ALONE

    def progress(self, stage: str, title: str) -> Counted:
        """A callback that reports counts, at most five times a second."""
        last = [0.0]

        def report(done: int, total: int) -> None:
            if done >= total or time.monotonic() - last[0] > 0.2:
                last[0] = time.monotonic()
                self.log.write("progress", stage=stage, title=title, done=done, total=total)
        return report

    def checkpoint(self) -> None:
        """Between pieces of work: obey a wish, if there is one."""
        wish = self.wish()
        if wish:
            raise Interrupted(wish)

    def to_the_end(self, tell: Counted) -> Counted:
        """`tell`, obeying wishes between pieces of the last work; to stop then is to go on to the end."""
        def report(done: int, total: int) -> None:
            tell(done, total)
            wish = self.wish()
            if wish in ("pause", "cancel"):
                raise Interrupted(wish)
        return report


def run_pipeline(run: RunFolder, workspace: Workspace, wish: Callable[[], Wish | None]) -> None:
    """Run or resume one run to its end.

    Raises:
        Interrupted: the user paused or cancelled.
        EngineError: anything a user can mend, in words.
    """
    ranks = join_ranks()
    started, plan, log = time.monotonic(), load_plan(run.plan), run.event_log
    plan.check()
    corpus = load_corpus(_corpus_folder(workspace, plan))
    choice = as_begun(run, choose_device(plan.device), ranks)
    several = f", {ranks.world} processes" if ranks.world > 1 else ""
    log.write("choice", what="machine", choice=f"{choice.device}, {choice.dtype}{several}",
              because=choice.because)
    with PeakMemory() as memory:
        line = Line(run, workspace, plan, log, wish, memory, corpus, choice, ranks=ranks)
        try:
            ranks.first_does(lambda: prepare(line))  # the others begin here: answers and vectors are kept now
            stage(line, "training", "Training the small model", train_student)
            stage(line, "scoring", "Checking on the documents kept aside", score)
            stage(line, "take-home", "Packing what you take home", take_home)
        except Interrupted as interrupted:
            if interrupted.wish == "stop":
                raise RunError("Stopped before any answer was learned, so there is no small model to keep.",
                               "Press Resume to go on.", "The large model's answers so far are kept, and "
                               "what was read.") from interrupted
            raise
        finally:
            with suppress(SpaceError):  # what led here is to be told
                most_memory(run, memory.peak_gb)
    spent = sum(read_json(run.stage(name))["seconds"] for name in STAGES if run.stage(name).exists())
    report = read_json(run.report) | {"seconds": round(max(spent, time.monotonic() - started), 1),
                                      "peak_memory_gb": most_memory(run)}
    write_json(run.report, report)
    log.write("done", sentence=report["verdict"], seconds=report["seconds"])


ASKED_HOW = ("way", "because", "set_right", "ways", "steps", "tokens", "halted")  # facts of adaptive asking
TRIED_ON = 8  # documents, the longest, which a small model reads before anything is asked
STAGES = ("parts", "asking", "training", "scoring", "take-home")


def stage(line: Line, name: str, title: str, work: Callable[[Line], dict[str, Any]]) -> None:
    """One stage: tell, do, and write its manifest last. A stage reads its own results back when done."""
    line.stage = name
    line.log.write("stage_started", stage=name, title=title)
    manifest = line.run.stage(name)
    began = time.monotonic()
    if not manifest.exists():
        began -= spent_before(line.log.path, "stage_started", stage=name)
    # Without what is usual: a setting that a later version adds is no other plan.
    plan = line.plan.model_dump_json(exclude_defaults=True)
    fingerprint = text_digest(f"{plan}|{line.corpus.digest}|{name}")
    if manifest.exists():
        kept = read_json(manifest)
        if kept["fingerprint"] != fingerprint:
            raise RunError(f"The plan or the documents changed since this run's stage “{name}” was made.",
                           "Start a new run: it reuses the large model's answers.")
        line.facts[name] = kept["facts"]
    line.facts[name] = work(line)
    if not manifest.exists():
        write_json(manifest, {"fingerprint": fingerprint, "facts": line.facts[name],
                              "seconds": round(time.monotonic() - began, 2)})
    line.log.write("stage_done", stage=name, seconds=round(time.monotonic() - began, 2))


def prepare(line: Line) -> None:
    """All that comes before training; and first whether there can be any: asking may take hours."""
    base = require(line.workspace.models, line.plan.student.model)
    if not line.run.stage("asking").exists():
        labels(line)
        student = fresh_student(base, line.plan.student, line.plan.task, line.choice, line.plan.seed)
        check_student(student, line.plan, sorted(line.corpus.texts, key=len)[-TRIED_ON:])
        del student
        gc.collect()  # its layers know one another: without this it would lie beside the large model
    stage(line, "parts", "Setting documents aside for the check", divide)
    stage(line, "asking", "Asking the large model", ask_teacher)
    same_weights(line.run, base)


def divide(line: Line) -> dict[str, Any]:
    """Parts of the corpus, group by group; the same for the same documents and seed."""
    line.parts = split(line.corpus, seed=line.plan.seed)
    sizes = {part: len(line.parts.named(part)) for part in PARTS}
    facts = {**sizes, "digest": text_digest(repr(line.parts))}
    if line.facts.get("parts", facts) != facts:  # what was kept aside until now must not be learned from
        raise RunError("This version of ANON Studio divides the documents differently from the one that "
                       "started this run.", "Start a new run: it uses the large model's answers.")
    line.log.write("choice", what="parts", choice=sizes,
                   because="near-duplicates stay together; kept aside is looked at once, at the end")
    return facts


def ask_teacher(line: Line) -> dict[str, Any]:
    """The large model's answers on every document, likings removed; and sentence vectors for anchors."""
    plan, path = line.plan, line.run.path / SIGNAL_FILE
    if plan.wants_vectors:
        line.vectors = _vectors(line)
    if path.exists() and line.run.stage("asking").exists():
        line.signal = kept_signal(path, plan)
        return line.facts["asking"]
    line.checkpoint()
    line.signal, facts = questions(line).first()
    keep_signal(path, line.signal)
    speed = facts.pop("prompts_per_s")
    if speed:
        _note(line, "ask", plan.ask.teacher, speed)
    return facts


def questions(line: Line) -> Questions:
    """What is asked of the large model in this run."""
    return Questions(line.plan, line.corpus, line.parts, line.vectors, line.workspace, line.log,
                     lambda title: line.progress(line.stage, title), line.checkpoint, line.choice)


def train_student(line: Line) -> dict[str, Any]:
    """The small model, phase by phase; left in `line.student` with its final weights, and saved."""
    base = require(line.workspace.models, line.plan.student.model)
    if line.run.stage("training").exists():
        line.student = open_student(line.run.student, base, line.choice)
        line.signal = latest_signal(line.run.path, line.signal)
        return line.facts["training"]
    subject = subject_of(line.plan, line.corpus, line.parts, line.signal, line.vectors)
    line.student, results = teach(
        line.plan, subject, base, line.choice, line.run.path, line.log, line.wish,
        lambda signal, differs, learn: questions(line).again(signal, differs, learn, line.facts["asking"]),
        line.ranks)
    line.signal = subject.signal
    receipt = load_receipt(_corpus_folder(line.workspace, line.plan))
    line.student.settings = line.student.settings.model_copy(update={
        "cleaning": tuple(step["name"] for step in receipt["cleaning"]),
        "repair": receipt.get("repaired", False)})
    line.student.save(line.run.student)
    seconds = sum(p["seconds"] - p["asking_seconds"] for p in results)
    if seconds:
        _note(line, "train", line.plan.student.model,
              sum(p["steps"] for p in results) * line.plan.batch_size / seconds)
    trained, everything = line.student.sizes()
    return {"phases": results, "trained_parameters": trained, "parameters": everything,
            "label_words": list(line.student.settings.label_words)}


def help_train(run: RunFolder, workspace: Workspace, ranks: Ranks) -> None:
    """What every process but the first does: wait for the answers, then train along. Writes nothing.

    Raises:
        Interrupted: the user wished to pause, stop or cancel.
        EngineError: what stopped the first process before training.
    """
    plan = load_plan(run.plan)
    corpus = load_corpus(_corpus_folder(workspace, plan))
    choice = as_begun(run, choose_device(plan.device), ranks)
    ranks.first_does(lambda: None)  # it is the first that does something: asks, and says how that ended
    if run.stage("training").exists():
        return
    path = workspace.vectors(corpus.digest)
    vectors = load_vectors(path) if plan.wants_vectors else None
    subject = subject_of(plan, corpus, split(corpus, seed=plan.seed),
                         kept_signal(run.path / SIGNAL_FILE, plan), vectors)
    teach(plan, subject, require(workspace.models, plan.student.model), choice, run.path,
          SilentLog(run.event_log.path), lambda: None, None, ranks)


def score(line: Line) -> dict[str, Any]:
    """Everybody's answers on *kept aside*, once; the report, and a row for every document."""
    if line.run.stage("scoring").exists():
        return line.facts["scoring"]
    first = kept_signal(line.run.path / SIGNAL_FILE, line.plan)
    asking, training = line.facts["asking"], line.facts["training"]
    tell = line.to_the_end(line.progress("scoring", "Checking on the documents kept aside"))
    if isinstance(line.signal, WrittenSignal):
        report, table = score_texts(line.plan, line.corpus, line.parts, line.signal, line.student,
                                    lambda texts: embed(texts, require(line.workspace.models, ENCODER)), tell)
    else:
        report, table = score_run(line.plan, line.corpus, line.parts, first, line.signal, line.student,
                                  labels(line), asking.get("reasons", {}), tell)
    report["phases"] = training["phases"]
    if not isinstance(line.signal, WrittenSignal):
        tell = line.to_the_end(line.progress("scoring", "Looking at what each phase was worth"))
        report["phases"], table["by_phase"] = by_phase(
            line.student, line.run.path, training["phases"], first.probs, table, tell)
    report["teacher_name"], report["student_name"] = asking["teacher"], line.plan.student.model
    anew = line.signal.asked - first.asked
    report["asked"] = {"prompts": asking["prompts"] + int(anew.sum()), "from_cache": asking["from_cache"],
                       "again": int((anew > 0).sum())}
    report["asked"] |= {key: asking[key] for key in ASKED_HOW if key in asking}
    report["cost"]["student"] |= {key: training[key] for key in ("parameters", "trained_parameters")}
    report["cost"]["teacher"] = {"documents_per_s": asking["documents_per_s"]}
    _note(line, "predict", line.plan.student.model, report["cost"]["student"]["documents_per_s"])
    write_json(line.run.report, report)
    write_atomic(line.run.predictions, lambda path: table.to_parquet(path))
    return {"agreement": report["agreement"], "n": report["n"]}


def take_home(line: Line) -> dict[str, Any]:
    """The student as a folder that works elsewhere: reloaded and asked again before it is called ready."""
    if line.run.stage("take-home").exists():
        return line.facts["take-home"]
    table, report = pd.read_parquet(line.run.predictions), read_json(line.run.report)
    line.student = None  # two at once may not fit
    gc.collect()  # its layers know one another: without this both lie in memory
    base = require(line.workspace.models, line.plan.student.model)
    fresh = open_student(line.run.student, base, line.choice)
    tell = line.progress("take-home", "Loading the small model again and asking it once more")
    reloaded = reload_check(fresh, table, line.to_the_end(tell))
    sizes = pack(line.run.path, line.plan, report, table, base,
                 {**line.facts["training"], "reloaded": reloaded})
    report["reloaded"], report["take_home"] = reloaded, sizes
    report["cost"]["student"]["disk_mb"] = round(sizes["student.zip"] / 1e6, 1)
    write_json(line.run.report, report)
    return {"reloaded": reloaded}


def labels(line: Line) -> Gold | None:
    """What answers are scored by besides the large model's; nothing else may see them. None where texts are
    written, or the documents came without."""
    if line.plan.writes:
        return None
    folder = _corpus_folder(line.workspace, line.plan)
    return labels_to_score_by(line.run, folder, line.plan.gold_column or None)


def _corpus_folder(workspace: Workspace, plan: DistillPlan) -> Path:
    project = projects.load_project(workspace, plan.project)
    return projects.folders(workspace, project).corpora / plan.corpus


def _note(line: Line, work: Work, model: str, per_second: float) -> None:
    """Keep a measured speed: the next estimate on this machine rests on it."""
    length = {"ask": tokens_asked, "train": tokens_learned, "predict": tokens_answered}[work]
    note_speed(line.workspace, work, line.plan.task.kind, model, per_second,
               tokens=length(line.plan, text_lengths(line.corpus)), run=line.run.id)


def _vectors(line: Line) -> FloatArray:
    """Sentence vectors of the corpus, made once for all its runs."""
    path = line.workspace.vectors(line.corpus.digest)
    if path.exists():
        return load_vectors(path)
    vectors = embed(line.corpus.texts, require(line.workspace.models, ENCODER), device=line.plan.device,
                    on_progress=line.progress("asking", "Mapping which documents are alike"))
    save_vectors(path, vectors)
    return vectors
