"""The other kinds of question, trained end to end and scored on what people wrote down.

    python -m tests.benchmarks.kinds [several facts lines] [--documents N] [--student NAME] [--preset NAME]
                                     [--run ID]

several  disaster response messages (not part of this project): request, offer, aid_related. Small model,
         large model and a bag of words for each category, macro-F1 against the annotators' labels on messages
         kept aside.
facts    place, dead, injured, missing, displaced, needs; learned from made-up messages, scored on 60 items
         written by hand: F1 of every field for both models, answers that cannot be read counted.
lines    one line about a news item; learned from made-up news, looked at on 60 written by hand: likeness of
         meaning to the large model's line (a sentence encoder), words written. The beginning of each item
         stands beside it.

Labels and gold score and do nothing else. Answers are kept in the workspace's cache.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine import in_words
from engine.cache.answers import AnswerCache
from engine.embedding.encoder import embed
from engine.evaluation.labelled import answered
from engine.export.labelling import open_student
from engine.jobs.folder import find_run
from engine.jobs.worker import work
from engine.metrics.fields import field_scores, mean_f1
from engine.metrics.intervals import Interval, bootstrap_interval
from engine.models.weights import require
from engine.plan import DEFAULT_STUDENT, DEFAULT_TEACHER, ENCODER
from engine.prompts.library import DEFAULTS, built_in
from engine.records import Document
from engine.studio import Studio
from engine.tasks.answer_form import as_written, read_back
from engine.tasks.definition import Field, Label, Task
from engine.teachers.asking import Asker
from engine.teachers.asking_open import ask_open
from engine.teachers.opening import open_teacher
from engine.workspace import Workspace
from tests.benchmarks.items.making import FOLDER, make_messages, make_news

MESSAGES = Path(__file__).resolve().parents[3] / "shared" / "data" / "disaster_response_messages"
SEVERAL = Task(id="disaster-needs", kind="multi_label", question="What is in this message?", labels=(
    Label(name="request", definition="somebody asks for help, goods or information"),
    Label(name="offer", definition="somebody offers help, goods or money"),
    Label(name="aid_related", definition="about aid that is needed, given or missing: food, water, shelter, "
                                         "medicine, rescue, security, money")))
FACTS = Task(id="facts", kind="extract", question="What does this message report?", fields=(
    Field(name="place", definition="where it happened, as the message names it"),
    Field(name="dead", type="number", definition="how many people died"),
    Field(name="injured", type="number", definition="how many people were hurt"),
    Field(name="missing", type="number", definition="how many people are missing"),
    Field(name="displaced", type="number", definition="how many people left or lost their homes"),
    Field(name="needs", definition="what people need, as the message says it")))
LINE = Task(id="line", kind="generate", question="What happened, where, and how bad is it?", max_words=25)
SIZES = {"several": 400, "facts": 240, "lines": 200}


def run_on(studio: Studio, task: Task, rows: Sequence[tuple[str, ...]], given: argparse.Namespace) -> Any:  # noqa: ANN401
    """A finished run on these rows (id, text, and labels where there are some), and its report."""
    if given.run:
        return find_run(studio.workspace, given.run), studio.report(given.run)
    project = studio.create_project(f"Benchmark {task.id}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "documents.csv"
        with open(file, "w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("id", "text", "labels")[:len(rows[0])], *rows])
        studio.use_documents(project.id, [file])
    studio.save_task(project.id, task)
    studio.change(project.id, teacher=DEFAULT_TEACHER)
    plan = studio.draft_plan(project.id, given.preset, student=given.student, seed=given.seed)
    run, began = studio.prepare(plan), time.monotonic()
    if work(run, studio.workspace) != "done":
        raise SystemExit(studio.status(run.id).sentence)
    report = studio.report(run.id)
    print(in_words.report({"run": run.id, **report}))
    print(f"{time.monotonic() - began:.0f} s in all; the small model answers "
          f"{report['cost']['student']['documents_per_s']} documents a second", flush=True)
    return run, report


def several(studio: Studio, given: argparse.Namespace) -> None:
    rows = []
    for path in sorted(MESSAGES.glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                labels = [name for name in SEVERAL.names if row[name] == "1"]
                rows.append((f"{path.stem}-{row['id']}", row["message"], "; ".join(labels) or "none"))
    random.Random(given.seed).shuffle(rows)
    _, report = run_on(studio, SEVERAL, rows[:given.documents or SIZES["several"]], given)
    for who in ("teacher", "student", "baseline"):
        interval = report[who]["macro_f1_interval"]
        each = ", ".join(f"{s['label']} {s['f1']:.2f} (n {s['support']})" for s in report[who]["per_label"])
        print(f"{who:9} macro-F1 {interval['value']:.3f} ({interval['low']:.2f} to {interval['high']:.2f}, "
              f"n {interval['n']}): {each}")
    gap = report["student_minus_baseline"]
    print(f"small model minus bag of words {gap['value']:+.3f} ({gap['low']:+.2f} to {gap['high']:+.2f}); "
          f"against the large model's answers {report['agreement_f1']:.3f} and "
          f"{report['agreement_f1_baseline']:.3f}")


def by_hand(name: str) -> list[dict[str, Any]]:
    """Items written by hand."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def both(studio: Studio, run: Any, task: Task, items: Sequence[dict[str, Any]]) -> dict[str, list[str]]:  # noqa: ANN401
    """Large and small model on items, in the one form of answers; empty where it could not be read."""
    documents = [Document(item["id"], item["text"], item["text"], item["id"]) for item in items]
    template = next(t for t in built_in() if t.id == DEFAULTS[task.kind].partition("@")[0])
    teacher, _ = open_teacher(DEFAULT_TEACHER, studio.workspace)
    try:
        asker = Asker(teacher, 1200, AnswerCache(studio.workspace.answers))
        large = ask_open(asker, documents, task, template).answers
    finally:
        teacher.close()
    small, _ = answered(open_student(studio.workspace, run.student), [item["text"] for item in items])
    return {"large": [as_written(task, one) for one in large], "small": small}


