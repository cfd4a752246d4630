"""Speed of distilling: the studio beside TRL's GKD trainer and a plain Hugging Face `Trainer`, in one run.

    pip install "trl==1.16.0"        # for this benchmark only; without it its two parts are skipped
    python -m tests.benchmarks.distil [gkd everything trainer] [--documents 256] [--aside 128] [--epochs 2]

Same CrisisLexT26 tweets (hazard type, 7 categories), same machine, number format as `choose_device` settles
it; batches of 8, LoRA of rank 16 on every linear layer, the same rate and warm-up for all. Each rival has a
process of its own.

gkd         training from cached answers against GKD with its teacher live. GKD compares both models at the
            same tokens, so both must read one prompt. It gets the *teacher's* (in its chat form, with the
            categories, the answer begun as the teacher's is): with the student's short one the teacher would
            not know what is asked, and GKD would be faster at learning nothing. Completions are the cached
            first choices. Made fast for it: no gradient checkpointing (TRL's default recomputes), as few
            answer tokens as there are, bf16 as TRL does it (autocast, fp32 adapters). What it does by itself:
            a teacher's pass in every step of every pass, logits of all 151,936 words at *every* place of both
            models, log-softmax and divergence of all of them, and only then the mask of the answer. Its
            documents are longer (tokens a document are printed); the ratio of tokens/s tells without that.
everything  the *Balanced* preset from the file to the packed small model, models loaded, every answer asked
            anew, against GKD's loading and training on the same documents.
trainer     SmolLM2 from the cache against a plain `Trainer` with the same prompt: padded to the longest in
            the batch, not sorted, stock loss over all logits, hard labels.

Agreement is with the teacher in two orders, bias removed, on documents kept aside; GKD sees the teacher raw
in one order, so agreement with that is printed, too. Gold labels score macro-F1 and do nothing else. The
studio's training includes its looks at 32 documents that steer. The roofline: the most FLOP a second of three
sizes of matrix product in the same number format on all threads; useful FLOP are 2 × weights × tokens for a
forward pass and 4 × for a training step of LoRA (frozen weights get no gradient), the teacher's forward pass
added for GKD; padding, vocabulary, adapter and attention scores are not counted as useful, for anybody.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
import torch

from engine.corpus.cleaning import clean
from engine.devices import DeviceChoice, best_seconds, choose_device
from engine.errors import EngineError
from engine.metrics.agreement import accuracy
from engine.metrics.intervals import Interval, bootstrap_interval, paired_difference
from engine.metrics.scores import macro_f1
from engine.plan import DEFAULT_STUDENT, DEFAULT_TEACHER
from engine.prompts.library import DEFAULT_TEMPLATE, built_in
from engine.records import Document, Parts
from tests.benchmarks.crisislex import DATA, HAZARD, by_hazard
from tests.benchmarks.rivals import (
    Answered,
    Matter,
    Showing,
    answers,
    from_cache,
    gkd,
    plain_trainer,
    whole_road,
)

TRL = "1.16.0"
STUDENT = "qwen2.5-coder-0.5b-instruct"
STEER = 32
RATE = 7e-4  # that of the presets for SmolLM2 in the phase over all documents; for all rivals alike
PRODUCTS = ((128, 1024), (1024, 1024), (2048, 2048))  # rows; width, both ways
TRIAL_SECONDS = 1.0
T = TypeVar("T")
TARGETS = {"gkd": 8.0, "everything": 3.0, "trainer": 2.5}


class Refused(Exception):  # noqa: N818 - a sentence for the reader
    """A rival could not take part, in words."""


class Bench:
    """One run of the benchmark: what is given to all, and what came out so far."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        choice, self.roof = apart(machine)
        print(f"{choice.device}, {choice.dtype}, {choice.threads} threads: {choice.because}\n"
              f"roofline {self.roof / 1e9:,.0f} GFLOP/s", flush=True)
        asked = matter(given)
        self.answered: Answered = apart(answers, asked, given.teacher)
        self.matter = replace(asked, signal=self.answered.signal)
        self.aside = list(asked.parts.kept_aside)
        self.truth = np.array([asked.task.names.index(asked.truth[i]) for i in self.aside])
        print(f"the teacher's answers, no part of training from the cache: {self.answered.seconds:.0f} s for "
              f"n {self.answered.asked} prompts, {self.answered.from_cache} of them cached already")
        self.score("teacher", self.answered.signal.choice[self.aside])
        self.score("teacher, raw, one order", self.answered.raw[self.aside])
        self._gkd: Showing | None = None

    def gkd(self) -> Showing:
        """GKD's showing, once for both its parts."""
        if self._gkd is None:
            self._gkd = apart(gkd, self.matter, self.given.teacher, self.given.student)
            self.tell(self._gkd)
        return self._gkd

    def tell(self, shown: Showing) -> None:
        """Speed, memory and scores of one rival."""
        share = shown.flop / shown.train_s / self.roof
        print(f"{shown.who}: {shown.train_s:.1f} s of training (loading {shown.load_s:.1f} s), "
              f"{shown.steps} steps, n {shown.documents} documents, n {shown.tokens} tokens\n"
              f"  {shown.speed:.3f} documents/s, {shown.tokens / shown.train_s:.0f} tokens/s, "
              f"{shown.tokens / shown.documents:.0f} tokens a document, "
              f"{1 - shown.tokens / shown.places:.0%} of all places padding\n"
              f"  {shown.peak_gb:.2f} GB at its peak, {share:.1%} of the roofline")
        if shown.note:
            print(f"  note: {shown.note}")
        self.score(shown.who, shown.says)

    def score(self, who: str, says: np.ndarray) -> None:
        """Agreement with both readings of the teacher, and macro-F1, on the documents kept aside."""
        labels = len(self.matter.task.labels)
        agreement = bootstrap_interval(accuracy, (self.answered.signal.choice[self.aside], says))
        raw = accuracy(self.answered.raw[self.aside], says)
        marks = bootstrap_interval(lambda t, s: macro_f1(t, s, labels), (self.truth, says))
        print(f"  {who}: agreement {_interval(agreement)}, with the raw teacher {raw:.3f}; "
              f"macro-F1 {_interval(marks)}", flush=True)

    def compare(self, ours: Showing, theirs: Showing, part: str) -> None:
        """Ratios of one part, its target beside it."""
        _judge(f"({part}) documents/s, {ours.who} against {theirs.who}", ours.speed / theirs.speed,
               TARGETS[part], f"n {ours.documents} and {theirs.documents} documents trained on")
        print(f"  tokens/s: {ours.tokens / ours.train_s / (theirs.tokens / theirs.train_s):.2f} x; "
              f"peak memory: {ours.peak_gb / theirs.peak_gb:.2f} x")
        for name, said in (("teacher", self.answered.signal.choice), ("raw teacher", self.answered.raw)):
            gap = paired_difference(accuracy, ours.says, theirs.says, said[self.aside])
            word = "met" if gap.value >= 0 else "MISSED, within chance" if gap.high >= 0 else "MISSED"
            aim = f"; target equal or better: {word}" if (part, name) == ("gkd", "teacher") else ""
            print(f"  agreement with the {name}, ours minus theirs: {_interval(gap, sign=True)}{aim}")
        if self.given.steps_limit:
            print(f"  both stopped after {self.given.steps_limit} steps: these speeds hold for those steps, "
                  "and agreement and macro-F1 say nothing")


