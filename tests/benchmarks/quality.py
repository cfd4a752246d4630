"""How good students get on events they never saw: CrisisLexT26 information type, whole events held out.

    python -m tests.benchmarks.quality [answers seeds curve ablation pruned] [--documents 2000] [--seeds 0 1]
                                      [--preset balanced] [--students smollm2-135m-instruct]

The large model's answers come from the adaptive instructions (budget 2), chosen on the documents that steer;
labels score only. Kept aside: 600 tweets of six events of which nothing is learned, and no near-duplicate of
them. Beside every student a bag of words on the same answers.

answers   what the large model itself scores on the events held out
seeds     SmolLM2 and Qwen2.5-Coder-0.5B by a preset's phases, and SmolLM2 by plain soft labels (all
          documents at once, outputs alone), mean over seeds with Student's t interval
curve     SmolLM2 by the number of documents
ablation  SmolLM2, each part of the method left out
pruned    Qwen2.5-Coder-0.5B cut to 12 of its 24 layers, beside the whole one

Answers are kept in the workspace's cache: the first call asks, later ones train.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.ablations import variants
from engine.cache.answers import AnswerCache
from engine.corpus.cleaning import clean
from engine.corpus.duplicates import duplicate_groups
from engine.devices import choose_device
from engine.embedding.encoder import embed
from engine.evaluation.baseline import fit_baseline
from engine.events import EventLog, read_events
from engine.metrics.agreement import accuracy
from engine.metrics.intervals import bootstrap_interval, paired_t_interval
from engine.metrics.scores import macro_f1
from engine.models.weights import require
from engine.plan import (
    DEFAULT_STUDENT,
    DEFAULT_TEACHER,
    ENCODER,
    PRESET_TITLES,
    AskPlan,
    DistillPlan,
    Preset,
    StudentPlan,
    phases_for,
)
from engine.prompts.library import DEFAULT_TEMPLATE, built_in
from engine.records import Corpus, Document, FloatArray, Parts, TeacherSignal
from engine.schooling import subject_of, teach
from engine.students.predicting import predict
from engine.teachers.adaptive import ask_adaptively, asking_for
from engine.teachers.opening import open_teacher
from engine.teachers.protocol import DEPTHS
from engine.workspace import Workspace
from tests.benchmarks.crisislex import INFORMATION, tweets
from tests.benchmarks.prompts import MAX_CHARS, shelf

# Written down before anything was asked: one event of each hazard, in different years, places and languages.
HELD_OUT = ("2012_Guatemala_earthquake", "2012_Typhoon_Pablo", "2013_Alberta_floods",
            "2013_Australia_bushfire", "2013_Boston_bombings", "2013_Spain_train_crash")
ASIDE, STEER_SHARE = 600, 0.15
LARGER = "qwen2.5-coder-0.5b-instruct"
CURVE = (500, 1000, 2000, 4000)
BUDGET = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Documents, what is known of them, and the large model's answers to them."""

    workspace: Workspace
    corpus: Corpus
    truth: np.ndarray
    parts: Parts
    signal: TeacherSignal
    vectors: FloatArray
    once: np.ndarray  # its first choices when each document had been asked once
    made: dict[str, FloatArray] = field(default_factory=dict)  # what students said: each is trained once

    def first(self, n: int) -> Parts:
        """The parts with so many documents to learn from and steer by."""
        share = n / (len(self.parts.learn) + len(self.parts.steer))
        return Parts(self.parts.learn[:round(share * len(self.parts.learn))],
                     self.parts.steer[:max(60, round(share * len(self.parts.steer)))], self.parts.kept_aside)


def sample(n: int, seed: int = 0) -> tuple[list[Document], np.ndarray, Parts]:
    """`n` tweets to learn from and steer by, `ASIDE` of the events held out, no near-duplicates anywhere."""
    known = [tweet for tweet in tweets() if tweet.kind]
    random.Random(seed).shuffle(known)
    aside = [tweet for tweet in known if tweet.event in HELD_OUT][:ASIDE]
    rest = [tweet for tweet in known if tweet.event not in HELD_OUT]
    texts = [clean(tweet.text) for tweet in (*aside, *rest)]
    groups = duplicate_groups(texts)
    shown, taken, chosen = set(groups[:len(aside)]), set(), []
    for tweet, group in zip(rest, groups[len(aside):], strict=True):
        if group not in shown and group not in taken and len(chosen) < n:
            taken.add(group)
            chosen.append(tweet)
    every = [*chosen, *aside]
    documents = [Document(t.id, clean(t.text), t.text, t.id) for t in every]
    truth = np.array([INFORMATION.names.index(t.kind) for t in every])
    steer = [i for i in range(len(chosen)) if i % round(1 / STEER_SHARE) == 0]
    learn = [i for i in range(len(chosen)) if i % round(1 / STEER_SHARE)]
    return documents, truth, Parts(tuple(learn), tuple(steer), tuple(range(len(chosen), len(every))))


