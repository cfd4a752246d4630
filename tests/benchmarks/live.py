"""The whole road on other people's documents: 600 CrisisLexT26 tweets, a large model asked live.

    python -m tests.benchmarks.live [--documents 600] [--preset balanced] [--data FOLDER]

Labels travel in the file as an analyst's would and are used to score only: the hazard of a tweet's event,
or *no crisis* where the annotators called it not related. Prints what `report` prints, and the time.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from pathlib import Path

from engine import in_words
from engine.jobs.worker import work
from engine.plan import DEFAULT_TEACHER
from engine.studio import Studio
from engine.workspace import Workspace

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "crisislex_t26"
HAZARDS = {"earthquake": "earthquake", "floods": "flood", "Typhoon": "storm", "wildfires": "fire",
           "bushfire": "fire", "nightclub_fire": "fire", "bombings": "attack", "shootings": "attack",
           "refinery": "accident", "helicopter": "accident", "train_crash": "accident",
           "explosion": "accident", "building_collapse": "accident"}


def sample(data: Path, n: int, seed: int) -> list[tuple[str, str, str]]:
    """`n` tweets as (id, text, hazard), as many of each hazard as there can be, in random order."""
    by_hazard: dict[str, list[tuple[str, str, str]]] = {}
    for path in sorted(data.glob("*-tweets_labeled.csv")):
        hazard = next((h for part, h in HAZARDS.items() if part in path.name), None)
        with open(path, newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                tweet = {key.strip(): value for key, value in row.items() if key}
                told = tweet["Informativeness"]
                label = "no crisis" if told == "Not related" else hazard
                if label and told.startswith(("Related", "Not related")):
                    by_hazard.setdefault(label, []).append((tweet["Tweet ID"], tweet["Tweet Text"], label))
    rng, chosen = random.Random(seed), []
    for hazard in sorted(by_hazard):
        rng.shuffle(by_hazard[hazard])
        chosen += by_hazard[hazard][:-(-n // len(by_hazard))]
    rng.shuffle(chosen)
    return chosen[:n]


def main() -> None:
    """Sample, ingest, distil, report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--teacher", default=DEFAULT_TEACHER)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    if not given.data.is_dir():
        raise SystemExit(f"No CrisisLexT26 in {given.data}: say where it is with --data FOLDER.")
    studio = Studio(Workspace.default())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tweets.csv"
        with open(file, "w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("tweet_id", "text", "label"),
                                       *sample(given.data, given.documents, given.seed)])
        project = studio.create_project("CrisisLex hazard type")
        studio.use_documents(project.id, [file])
    studio.change(project.id, task="hazard", teacher=given.teacher)
    receipt = studio.receipt(project.id)
    print(f"{receipt['documents']} documents, {receipt['duplicates']} near-duplicates, labels kept for "
          f"scoring: {receipt['labels_found']}")
    run = studio.prepare(studio.draft_plan(project.id, given.preset, seed=given.seed))
    began = time.monotonic()
    if work(run, studio.workspace) != "done":
        raise SystemExit(studio.status(run.id).sentence)
    report = studio.report(run.id)
    print(in_words.report({"run": run.id, **report}))
    for who in ("teacher", "student", "baseline"):
        interval = report[who]["macro_f1_interval"]
        print(f"{who:9} macro-F1 {interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f}, "
              f"n {interval['n']})")
    interval = report["agreement_interval"]
    print(f"agreement {interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f}, "
          f"n {interval['n']}); bag of words {report['agreement_baseline']:.3f}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