def facts(studio: Studio, given: argparse.Namespace) -> None:
    made = make_messages(given.documents or SIZES["facts"], given.seed + 1)
    run, _ = run_on(studio, FACTS, [(f"m{i}", text) for i, text in enumerate(made)], given)
    items = by_hand("facts")
    gold, scored = [item["gold"] for item in items], np.arange(len(items))
    read = {who: [read_back(FACTS, text) for text in said]
            for who, said in both(studio, run, FACTS, items).items()}

    def f1(who: str, rows: np.ndarray) -> float:
        return mean_f1([s.f1 for s in field_scores(FACTS.fields, [gold[i] for i in rows],
                                                   [read[who][i] for i in rows])]) or 0.0
    for who, said in read.items():
        each = ", ".join(f"{s.field} {s.f1 or 0:.2f} (n {s.support})"
                         for s in field_scores(FACTS.fields, gold, said))
        mean = bootstrap_interval(partial(f1, who), [scored])
        print(f"{who} model, {len(items)} items: mean F1 {_told(mean)}; "
              f"{each}; {sum(not any(one.values()) for one in said)} said nothing or could not be read")
    gap = bootstrap_interval(lambda rows: f1("small", rows) - f1("large", rows), [scored])
    print(f"small minus large {_told(gap)}")


def lines(studio: Studio, given: argparse.Namespace) -> None:
    made = make_news(given.documents or SIZES["lines"], given.seed + 1)
    run, _ = run_on(studio, LINE, [(f"n{i}", text) for i, text in enumerate(made)], given)
    items = by_hand("news")
    said = both(studio, run, LINE, items)
    said["beginning"] = [" ".join(item["text"].split()[:LINE.max_words]) for item in items]
    folder = require(studio.workspace.models, ENCODER)
    large = embed(said["large"], folder)
    for who, texts in said.items():
        alike = (embed([text or " " for text in texts], folder) * large).sum(axis=1)
        words = [len(text.split()) for text in texts if text]
        print(f"{who}: likeness to the large model's line {_told(bootstrap_interval(np.mean, [alike]))} "
              f"(n {len(items)}), "
              f"{np.mean(words):.1f} words, {sum(w > LINE.max_words for w in words)} too long, "
              f"{sum(not text for text in texts)} could not be read")
    for item, large_line, small_line in list(zip(items, said["large"], said["small"], strict=True))[:3]:
        print(f"  {item['text'][:90]}…\n    large: {large_line}\n    small: {small_line}")


def _told(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def main() -> None:
    """Run the parts asked for."""
    parts = {"several": several, "facts": facts, "lines": lines}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--documents", type=int)
    parser.add_argument("--student", default=DEFAULT_STUDENT)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", help="score this finished run, and train nothing")
    given = parser.parse_args()
    studio = Studio(Workspace.default())
    for name in given.parts or parts:
        print(f"\n# {name}: {given.student}, {given.preset}", flush=True)
        parts[name](studio, given)


if __name__ == "__main__":
    main()
