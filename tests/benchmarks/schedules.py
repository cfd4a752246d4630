"""How training is parted into phases, side by side, where documents are few.

    python -m tests.benchmarks.schedules [--only SCHEDULE…] [--seeds 0 1] [--documents 600] [--keep FOLDER]

Documents and answers are those of `held_out`, by the adaptive instructions, so nothing is asked again between
phases. Judged on 500 documents of the events that are learned from, which neither train nor steer, so that
no choice is made by those kept aside. Eight minutes a student on one CPU core. Prints agreement with the
large model and the divergence from it in nats.

Answers are kept in the workspace's cache: the first call asks, later ones train.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from engine.metrics.agreement import accuracy, mean_kl
from engine.metrics.intervals import bootstrap_interval
from engine.phase_plan import COOLED
from engine.plan import DistillPlan, StudentPlan
from engine.presets import READING, phases_for
from engine.records import Parts
from engine.workspace import Workspace
from tests.benchmarks.held_out import Ground, ground
from tests.benchmarks.quality import plain, plan_of, taught

JUDGED = 500
Schedule = Callable[[DistillPlan], DistillPlan]


def _phases(*passes: float, cools: bool = False) -> Schedule:
    """So many passes in each of the usual phases; whether the first cools down like the others."""
    first, *others = phases_for("quick", asks_again=False)
    first = first.model_copy(update={"cools_to": COOLED if cools else 1.0})
    made = tuple(phase.model_copy(update={"passes": length})
                 for phase, length in zip((first, *others), passes, strict=False))
    return lambda plan: plan.model_copy(update={"phases": made, "preset": "custom"})


def _reading_first(make: Schedule) -> Schedule:
    def made(plan: DistillPlan) -> DistillPlan:
        return plan.model_copy(update={"phases": (READING, *make(plan).phases), "preset": "custom"})
    return made


_ALL_AT_ONCE = _phases(2.0, 2.0, 1.0, cools=True)
SCHEDULES: dict[str, Schedule] = {
    "all at once": lambda plan: plain(_ALL_AT_ONCE(plan)),
    "each of three cools down": _phases(2.0, 2.0, 1.0, cools=True),
    "the first does not": _phases(2.0, 2.0, 1.0),
    "… and no hard cases": _phases(2.0, 2.7),
    "as Quick look": lambda plan: plan,
    "reading, then all at once": _reading_first(lambda plan: plain(_ALL_AT_ONCE(plan))),
    "reading, then as Quick look": _reading_first(lambda plan: plan),
}


def compare(on: Ground, only: list[str], seeds: list[int], documents: int) -> None:
    """Train a student by each schedule and print what it is worth."""
    learn = on.parts.learn
    judged = learn[-min(JUDGED, len(learn) // 2):]
    parts = Parts(learn[:min(documents, len(learn) - len(judged))], on.parts.steer, judged)
    says, choice = on.signal.probs[list(judged)], on.signal.choice[list(judged)]
    for seed in seeds:
        for name in only:
            said = taught(on, SCHEDULES[name](plan_of(StudentPlan(), seed, "quick")), parts)
            same = bootstrap_interval(accuracy, [said.argmax(1), choice])
            print(f"  {name:28} seed {seed}: agreement {same.value:.3f} ({same.low:.3f} to {same.high:.3f}), "
                  f"{mean_kl(says, said):.3f} nats", flush=True)


def main() -> None:
    """Ask, train by each schedule, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SCHEDULES, default=[*SCHEDULES])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--keep", type=Path, help="folder of what students said: those are not trained again")
    given = parser.parse_args()
    compare(ground(2000, Workspace.default(), given.keep), given.only, given.seeds, given.documents)


if __name__ == "__main__":
    main()
