"""Whole events held out: documents of CrisisLexT26, their parts, and what the large model says of them.

The answers come from the adaptive instructions, chosen on the documents that steer; labels score only. To see
what a part of the asking is worth the same documents are asked without it.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.cache.answers import AnswerCache
from engine.corpus.cleaning import clean
from engine.corpus.duplicates import duplicate_groups
from engine.embedding.encoder import embed
from engine.events import EventLog
from engine.models.weights import require
from engine.plan import DEFAULT_TEACHER, ENCODER, AskPlan, DistillPlan
from engine.presets import phases_for
from engine.progress import Counted
from engine.prompts.library import CAREFUL_TEMPLATE, built_in
from engine.questioning import Facts, Questions, facts_of
from engine.records import Corpus, Document, FloatArray, Parts, TeacherSignal
from engine.teachers.adaptive import ORDERS, ask_adaptively, asking_for
from engine.teachers.asking import Asker
from engine.teachers.opening import open_teacher
from engine.teachers.protocol import DEPTHS
from engine.workspace import Workspace
from tests.benchmarks.crisislex import INFORMATION, tweets
from tests.benchmarks.prompts import MAX_CHARS, shelf

# Written down before anything was asked: one event of each hazard, in different years, places and languages.
HELD_OUT = ("2012_Guatemala_earthquake", "2012_Typhoon_Pablo", "2013_Alberta_floods",
            "2013_Australia_bushfire", "2013_Boston_bombings", "2013_Spain_train_crash")
ASIDE, STEER_SHARE = 600, 0.15
BUDGET = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Documents, what is known of them, and the large model's answers to them.

    `kept`: a folder of what students said, by plan and answers, so that each is trained once. One whose
    training was broken off goes on from its last save point.
    """

    workspace: Workspace
    corpus: Corpus
    truth: np.ndarray
    parts: Parts
    signal: TeacherSignal
    vectors: FloatArray
    once: np.ndarray  # its first choices when each document had been asked once
    asked: Facts  # how the answers came about
    kept: Path | None = None
    made: dict[str, FloatArray] = field(default_factory=dict)

    def first(self, n: int) -> Parts:
        """The parts with so many documents to learn from and steer by."""
        share = n / (len(self.parts.learn) + len(self.parts.steer))
        return Parts(self.parts.learn[:round(share * len(self.parts.learn))],
                     self.parts.steer[:max(60, round(share * len(self.parts.steer)))], self.parts.kept_aside)

    def again(self, signal: TeacherSignal, differs: NDArray[np.bool_],
              learn: tuple[int, ...]) -> tuple[TeacherSignal, int]:
        """As a run asks again between phases."""
        with tempfile.TemporaryDirectory() as folder:
            return _questions(self, Path(folder)).again(signal, differs, learn, self.asked)

    def said(self, key: str, train: Callable[[Path], FloatArray]) -> FloatArray:
        """What a student says of the documents kept aside, by its key; trained if it never was."""
        about = key.encode() + np.ascontiguousarray(self.signal.probs).tobytes()
        name = hashlib.sha256(about).hexdigest()[:20]
        path = self.kept / f"{name}.npy" if self.kept else None
        if name in self.made:
            return self.made[name]
        if path and path.exists():
            self.made[name] = np.load(path)
            return self.made[name]
        with tempfile.TemporaryDirectory() as passing:
            folder = path.with_suffix("") if path else Path(passing)
            folder.mkdir(parents=True, exist_ok=True)
            self.made[name] = train(folder)
            if path:
                np.save(path, self.made[name])
                shutil.rmtree(folder)
        return self.made[name]


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


def ground(n: int, workspace: Workspace, kept: Path | None = None) -> Ground:
    """Everything that students are taught from."""
    documents, truth, parts = sample(n)
    corpus = Corpus("quality", tuple(documents))
    vectors = embed(corpus.texts, require(workspace.models, ENCODER))
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    print(f"{len(parts.learn)} to learn from, {len(parts.steer)} to steer by, "
          f"{len(parts.kept_aside)} of {len(HELD_OUT)} other events kept aside", flush=True)
    signal, once, asked = adapted(workspace, documents, parts, vectors)
    return Ground(workspace, corpus, truth, parts, signal, vectors, once, asked, kept)


def adapted(workspace: Workspace, documents: list[Document], parts: Parts, vectors: FloatArray,
            calibrate: bool = True) -> tuple[TeacherSignal, np.ndarray, Facts]:
    """The answers by the adaptive instructions, first choices when each document was asked once, and how
    they came about.
    """
    teacher, because = open_teacher(DEFAULT_TEACHER, workspace)
    began = time.monotonic()
    try:
        asking = asking_for(Asker(teacher, MAX_CHARS, AnswerCache(workspace.answers)), documents, INFORMATION,
                            depths=DEPTHS, progress=_told)
        signal, made = ask_adaptively(asking, shelf(INFORMATION), parts, vectors, budget=BUDGET, asks=4,
                                      seed=0, calibrate=calibrate)
    finally:
        teacher.close()
    print(f"{made.chosen.name}; {made.set_right}; {teacher.name}, {because}; asked in "
          f"{time.monotonic() - began:.0f} s", flush=True)
    return signal, made.once, facts_of(made) | {"weights": teacher.weights}


def without_adapting(ground: Ground, orders: int = ORDERS, seed: int = 0) -> Ground:
    """As a run asks that has no other ways to try: the product's own instructions, likings taken off.

    With one of `orders` a few are asked in a second, drawn by `seed`.
    """
    with tempfile.TemporaryDirectory() as folder:
        signal, asked = _questions(ground, Path(folder), orders, seed).first()
    assert isinstance(signal, TeacherSignal)
    return replace(ground, signal=signal, asked=asked, made={})


def asked_again(ground: Ground, orders: int = ORDERS, seed: int = 0) -> tuple[TeacherSignal, TeacherSignal]:
    """The answers of `without_adapting`, and those after asking again about those in doubt.

    No student stands beside it: where it would say otherwise is left out of the doubt.
    """
    with tempfile.TemporaryDirectory() as folder:
        questions = _questions(ground, Path(folder), orders, seed)
        before, asked = questions.first()
        assert isinstance(before, TeacherSignal)
        learn = ground.parts.learn
        after, _ = questions.again(before, np.zeros(len(learn), dtype=bool), learn, asked)
    return before, after


def _questions(ground: Ground, folder: Path, orders: int = ORDERS, seed: int = 0) -> Questions:
    by_id = {template.id: template for template in built_in()}
    own = next(way.template for way in shelf(INFORMATION) if way.definitions)
    plan = DistillPlan(
        project="benchmark", corpus="quality", task=INFORMATION, phases=phases_for("thorough"), seed=seed,
        ask=AskPlan(teacher=DEFAULT_TEACHER, orders=orders, max_chars=MAX_CHARS, template=own,
                    again_template=by_id[CAREFUL_TEMPLATE]))
    return Questions(plan, ground.corpus, ground.parts, ground.vectors, ground.workspace,
                     EventLog(folder / "events.jsonl"), _told, lambda: None)


def without_calibration(ground: Ground) -> Ground:
    """The adaptive instructions, likings left in."""
    signal, _, asked = adapted(ground.workspace, list(ground.corpus.documents), ground.parts, ground.vectors,
                               calibrate=False)
    return replace(ground, signal=signal, asked=asked, made={})


def _told(title: str) -> Counted:
    return lambda done, total: print(f"  {title}: {done} of {total}", flush=True) if done % 512 == 0 else None
