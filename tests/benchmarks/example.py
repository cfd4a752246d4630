"""The example over five seeds: is the small model worth more than a bag of words?

    python -m tests.benchmarks.example [--seeds 0 1 2 3 4] [--preset quick] [--without-reading]

Every seed draws other parts of the corpus. Gold labels score *kept aside*; nothing learns from them.
Prints one line a seed, then the paired difference in macro-F1 (small model minus bag of words) with its
95 % interval by Student's t over seeds, agreement by phase, and roll-backs by name.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from engine.ablations import variants
from engine.jobs.worker import work
from engine.metrics.intervals import paired_t_interval
from engine.studio import EXAMPLE_TEACHER, Studio
from engine.workspace import Workspace


def main() -> None:
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--without-reading", action="store_true", help="leave out reading first")
    parser.add_argument("--to", type=Path, help="also write all numbers as JSON")
    given = parser.parse_args()
    studio = Studio(Workspace.default())
    project, reports = studio.open_example(), []
    print("seed   n | macro-F1 large small bag | accuracy large small bag | agreement small bag | s | GB")
    for seed in given.seeds:
        plan = studio.draft_plan(project.id, given.preset, teacher=EXAMPLE_TEACHER, seed=seed)
        if given.without_reading:
            plan = variants(plan)["without reading first"]
        run, began = studio.prepare(plan), time.monotonic()
        if work(run, studio.workspace) != "done":
            raise SystemExit(studio.status(run.id).sentence)
        r = studio.report(run.id) | {"wall": time.monotonic() - began}
        reports.append(r)
        t, s, b = r["teacher"], r["student"], r["baseline"]
        print(f"{seed:4d} {r['n']:3d} | {t['macro_f1']:14.3f} {s['macro_f1']:.3f} {b['macro_f1']:.3f} | "
              f"{t['accuracy']:14.3f} {s['accuracy']:.3f} {b['accuracy']:.3f} | "
              f"{r['agreement']:15.3f} {r['agreement_baseline']:.3f} | {r['wall']:.0f} | "
              f"{r['peak_memory_gb']:.2f}", flush=True)
        print("       " + "; ".join(_told(phase) for phase in r["phases"]), flush=True)
    for key in ("macro_f1", "accuracy"):
        means = {who: statistics.fmean(r[who][key] for r in reports)
                 for who in ("teacher", "student", "baseline")}
        line = f"mean {key}: large {means['teacher']:.3f}, small {means['student']:.3f}, " \
               f"bag of words {means['baseline']:.3f}"
        if len(reports) > 1:
            gap = paired_t_interval([r["student"][key] - r["baseline"][key] for r in reports])
            line += (f"; small minus bag {gap.value:+.3f} (95 % interval {gap.low:+.3f} to "
                     f"{gap.high:+.3f}, {gap.n} seeds)")
        print(line)
    agreement = statistics.fmean(r["agreement"] for r in reports)
    print(f"mean agreement with the large model: small {agreement:.3f}, bag of words "
          f"{statistics.fmean(r['agreement_baseline'] for r in reports):.3f}")
    back = [f"{p['title']} (seed {seed})" for seed, r in zip(given.seeds, reports, strict=True)
            for p in r["phases"] if not p["kept"]]
    print(f"rolled back: {', '.join(back) or 'none'}")
    if given.to:
        given.to.write_text(json.dumps(reports, indent=1), encoding="utf-8")


def _told(phase: dict[str, Any]) -> str:
    """A phase: agreement on steer before and after it; of one that reads, the words it foretells there."""
    share = "words" if phase["reads"] else "agreement"
    return (f"{phase['title']} {phase[f'{share}_before']:.3f} → {phase[share]:.3f}"
            f"{'' if phase['kept'] else ' (rolled back)'}")


if __name__ == "__main__":
    main()
