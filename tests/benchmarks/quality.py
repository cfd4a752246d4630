"""How good students get on events they never saw: CrisisLexT26 information type, whole events held out.

    python -m tests.benchmarks.quality [answers orders again seeds curve ablation pruned] [--documents 2000]
                        [--seeds 0 1] [--preset balanced] [--students smollm2-135m-instruct] [--keep FOLDER]

Documents and answers are those of `held_out`: kept aside are 600 tweets of six events of which nothing is
learned, and no near-duplicate of them. Beside every student a bag of words on the same answers.

answers   what the large model itself scores on the events held out
orders    the same where it is not adapted how it is asked: all in two orders, or in one and a few in a
          second
again     of what is asked again between phases: how many answers became right, and wrong
seeds     SmolLM2 and Qwen2.5-Coder-0.5B by a preset's phases, and SmolLM2 by plain soft labels (all
          documents at once, outputs alone), mean over seeds with Student's t interval
curve     SmolLM2 by the number of documents
ablation  SmolLM2, each part of the method left out
pruned    Qwen2.5-Coder-0.5B cut to 12 of its 24 layers, beside the whole one

Answers are kept in the workspace's cache: the first call asks, later ones train.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.ablations import FULL, variants
from engine.devices import choose_device
from engine.evaluation.baseline import fit_baseline
from engine.events import EventLog, read_events
from engine.metrics.agreement import accuracy
from engine.metrics.intervals import Interval, bootstrap_interval, paired_difference, paired_t_interval
from engine.metrics.scores import macro_f1
from engine.models.shape import width_of
from engine.models.weights import require
from engine.plan import (
    DEFAULT_STUDENT,
    DEFAULT_TEACHER,
    PRESET_TITLES,
    AskPlan,
    DistillPlan,
    Preset,
    StudentPlan,
)
from engine.presets import phases_for, rate_share, representation_loss_for
from engine.prompts.library import DEFAULT_TEMPLATE, built_in
from engine.records import FloatArray, Parts
from engine.schooling import subject_of, teach
from engine.students.predicting import predict
from engine.workspace import Workspace
from tests.benchmarks.crisislex import INFORMATION
from tests.benchmarks.held_out import (
    Ground,
    asked_again,
    ground,
    without_adapting,
    without_calibration,
)

LARGER = "qwen2.5-coder-0.5b-instruct"
CURVE = (500, 1000, 2000, 4000)


def plan_of(student: StudentPlan, seed: int, preset: Preset, *, asks_again: bool = False) -> DistillPlan:
    """The phases of a preset; every student learns from the same answers, unless one `asks_again`."""
    template = next(t for t in built_in() if t.id == DEFAULT_TEMPLATE)
    rate = rate_share(width_of(Workspace.default().models, student.model))
    return DistillPlan(
        project="benchmark", corpus="quality", task=INFORMATION, seed=seed, student=student,
        ask=AskPlan(teacher=DEFAULT_TEACHER, template=template),
        representation_loss=representation_loss_for("single_label", heals=student.layers is not None),
        phases=phases_for(preset, rate=rate, heals=student.layers is not None, asks_again=asks_again))


def plain(plan: DistillPlan) -> DistillPlan:
    """Soft labels of all documents from the first step to the last: no reading, phases, representations."""
    for part in ("without reading first", "without phases", "without representations"):
        plan = variants(plan).get(part, plan)
    return plan


def taught(ground: Ground, plan: DistillPlan, parts: Parts) -> FloatArray:
    """A student's probabilities on the documents kept aside."""
    return ground.said(f"{plan.model_dump_json()} {len(parts.learn)}",
                       lambda folder: _taught(ground, plan, parts, folder))


def _taught(ground: Ground, plan: DistillPlan, parts: Parts, folder: Path) -> FloatArray:
    began, log = time.monotonic(), folder / "events.jsonl"
    subject = subject_of(plan, ground.corpus, parts, ground.signal, ground.vectors)
    student, phases = teach(plan, subject, require(ground.workspace.models, plan.student.model),
                            choose_device(), folder, EventLog(log), lambda: None, ground.again)
    seen: dict[str, list[str]] = {}
    for event in read_events(log)[0]:
        if event["kind"] in ("gate", "read"):
            share = event["agreement"] if event["kind"] == "gate" else event["words"]
            seen.setdefault(event["phase"], []).append(f"{share:.3f}")
    said = predict(student, [ground.corpus.texts[i] for i in parts.kept_aside])
    looks = "; ".join(f"{p['title']} {' '.join(seen.get(p['name'], ()))}" for p in phases)
    print(f"    {plan.student.model}, seed {plan.seed}: {time.monotonic() - began:.0f} s, "
          f"{sum(p['steps'] for p in phases)} steps; agreement on steer (reading: words): {looks}",
          flush=True)
    return said


