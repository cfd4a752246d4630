"""Rows a second and peak memory of reading a large CSV, beside `pandas.read_csv` alone.

    python -m tests.benchmarks.ingest [--rows 10000 100000 1000000]

The rows are made of the example's words, about 200 characters each, one in five a shared or edited copy of
an earlier one. Each reading runs in a process of its own; memory is the peak of that process.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = """
import json, resource, sys, time
from pathlib import Path
from engine.corpus.ingest import ingest
began = time.perf_counter()
read = ingest([Path(sys.argv[1])])
receipt = read.receipt
assert receipt.rows_read == receipt.documents + sum(receipt.dropped.values())
print(json.dumps({"seconds": time.perf_counter() - began, "documents": receipt.documents,
                  "duplicates": receipt.duplicates,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
THEIRS = """
import json, resource, sys, time
import pandas as pd
began = time.perf_counter()
read = pd.read_csv(sys.argv[1], dtype=str)
print(json.dumps({"seconds": time.perf_counter() - began, "documents": len(read),
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def rows(n: int, seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """(id, date, text): sentences of the example's words; one in five repeats an earlier one."""
    with open(ROOT / "assets" / "example" / "documents.csv", newline="", encoding="utf-8") as lines:
        words = [word for row in csv.DictReader(lines) for word in row["text"].split()]
    rng, recent = random.Random(seed), [""]
    for i in range(n):
        if i and rng.random() < 0.2:
            text = f"RT @user{rng.randrange(999)}: {rng.choice(recent)} https://t.co/{rng.randrange(10**9)}"
        else:
            text = " ".join(rng.choice(words) for _ in range(rng.randrange(12, 48)))
            recent = [*recent[-500:], text]
        yield f"{10**17 + i}", f"2026-0{1 + i % 9}-1{i % 9}", text


def measured(program: str, path: Path) -> dict[str, float]:
    """What a program says of itself, read from its last line."""
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Make each file, read it twice, print a line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    given = parser.parse_args()
    print(f"{'rows':>9} {'MB':>6} | {'ours: s':>8} {'rows/s':>8} {'peak MB':>8} {'copies':>8} | "
          f"{'pandas: s':>9} {'peak MB':>8} | {'time ratio':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for n in given.rows:
            path = Path(folder) / f"{n}.csv"
            with open(path, "w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([("id", "date", "text"), *rows(n)])
            time.sleep(0.5)
            ours, theirs = measured(OURS, path), measured(THEIRS, path)
            print(f"{n:>9,} {path.stat().st_size / 1e6:>6.0f} | {ours['seconds']:>8.1f} "
                  f"{n / ours['seconds']:>8,.0f} {ours['mb']:>8.0f} {ours['duplicates']:>8,} | "
                  f"{theirs['seconds']:>9.2f} {theirs['mb']:>8.0f} | "
                  f"{ours['seconds'] / theirs['seconds']:>10.0f}", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