def against_gkd(bench: Bench) -> None:
    """(a) Training from the cache against GKD."""
    print("\n# gkd: training from the cache against GKD with its teacher live", flush=True)
    theirs = bench.gkd()
    ours = apart(from_cache, bench.matter, bench.given.student)
    bench.tell(ours)
    bench.compare(ours, theirs, "gkd")


def everything(bench: Bench) -> None:
    """(b) The Balanced preset, asking included, against GKD."""
    print("\n# everything: the Balanced preset from the file to the packed small model", flush=True)
    theirs = bench.gkd()
    try:
        report, seconds, peak = apart(whole_road, bench.matter, bench.given.teacher, bench.given.student)
    except Refused as refused:
        print(f"skipped: {refused}")
        return
    sizes, n = report["sizes"], sum(report["sizes"].values())
    stages = ", ".join(f"{name} {spent:.0f} s" for name, spent in report["stages"].items())
    print(f"ANON, everything: {seconds:.0f} s for n {n} documents ({sizes['learn']} to learn from, "
          f"{sizes['steer']} to steer by, {sizes['kept_aside']} kept aside): {stages}\n"
          f"  {report['asked']['prompts']} prompts asked, {peak:.2f} GB at its peak\n"
          f"  agreement {report['agreement']:.3f} (n {report['n']})")
    for who in ("teacher", "student", "baseline"):
        if report[who]["macro_f1"] is not None:
            print(f"  {who}: macro-F1 {report[who]['macro_f1']:.3f} (n {report[who]['n']})")
    if bench.given.steps_limit:
        print(f"  no ratio: GKD was stopped after {theirs.steps} steps and its whole time is not known")
        return
    spent, passed = theirs.load_s + theirs.train_s, theirs.documents // bench.matter.epochs
    print(f"  GKD: {spent:.0f} s for n {passed} documents, loading and {bench.matter.epochs} passes")
    _judge("(everything) time for the documents given, GKD's to ours", (spent / passed) / (seconds / n),
           TARGETS["everything"], f"n {n} and {passed} documents")
    print(f"  for each document *learned from* (n {sizes['learn']} of ours): "
          f"{(spent / passed) / (seconds / sizes['learn']):.2f} x")