@dataclass(frozen=True, slots=True)
class Marks:
    """Macro-F1 against gold and agreement with the large model, on the documents kept aside."""

    f1: Interval
    agreement: Interval

    def __str__(self) -> str:
        return (f"macro-F1 {self.f1.value:.3f} ({self.f1.low:.3f} to {self.f1.high:.3f}), agreement "
                f"{self.agreement.value:.3f} ({self.agreement.low:.3f} to {self.agreement.high:.3f})")


def marks(ground: Ground, choice: np.ndarray) -> Marks:
    """What first choices on the documents kept aside are worth, with intervals over documents."""
    aside = list(ground.parts.kept_aside)
    return Marks(bootstrap_interval(lambda g, p: macro_f1(g, p, len(INFORMATION.labels)),
                                    [ground.truth[aside], choice]),
                 bootstrap_interval(accuracy, [choice, ground.signal.choice[aside]]))


def bag(ground: Ground, parts: Parts, seed: int) -> np.ndarray:
    """What a bag of words says on the documents kept aside, learned from the same answers."""
    learn, texts = list(parts.learn), ground.corpus.texts
    made = fit_baseline([texts[i] for i in learn], ground.signal.choice[learn], seed=seed)
    return made.predict([texts[i] for i in parts.kept_aside])


def answers(ground: Ground, given: argparse.Namespace) -> None:  # noqa: ARG001
    for name, choice in (("each document asked once", ground.once), ("as adapted", ground.signal.choice)):
        print(f"  large model, {name:28} {marks(ground, choice[list(ground.parts.kept_aside)])}")


def orders(ground: Ground, given: argparse.Namespace) -> None:
    aside = list(ground.parts.kept_aside)
    for n in (1, 2):
        for seed in given.seeds:
            on = without_adapting(ground, n, seed)
            _row(f"large model, orders {n}, {on.signal.asked.sum():,} questions, seed {seed}",
                 [marks(on, on.signal.choice[aside])])


def again(ground: Ground, given: argparse.Namespace) -> None:
    before, after = asked_again(ground, seed=given.seeds[0])
    rows = np.flatnonzero(after.asked != before.asked)
    truth, was, now = ground.truth[rows], before.choice[rows], after.choice[rows]
    gain = paired_difference(accuracy, now, was, truth)
    mended, spoilt = (int(((one == truth) & (other != truth)).sum())
                      for one, other in ((now, was), (was, now)))
    print(f"  {len(rows)} of {len(ground.parts.learn)} documents to learn from asked again: right before "
          f"{accuracy(truth, was):.3f}, after {accuracy(truth, now):.3f}, {gain.value:+.3f} "
          f"({gain.low:+.3f} to {gain.high:+.3f}); {int((was != now).sum())} answers changed, "
          f"{mended} mended, {spoilt} spoilt", flush=True)


def _row(title: str, found: Sequence[Marks]) -> None:
    """One seed with intervals over documents; several with their means and Student's t over seeds."""
    if len(found) == 1:
        print(f"  {title:44} {found[0]}", flush=True)
        return
    f1 = paired_t_interval([one.f1.value for one in found])
    same = paired_t_interval([one.agreement.value for one in found])
    print(f"  {title:44} {Marks(f1, same)}, {len(found)} seeds", flush=True)