def ground(n: int, workspace: Workspace) -> Ground:
    """Everything that students are taught from."""
    documents, truth, parts = sample(n)
    corpus = Corpus("quality", tuple(documents))
    vectors = embed(corpus.texts, require(workspace.models, ENCODER))
    teacher, because = open_teacher(DEFAULT_TEACHER, workspace)
    print(f"{teacher.name}, {because}; {len(parts.learn)} to learn from, {len(parts.steer)} to steer by, "
          f"{len(parts.kept_aside)} of {len(HELD_OUT)} other events kept aside", flush=True)
    began = time.monotonic()
    try:
        asking = asking_for(teacher, documents, INFORMATION, depths=DEPTHS, max_chars=MAX_CHARS,
                            cache=AnswerCache(workspace.answers), progress=_told)
        signal, made = ask_adaptively(asking, shelf(INFORMATION), parts, vectors, budget=BUDGET, asks=4,
                                      seed=0)
    finally:
        teacher.close()
    print(f"asked in {time.monotonic() - began:.0f} s: {made.chosen.name}; {made.set_right}", flush=True)
    return Ground(workspace, corpus, truth, parts, signal, vectors, made.once)


def _told(title: str) -> Callable[[int, int], None]:
    return lambda done, total: print(f"  {title}: {done} of {total}", flush=True) if done % 512 == 0 else None


def plan_of(student: StudentPlan, seed: int, preset: Preset) -> DistillPlan:
    """The phases of a preset; nothing is asked again, so that every student learns from the same answers."""
    template = next(t for t in built_in() if t.id == DEFAULT_TEMPLATE)
    return DistillPlan(
        project="benchmark", corpus="quality", task=INFORMATION, seed=seed, student=student,
        ask=AskPlan(teacher=DEFAULT_TEACHER, template=template),
        phases=tuple(p.model_copy(update={"ask_again": False}) for p in phases_for(preset)))


def plain(plan: DistillPlan) -> DistillPlan:
    """Soft labels of all documents from the first step to the last: no phases, no representations."""
    return variants(variants(plan)["without phases"])["without representations"]


def taught(ground: Ground, plan: DistillPlan, parts: Parts) -> FloatArray:
    """A student's probabilities on the documents kept aside."""
    key = f"{plan.model_dump_json()} {len(parts.learn)}"
    if key not in ground.made:
        ground.made[key] = _taught(ground, plan, parts)
    return ground.made[key]


def _taught(ground: Ground, plan: DistillPlan, parts: Parts) -> FloatArray:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        subject = subject_of(plan, ground.corpus, parts, ground.signal, ground.vectors)
        student, phases = teach(plan, subject, require(ground.workspace.models, plan.student.model),
                                choose_device(), Path(folder), EventLog(Path(folder) / "events.jsonl"),
                                lambda: None, None)
        seen: dict[str, list[str]] = {}
        for event in read_events(Path(folder) / "events.jsonl")[0]:
            if event["kind"] == "gate":
                seen.setdefault(event["phase"], []).append(f"{event['agreement']:.3f}")
    said = predict(student, [ground.corpus.texts[i] for i in parts.kept_aside])
    looks = "; ".join(f"{p['title']} {' '.join(seen[p['name']])}" for p in phases)
    print(f"    {plan.student.model}, seed {plan.seed}: {time.monotonic() - began:.0f} s, "
          f"{sum(p['steps'] for p in phases)} steps; agreement on steer: {looks}", flush=True)
    return said


def marks(ground: Ground, choice: np.ndarray, parts: Parts) -> tuple[float, float]:
    """Macro-F1 against gold, and agreement with the large model, on the documents kept aside."""
    aside = list(parts.kept_aside)
    return (macro_f1(ground.truth[aside], choice, len(INFORMATION.labels)),
            accuracy(choice, ground.signal.choice[aside]))


def bag(ground: Ground, parts: Parts, seed: int) -> np.ndarray:
    """What a bag of words says on the documents kept aside, learned from the same answers."""
    learn, texts = list(parts.learn), ground.corpus.texts
    made = fit_baseline([texts[i] for i in learn], ground.signal.choice[learn], seed=seed)
    return made.predict([texts[i] for i in parts.kept_aside])


def answers(ground: Ground, given: argparse.Namespace) -> None:  # noqa: ARG001
    aside = list(ground.parts.kept_aside)
    truth = ground.truth[aside]
    for name, choice in (("each document asked once", ground.once), ("as adapted", ground.signal.choice)):
        said = choice[aside]
        interval = bootstrap_interval(lambda g, p: macro_f1(g, p, len(INFORMATION.labels)), [truth, said])
        print(f"large model, {name}: macro-F1 {interval.value:.3f} ({interval.low:.3f} to "
              f"{interval.high:.3f}), accuracy {accuracy(truth, said):.3f}, n {len(aside)}")


