"""Run folders for tests of the page: real plans, scores and files, answers drawn from a seed.

Does not: train anything.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.ablations import teaching
from engine.corpus.splits import split
from engine.evaluation.comparing import Answered, compare, limits, verdict
from engine.events import EventLog
from engine.jobs.folder import RunFolder
from engine.jobs.process import Worker
from engine.phase_plan import PhasePlan
from engine.plan import DistillPlan
from engine.presets import READING
from engine.records import PARTS
from engine.studio import Studio
from engine.workspace import write_json

HOSTILE = "<img src=x onerror=\"document.title='hacked'\"> **bold** [link](http://a.example/)"
TEXTS = ("River over the bridge in {}, families on roofs", "Smoke above {} again, road closed",
         "Aftershock felt in {}, no damage seen", "That concert in {} was a hurricane of sound",
         "Wind took the roofs of {} last night", "{} without water since Monday")


def project_with_documents(studio: Studio, folder: Path, n: int = 120) -> str:
    """A project with `n` short documents, one of them hostile; returns its id."""
    names = random.Random(5)
    rows = [TEXTS[i % len(TEXTS)].format(f"Place{names.randrange(10**6)}") for i in range(n)]
    rows[0] = HOSTILE
    pd.DataFrame({"id": [f"d{i:03d}" for i in range(n)], "text": rows}).to_csv(
        folder / "documents.csv", index=False)
    project = studio.create_project("Trial").id
    studio.use_documents(project, [folder / "documents.csv"])
    return project


def prepared(studio: Studio, project: str, name: str = "20250101-101010-quick"
             ) -> tuple[RunFolder, DistillPlan]:
    """A run folder that holds a plan, of which a phase reads, and nothing else."""
    from engine.plan import save_plan
    plan = studio.draft_plan(project, "quick")
    plan = plan.model_copy(update={"phases": (READING, *plan.phases)})
    run = RunFolder(studio.workspace.project(project).runs / name)
    save_plan(run.plan, plan)
    return run, plan


def write_training(run: RunFolder, plan: DistillPlan, *, until: int = 99, seed: int = 0) -> EventLog:
    """Events of asking and training, as the worker writes them; `until` ends after so many steps."""
    log, draw, made = run.event_log, random.Random(seed), 0
    log.write("launched", command=f"python -m engine start {run.id}")
    log.write("run_started", resumed=False)
    log.write("choice", what="machine", choice="cpu, float32", because="no graphics card; 2 cores")
    log.write("stage_started", stage="parts", title="Setting documents aside for the check")
    log.write("choice", what="parts", choice={"learn": 78, "steer": 18, "kept_aside": 24},
              because="near-duplicates stay together")
    log.write("stage_done", stage="parts", seconds=0.1)
    log.write("stage_started", stage="asking", title="Asking the large model")
    log.write("progress", stage="asking", title="Asking the large model", done=240, total=240)
    log.write("stage_done", stage="asking", seconds=30.0)
    log.write("stage_started", stage="training", title="Training the small model")
    log.write("steps_planned", steps=42)
    level = 1.2
    for phase in (phase for phase in plan.phases if phase.reads):
        write_reading(log, phase)
    for index, (phase, steps) in enumerate(zip(teaching(plan.phases), (14, 20, 8), strict=True)):
        if index == 2:
            log.write("asked_again", phase=phase.name, n=20, changed=4,
                      because="20 of the 78 documents to learn from were asked about again")
        log.write("phase_started", phase=phase.name, title=phase.title, index=index,
                  documents=8 * steps // 2, because="54 of 78 documents the large model is sure of")
        for step in range(1, steps + 1):
            level = level * 0.95 + draw.uniform(-0.04, 0.04)
            terms = {"outputs": round(max(0.02, level), 5)}
            if phase.representations:
                terms["representations"] = round(max(0.02, level * 0.6), 5)
            log.write("step", phase=phase.name, step=step, steps=steps, title=phase.title, **terms,
                      grad_norm=0.5, rate=1e-3, documents_per_s=6.1)
            made += 1
            if step % (steps // 2) == 0:
                log.write("gate", phase=phase.name, step=step, kl=level / 3, n=18, best=True,
                          agreement=round(0.45 + 0.1 * index + 0.15 * step / steps, 4))
            if made >= until:
                return log
        kept = index != 2
        log.write("phase_done", phase=phase.name, title=phase.title, kept=kept, seconds=12.5,
                  agreement=round(0.6 + 0.1 * min(index, 1), 4), n=18,
                  because="Agreement rose from 45 % to 60 %." if kept else
                  "It lost more agreement than chance explains: rolled back.")
    log.write("stage_done", stage="training", seconds=40.0)
    return log


def write_reading(log: EventLog, phase: PhasePlan, steps: int = 10) -> None:
    """Events of a phase that reads, before any answer was taught."""
    log.write("phase_started", phase=phase.name, title=phase.title, index=0, reads=True, documents=78,
              because="all 78 documents to learn from, word by word and without an answer")
    log.write("read", phase=phase.name, step=0, words=0.31, nats=3.41, n=18, best=False)
    for step in range(1, steps + 1):
        log.write("step", phase=phase.name, step=step, steps=steps, title=phase.title, text=3.4 - step / 20,
                  grad_norm=0.5, rate=5e-4, documents_per_s=5.8)
    log.write("read", phase=phase.name, step=steps, words=0.38, nats=2.96, n=18, best=True)
    log.write("phase_done", phase=phase.name, title=phase.title, reads=True, kept=True, seconds=9.0, n=18,
              agreement=None, agreement_before=None, kl=None, words=0.38, words_before=0.31,
              because="It guesses 31 % → 38 % of the next words in 18 steering documents.")


def finished(studio: Studio, project: str, *, with_gold: bool = True, seed: int = 0,
             name: str = "20250101-101010-quick") -> str:
    """A finished run: events, report, answers, card and downloads; returns its id."""
    run, plan = prepared(studio, project, name)
    log = write_training(run, plan, seed=seed)
    for stage in ("scoring", "take-home"):
        log.write("stage_started", stage=stage, title=stage)
        log.write("stage_done", stage=stage, seconds=1.0)
    report, table = _scored(studio, project, plan, with_gold, seed)
    write_json(run.report, report)
    table.to_parquet(run.predictions)
    run.student.mkdir()
    (run.student / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A small model\n\nWeak.\n")
    (run.path / "take-home").mkdir()
    (run.path / "take-home" / "student.zip").write_bytes(b"PK" + bytes(4000))
    table[["id", "text", "student"]].to_csv(run.path / "take-home" / "predictions.csv", index=False)
    log.write("done", sentence=report["verdict"], seconds=report["seconds"])
    return run.id


def answering(studio: Studio, run_id: str) -> RunFolder:
    """Put a small model that really answers into a finished run: a tiny and untaught one, with its base."""
    from engine.jobs.folder import find_run
    from engine.plan import StudentPlan
    from engine.students.base import Student
    from tests.students.tiny import CPU, MODEL, TASK, write_model
    run = find_run(studio.workspace, run_id)
    card = (run.student / "README.md").read_text()
    base = write_model(studio.workspace.models)
    Student.fresh(base, StudentPlan(model=MODEL, rank=4, alpha=8), TASK, CPU, seed=0).save(run.student)
    (run.student / "README.md").write_text(card)
    return run


def _scored(studio: Studio, project: str, plan: DistillPlan, with_gold: bool,
            seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    draw = np.random.default_rng(seed)
    corpus, names = studio.corpus(project), plan.task.names
    n, k = len(corpus), len(names)
    parts = split(corpus, seed=plan.seed)
    truth = draw.integers(0, k, n)
    teacher = draw.dirichlet(np.ones(k) * 0.4, n) * 0.6 + 0.4 * np.eye(k)[truth]
    student = draw.dirichlet(np.ones(k) * 0.4, n) * 0.65 + 0.35 * np.eye(k)[truth]
    bag = np.where(draw.random(n) < 0.55, truth, draw.integers(0, k, n))
    gold = truth if with_gold else np.full(n, -1)
    kept = list(parts.kept_aside)
    report = compare(Answered(teacher[kept], student[kept], bag[kept], gold[kept],
                              [corpus.documents[i].group for i in kept]), plan.task)
    report |= {
        "verdict": verdict(report), "limits": limits(report, dict.fromkeys(names, 40)),
        "gold_column": "label" if with_gold else "", "teacher_name": "Large 1.5B",
        "student_name": "Small 135M", "baseline_because": "word pairs, C = 1",
        "seconds": 101.0, "peak_memory_gb": 2.4, "date": "2025-01-01T10:12:00+00:00",
        "asked": {"prompts": 2 * n, "from_cache": 0, "again": 20},
        "phases": [{"name": p.name, "title": p.title, "reads": True, "agreement": None, "kept": True,
                    "agreement_before": None, "n": 18, "words": 0.38, "words_before": 0.31, "seconds": 9.0,
                    "because": "It guesses 31 % → 38 % of the next words in 18 steering documents."}
                   for p in plan.phases if p.reads] + [
                   {"name": p.name, "title": p.title, "agreement": 0.6 + 0.1 * min(i, 1), "kept": i < 2,
                    "agreement_before": 0.2 + 0.4 * i, "n": 18, "seconds": 12.5,
                    "because": "20 % → 60 % agreement on 18 steering documents." if i < 2 else
                    "It lost more agreement than chance explains: rolled back."} | (
                        {"kept_aside": 0.58} if i == 0 else
                        {"kept_aside_change": {"value": 0.042, "low": -0.041, "high": 0.125, "n": 24}}
                        if i == 1 else {}) for i, p in enumerate(teaching(plan.phases))],
        "cost": {"student": {"documents_per_s": 14.2, "parameters": 134_515_008,
                             "trained_parameters": 4_884_480, "disk_mb": 19.7},
                 "teacher": {"documents_per_s": None, "parameters": 1_543_714_304,
                             "disk_mb": 3_100.0}}}
    where = {i: part for part in PARTS for i in parts.named(part)}
    rows = []
    for i, document in enumerate(corpus.documents):
        confidence = float(teacher[i].max())
        rows.append({
            "id": document.id, "text": document.text, "original": document.original,
            "part": where[i], "group": document.group,
            "gold": names[truth[i]] if with_gold else None, "teacher": names[teacher[i].argmax()],
            "student": names[student[i].argmax()], "baseline": names[bag[i]],
            "teacher_confidence": confidence, "teacher_stability": 1.0,
            "student_confidence": float(student[i].max()),
            "teacher_probs": json.dumps(dict(zip(names, teacher[i].tolist(), strict=True))),
            "student_probs": json.dumps(dict(zip(names, student[i].tolist(), strict=True))),
            "by_phase": json.dumps([[teaching(plan.phases)[0].title, names[bag[i]], 0.41]])
            if where[i] == "kept_aside" else "",
            "sureness": "sure" if confidence > 0.75 else "unsure",
            "asked": 3 if i % 5 == 0 else 2, "asked_again": i % 5 == 0,
            "teacher_prompt": f"Which kind of crisis?\n{document.text}\nA. flood\nB. fire",
            "student_prompt": f"{document.text}\n\nThis message is about:"})
    return report, pd.DataFrame(rows)


def failed(studio: Studio, project: str, name: str = "20250101-111111-quick") -> str:
    """A run that failed while training; returns its id."""
    run, plan = prepared(studio, project, name)
    write_training(run, plan, until=20).write(
        "failed", what="The disk is full: there was no room for the save point.",
        safe="What was finished before is kept.", fix="Free some space, then press Resume.")
    return run.id


def training(studio: Studio, project: str, name: str = "20250101-131313-quick") -> str:
    """A run whose worker, this very process, is at its second phase; returns its id."""
    run, plan = prepared(studio, project, name)
    write_training(run, plan, until=20)
    Worker(run.worker).sign_on()
    return run.id


def lost(studio: Studio, project: str, name: str = "20250101-121212-quick") -> str:
    """A run whose worker died without a word; returns its id."""
    run, plan = prepared(studio, project, name)
    write_training(run, plan, until=20)
    write_json(run.worker, {"pid": 2**22 + 1, "created": time.time(), "host": _host()})
    return run.id


def _host() -> str:
    import socket
    return socket.gethostname()