def seeds(ground: Ground, given: argparse.Namespace) -> None:
    parts, scores = ground.parts, {}
    students = {"SmolLM2, full method": (DEFAULT_STUDENT, None),
                "SmolLM2, plain soft labels": (DEFAULT_STUDENT, plain),
                "Qwen 0.5B, full method": (LARGER, None)}
    students = {title: how for title, how in students.items() if how[0] in given.students}
    for seed in given.seeds:
        for title, (student, make) in students.items():
            plan = plan_of(StudentPlan(model=student), seed, given.preset, asks_again=make is None)
            said = taught(ground, make(plan) if make else plan, parts)
            scores.setdefault(title, []).append(marks(ground, said.argmax(1)))
            _row(f"{title}, seed {seed}", scores[title][-1:])
    for title in students:
        _row(title, scores[title])
    scores["bag of words"] = [marks(ground, bag(ground, parts, seed)) for seed in given.seeds]
    _row("bag of words", scores["bag of words"])
    large = marks(ground, ground.signal.choice[list(parts.kept_aside)])
    _row("large model", [large])
    scores["the large model"] = [large] * len(given.seeds)
    for title, other, target in (("SmolLM2, full method", "bag of words", 0.08),
                                 ("SmolLM2, full method", "SmolLM2, plain soft labels", 0.03),
                                 ("Qwen 0.5B, full method", "the large model", -0.03)):
        if title in scores:
            _gap(f"{title} minus {other}", scores[title], scores[other], target)


def _gap(title: str, ours: Sequence[Marks], theirs: Sequence[Marks], target: float) -> None:
    for what, told in (("f1", f"macro-F1, target {target:+.2f}"), ("agreement", "agreement")):
        gaps = [getattr(a, what).value - getattr(b, what).value for a, b in zip(ours, theirs, strict=True)]
        if what == "agreement" and not any(b.agreement.value < 1 for b in theirs):
            continue  # the large model agrees with itself
        over = paired_t_interval(gaps) if len(gaps) > 1 else None
        spread = f" ({over.low:+.3f} to {over.high:+.3f})" if over else ""
        print(f"  {title}: {np.mean(gaps):+.3f}{spread} {told}", flush=True)


def curve(ground: Ground, given: argparse.Namespace) -> None:
    for n in (n for n in CURVE if n <= len(ground.parts.learn) + len(ground.parts.steer) + 8):
        parts, seed = ground.first(n), given.seeds[0]
        said = taught(ground, plan_of(StudentPlan(), seed, given.preset), parts)
        _row(f"{n} documents: SmolLM2", [marks(ground, said.argmax(1))])
        _row(f"{n} documents: bag of words", [marks(ground, bag(ground, parts, seed))])


def ablation(ground: Ground, given: argparse.Namespace) -> None:
    seed = given.seeds[0]
    plans = variants(plan_of(StudentPlan(), seed, given.preset))
    full = plans[FULL]
    # Nearly all of what the first one asks is known; the second asks every document anew.
    asked = {"without calibration": without_calibration, "without adaptive prompts": without_adapting}
    for name in (*(n for n in plans if n not in asked), *asked):
        on = asked[name](ground) if name in asked else ground
        _row(name, [marks(on, taught(on, plans.get(name, full) if on is ground else full,
                                     on.parts).argmax(1))])
        if on is not ground:
            _row("  its large model", [marks(on, on.signal.choice[list(on.parts.kept_aside)])])


def pruned(ground: Ground, given: argparse.Namespace) -> None:
    found = {}
    for title, layers in (("Qwen 0.5B, 24 layers", None), ("Qwen 0.5B, 12 layers", 12)):
        plan = plan_of(StudentPlan(model=LARGER, layers=layers), given.seeds[0], given.preset)
        found[title] = marks(ground, taught(ground, plan, ground.parts).argmax(1))
        _row(title, [found[title]])
    whole, cut = (one.agreement.value for one in found.values())
    print(f"  the cut one keeps {cut / whole:.1%} of the whole one's agreement; target 90 %")


def main() -> None:
    """Ask, then run the parts asked for."""
    parts = {"answers": answers, "orders": orders, "again": again, "seeds": seeds, "curve": curve,
             "ablation": ablation, "pruned": pruned}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, help="folder of what students said: those in it are not trained "
                        "again, and training broken off goes on (a new folder after a change to the method)")
    parser.add_argument("--preset", choices=PRESET_TITLES, default="balanced")
    parser.add_argument("--students", nargs="+", choices=(DEFAULT_STUDENT, LARGER),
                        default=(DEFAULT_STUDENT, LARGER), help="of seeds")
    given = parser.parse_args()
    made = ground(given.documents, Workspace.default(), given.keep)
    for name in given.parts or parts:
        print(f"\n# {name}", flush=True)
        parts[name](made, given)


if __name__ == "__main__":
    main()