def _row(title: str, found: Sequence[tuple[float, float]]) -> None:
    f1, same = (np.array(column) for column in zip(*found, strict=True))
    spread = f" (± {f1.std(ddof=1):.3f} over {len(f1)} seeds)" if len(f1) > 1 else ""
    print(f"  {title:44} macro-F1 {f1.mean():.3f}{spread}, agreement {same.mean():.3f}", flush=True)


def seeds(ground: Ground, given: argparse.Namespace) -> None:
    parts, scores = ground.parts, {}
    students = {"SmolLM2, full method": (DEFAULT_STUDENT, None),
                "SmolLM2, plain soft labels": (DEFAULT_STUDENT, plain),
                "Qwen 0.5B, full method": (LARGER, None)}
    students = {title: how for title, how in students.items() if how[0] in given.students}
    for seed in given.seeds:
        for title, (student, make) in students.items():
            plan = plan_of(StudentPlan(model=student), seed, given.preset)
            said = taught(ground, make(plan) if make else plan, parts)
            scores.setdefault(title, []).append(marks(ground, said.argmax(1), parts))
            _row(f"{title}, seed {seed}", scores[title][-1:])
    for title in students:
        _row(title, scores[title])
    scores["bag of words"] = [marks(ground, bag(ground, parts, seed), parts) for seed in given.seeds]
    _row("bag of words", scores["bag of words"])
    large = marks(ground, ground.signal.choice[list(parts.kept_aside)], parts)[0]
    print(f"  {'large model':44} macro-F1 {large:.3f}")
    for other, target in (("bag of words", 0.08), ("SmolLM2, plain soft labels", 0.03)):
        if "SmolLM2, full method" not in scores:
            continue
        full = np.array([f1 for f1, _ in scores["SmolLM2, full method"]])
        gap = full - np.array([f1 for f1, _ in scores[other]])
        told = f"{gap.mean():+.3f}"
        if len(gap) > 1:
            interval = paired_t_interval(gap)
            told += f" ({interval.low:+.3f} to {interval.high:+.3f})"
        print(f"  SmolLM2, full method minus {other}: {told}; target {target:+.2f}")
    if "Qwen 0.5B, full method" in scores:
        mean = np.mean([f1 for f1, _ in scores["Qwen 0.5B, full method"]])
        print(f"  Qwen 0.5B minus the large model: {mean - large:+.3f}; target −0.03", flush=True)


def curve(ground: Ground, given: argparse.Namespace) -> None:
    for n in (n for n in CURVE if n <= len(ground.parts.learn) + len(ground.parts.steer) + 8):
        parts, seed = ground.first(n), given.seeds[0]
        said = taught(ground, plan_of(StudentPlan(), seed, given.preset), parts)
        _row(f"{n} documents: SmolLM2", [marks(ground, said.argmax(1), parts)])
        _row(f"{n} documents: bag of words", [marks(ground, bag(ground, parts, seed), parts)])


def ablation(ground: Ground, given: argparse.Namespace) -> None:
    for seed in given.seeds[:1]:
        for name, plan in variants(plan_of(StudentPlan(), seed, given.preset)).items():
            if name not in ("without adaptive prompts", "without calibration"):  # the same answers for all
                _row(name, [marks(ground, taught(ground, plan, ground.parts).argmax(1), ground.parts)])


def pruned(ground: Ground, given: argparse.Namespace) -> None:
    found = {}
    for title, layers in (("Qwen 0.5B, 24 layers", None), ("Qwen 0.5B, 12 layers", 12)):
        plan = plan_of(StudentPlan(model=LARGER, layers=layers), given.seeds[0], given.preset)
        found[title] = marks(ground, taught(ground, plan, ground.parts).argmax(1), ground.parts)
        _row(title, [found[title]])
    whole, cut = (agreement for _, agreement in found.values())
    print(f"  the cut one keeps {cut / whole:.1%} of the whole one's agreement; target 90 %")


def main() -> None:
    """Ask, then run the parts asked for."""
    parts = {"answers": answers, "seeds": seeds, "curve": curve, "ablation": ablation, "pruned": pruned}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--preset", choices=PRESET_TITLES, default="balanced")
    parser.add_argument("--students", nargs="+", choices=(DEFAULT_STUDENT, LARGER),
                        default=(DEFAULT_STUDENT, LARGER), help="of seeds")
    given = parser.parse_args()
    made = ground(given.documents, Workspace.default())
    for name in given.parts or parts:
        print(f"\n# {name}", flush=True)
        parts[name](made, given)


if __name__ == "__main__":
    main()