def against_trainer(bench: Bench) -> None:
    """(c) The small default student against a plain Trainer."""
    print("\n# trainer: training from the cache against a plain Hugging Face Trainer", flush=True)
    theirs = apart(plain_trainer, bench.matter, bench.given.small)
    bench.tell(theirs)
    ours = apart(from_cache, bench.matter, bench.given.small)
    bench.tell(ours)
    bench.compare(ours, theirs, "trainer")


def apart(do: Callable[..., T], *given: object) -> T:
    """`do(*given)` in a fresh process, so that peaks of memory do not mix."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
        return one.submit(_told, do, *given).result()


def _told(do: Callable[..., T], *given: object) -> T:
    """What stands in the way comes back from another process as words alone."""
    try:
        return do(*given)
    except EngineError as error:
        raise Refused(f"{error.what} {error.fix}") from None


def machine() -> tuple[DeviceChoice, float]:
    """What is computed with, and the most FLOP a second that matrix products of some sizes came to."""
    choice = choose_device()
    torch.set_num_threads(choice.threads)
    most, dtype = 0.0, getattr(torch, choice.dtype)
    for rows, width in PRODUCTS:
        left = torch.ones(rows, width, dtype=dtype, device=choice.device)
        right = torch.ones(width, width, dtype=dtype, device=choice.device)
        # Fetching a number waits for a graphics card.
        best, = best_seconds([partial(_product, left, right)], TRIAL_SECONDS)
        most = max(most, 2 * rows * width ** 2 / best)
    return choice, most


def _product(left: torch.Tensor, right: torch.Tensor) -> float:
    return torch.mm(left, right)[0, 0].item()


def matter(given: argparse.Namespace) -> Matter:
    """The sample, cut into parts by position: it comes in random order."""
    n, tweets = given.documents, by_hazard(given.documents + STEER + given.aside, given.seed)
    parts = Parts(tuple(range(n)), tuple(range(n, n + STEER)), tuple(range(n + STEER, len(tweets))))
    template = next(t for t in built_in() if t.id == DEFAULT_TEMPLATE)
    return Matter(HAZARD, template, tuple(Document(t.id, clean(t.text), t.text, t.id) for t in tweets),
                  tuple(t.hazard for t in tweets), parts, given.epochs, given.rate, given.steps_limit,
                  given.seed)


def trl_is_here() -> bool:
    """Whether the rival is installed, in the version this was written for; says what to do if not."""
    try:
        found = version("trl")
    except PackageNotFoundError:
        found = "no version"
    if found != TRL:
        print(f"gkd and everything are skipped: TRL {TRL} is needed, {found} is installed.\n"
              f"    pip install \"trl=={TRL}\"")
    return found == TRL


def _judge(what: str, ratio: float, target: float, n: str) -> None:
    met = "met" if ratio >= target else "MISSED"
    print(f"{what}: {ratio:.2f} x ({n}); target {target:g} x: {met}")


def _interval(found: Interval, *, sign: bool = False) -> str:
    form = "+.3f" if sign else ".3f"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}}, n {found.n})"


DOES = {"gkd": against_gkd, "everything": everything, "trainer": against_trainer}


def main() -> None:
    """The parts named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *DOES], default=[])
    parser.add_argument("--documents", type=int, default=256, help="to learn from")
    parser.add_argument("--aside", type=int, default=128, help="kept aside, to score on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=RATE, help="learning rate of every rival")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps-limit", type=int, help="stop every rival after so many steps")
    parser.add_argument("--teacher", default=DEFAULT_TEACHER)
    parser.add_argument("--student", default=STUDENT, help="of gkd and everything")
    parser.add_argument("--small", default=DEFAULT_STUDENT, help="student of trainer")
    given = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"CrisisLexT26 is not at {DATA}.")
    parts = [part for part in DOES if part in (given.parts or DOES)]
    if set(parts) != {"trainer"} and not trl_is_here():
        parts = [part for part in parts if part == "trainer"]
    bench = Bench(given) if parts else None
    for part in parts:
        DOES[part](bench)


if __name__ == "__main__":
    main()
