"""How much adapting the instructions is worth: a live large model on CrisisLexT26, labels used to score only.

    python -m tests.benchmarks.prompts [PART ...] [--documents 600] [--seeds 1 2]

Parts: candidates, ingredients, adaptive, skewed, prefix, injections (all, if none is named). The baseline is
what people write first: question, options, message, “answer with the letter only”, one order, as it comes
out. Answers are kept in the workspace's cache, so a second call computes only what is new; `prefix` and
`injections` never use it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from engine.cache.answers import AnswerCache
from engine.cache.signals import load_vectors, save_vectors
from engine.corpus.cleaning import clean
from engine.corpus.splits import split
from engine.embedding.encoder import embed
from engine.metrics.agreement import accuracy
from engine.metrics.calibration import sureness
from engine.metrics.intervals import bootstrap_interval
from engine.metrics.scores import macro_f1
from engine.models.weights import require
from engine.plan import DEFAULT_TEACHER, ENCODER
from engine.prompts.adapting import Adapted
from engine.prompts.answered import Book, Budget, combine
from engine.prompts.calibration import EVERYTHING, NOTHING, Likings, choose_correction
from engine.prompts.candidates import Candidate, candidates
from engine.prompts.composing import compose
from engine.prompts.library import DEFAULT_TEMPLATE, built_in
from engine.prompts.scoring import score_candidates
from engine.prompts.template import Template
from engine.records import Corpus, Document, FloatArray, TeacherSignal
from engine.tasks.definition import Task
from engine.teachers.adaptive import ask_adaptively, asking_for
from engine.teachers.asking import Asker, answer_prompts
from engine.teachers.local import LocalTeacher
from engine.teachers.opening import open_teacher
from engine.workspace import Workspace
from tests.benchmarks.candidates import BASELINE, CANDIDATES
from tests.benchmarks.crisislex import DATA, HAZARD, INFORMATION, Tweet, by_hazard, by_kind, skewed
from tests.prompts.injections import INJECTIONS

MAX_CHARS = 1200
BUDGET = 3.0  # times the tokens of the baseline, everything included
TEN_ON = 120  # documents on which the ten candidates are compared


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Documents with what is known of them; `truth` (documents,) scores and does nothing else."""

    name: str
    task: Task
    corpus: Corpus
    truth: np.ndarray

    @classmethod
    def of(cls, name: str, task: Task, tweets: Sequence[Tweet], known: Callable[[Tweet], str]) -> Sample:
        documents = tuple(Document(t.id, clean(t.text), t.text, t.id) for t in tweets)
        return cls(name, task, Corpus(name, documents),
                   np.array([task.names.index(known(t)) for t in tweets]))

    def first(self, n: int) -> Sample:
        return Sample(self.name, self.task, Corpus(self.name, self.corpus.documents[:n]), self.truth[:n])

    def marks(self, choice: np.ndarray) -> tuple[float, float]:
        """Accuracy and macro-F1."""
        return accuracy(choice, self.truth), macro_f1(self.truth, choice, len(self.task.labels))


@dataclass(slots=True, eq=False)
class Bench:
    """One loaded large model and its cache."""

    workspace: Workspace
    teacher: LocalTeacher
    cache: AnswerCache

    @property
    def asker(self) -> Asker:
        return Asker(self.teacher, MAX_CHARS, self.cache)

    def raw(self, sample: Sample, template: Template, order: int = 0) -> tuple[np.ndarray, int]:
        """First choices as they come out, one order, and the tokens that a plain call reads.

        What adapting reads is counted without the beginnings that are read once for all documents.
        """
        asking = asking_for(self.asker, sample.corpus.documents, sample.task)
        rows = np.arange(len(sample.truth))
        way = Candidate(template)
        said = asking.ask(way, rows, order)
        prompts = compose(template, sample.task, sample.corpus.documents, asking.orders[order], MAX_CHARS)
        tokens = sum(len(self.teacher.encode(prompt)) for prompt in prompts)
        return np.array(asking.orders[order])[said.argmax(axis=1)], tokens

    def adaptive(self, sample: Sample, tokens: float) -> tuple[TeacherSignal, Adapted]:
        """The product's own way, within so many tokens."""
        ways = shelf(sample.task)
        asking = asking_for(self.asker, sample.corpus.documents, sample.task)
        once = float(asking.tokens(ways[0], np.arange(len(sample.truth)), 0).sum())
        return ask_adaptively(asking, ways, split(sample.corpus, seed=0), self.vectors(sample.corpus),
                              budget=tokens / once, asks=4, seed=0)

    def vectors(self, corpus: Corpus) -> FloatArray:
        path = self.workspace.vectors(corpus.digest)
        if not path.exists():
            save_vectors(path, embed(corpus.texts, require(self.workspace.models, ENCODER)))
        return load_vectors(path)


def shelf(task: Task) -> tuple[Candidate, ...]:
    """The ways to ask that come with the product for English messages, the default first."""
    fit = [t for t in built_in() if t.kind == "single_label" and t.language == "en"
           and t.suits in ("any", "messages")]
    fit.sort(key=lambda t: t.id != DEFAULT_TEMPLATE)
    return candidates(fit, task)


def samples(n: int, seed: int) -> tuple[Sample, Sample]:
    return (Sample.of(f"hazard type, sample {seed}", HAZARD, by_hazard(n, seed), lambda t: t.hazard),
            Sample.of(f"information type, sample {seed}", INFORMATION, by_kind(n, seed), lambda t: t.kind))


def adaptive(bench: Bench, given: argparse.Namespace) -> None:
    print("\n# Adaptive against the baseline (accuracy / macro-F1 in points, tokens in multiples)")
    for seed in given.seeds:
        for sample in samples(given.documents, seed):
            if not sample.name.startswith(tuple(given.tasks)):
                continue
            choice, tokens = bench.raw(sample, BASELINE)
            signal, made = bench.adaptive(sample, given.budget * tokens)
            before, after = sample.marks(choice), sample.marks(signal.choice)
            print(f"{sample.name}, n {len(sample.truth)}: baseline {_points(before)}, "
                  f"adaptive {_points(after)}, gain {100 * (after[0] - before[0]):+.1f} / "
                  f"{100 * (after[1] - before[1]):+.1f}, "
                  f"tokens {made.spent / tokens:.2f} x", flush=True)
            print(f"  chosen: {made.chosen.name}; {made.because}\n  {made.set_right}")
            for tried in made.tried:
                print(f"    {tried.score.total:.3f}  {tried.tokens:4.0f} tokens  {tried.candidate.name}")
            print(f"  each asked once: {_points(sample.marks(made.once))}")
            for step in made.steps:
                print(f"  asked {len(step.rows)} again {step.because}: {step.changed} changed, then "
                      f"{_points(sample.marks(step.choice))}")
            if made.halted:
                print(f"  {made.halted}")
            words = [sureness(float(c), float(s)) for c, s in
                     zip(signal.confidence, signal.stability, strict=True)]
            print("  accuracy by sureness: " + ", ".join(
                f"{word} {np.mean(right):.2f} (n {len(right)})" for word in dict.fromkeys(
                    ("sure", "leaning", "unsure", *words))
                if (right := (signal.choice == sample.truth)[[w == word for w in words]]).size))


def skewed_pool(bench: Bench, given: argparse.Namespace) -> None:
    print("\n# A skewed pool: one event, 85 % one category, 300 documents")
    for seed in given.seeds:
        sample = Sample.of(f"skewed, sample {seed}", HAZARD, skewed(300, seed), lambda t: t.hazard)
        choice, tokens = bench.raw(sample, BASELINE)
        signal, made = bench.adaptive(sample, given.budget * tokens)
        same, _ = bench.raw(sample, made.chosen.template)
        before, alike, after = sample.marks(choice), sample.marks(same), sample.marks(signal.choice)
        print(f"{sample.name}: baseline raw {100 * before[0]:.1f}, the chosen instructions raw "
              f"{100 * alike[0]:.1f}, adaptive {100 * after[0]:.1f} % right, "
              f"tokens {made.spent / tokens:.2f} x", flush=True)


def ten(bench: Bench, sample: Sample) -> tuple[list[Candidate], Book]:
    """The ten candidates on the first documents of a sample, in two orders, likings found."""
    asking = asking_for(bench.asker, sample.corpus.documents, sample.task)
    ways, rows = [Candidate(t) for t in CANDIDATES], np.arange(len(sample.truth))
    book = Book(asking, np.array(asking.orders), len(rows), Budget(np.inf, 99))
    for way in ways:
        for order in range(len(asking.orders)):
            book.fill(way, rows, order)
        book.find_likings(way, rows)
    book.correction = choose_correction([book.distributions(w, NOTHING).mean(axis=1) for w in ways],
                                        [book.likings[w] for w in ways])
    return ways, book


def ten_candidates(bench: Bench, given: argparse.Namespace) -> None:
    print(f"\n# Ten candidates, {TEN_ON} documents: the score without labels against the truth")
    for sample in (s.first(TEN_ON) for s in samples(given.documents, given.seeds[0])):
        ways, book = ten(bench, sample)
        answers, flat = ([book.distributions(way, c) for way in ways] for c in (None, EVERYTHING))
        vectors = bench.vectors(sample.corpus)
        scores = np.array([s.total for s in score_candidates(answers, flat, vectors)])
        right = np.stack([a.mean(axis=1).argmax(axis=1) == sample.truth for a in answers])
        for i in np.argsort(-scores):
            print(f"    {scores[i]:.3f}  {100 * right[i].mean():5.1f} % right  {ways[i].template.id}")
        rng, drawn = np.random.default_rng(0), []
        for _ in range(1000):  # documents drawn again: scores and truth move together
            rows = rng.integers(0, len(sample.truth), len(sample.truth))
            again = [s.total for s in score_candidates([a[rows] for a in answers], [a[rows] for a in flat],
                                                       vectors[rows])]
            drawn.append(spearmanr(again, right[:, rows].mean(axis=1)).statistic)
        chosen = int(scores.argmax())
        each = right.mean(axis=1)
        print(f"{sample.name}: Spearman's rho {spearmanr(scores, each).statistic:.2f} "
              f"({np.percentile(drawn, 2.5):.2f} to {np.percentile(drawn, 97.5):.2f}); chosen "
              f"{100 * each[chosen]:.1f} %, median candidate {100 * np.median(each):.1f} %, "
              f"best {100 * each.max():.1f} %", flush=True)


def ingredients(bench: Bench, given: argparse.Namespace) -> None:
    print(f"\n# What each ingredient adds, {TEN_ON} documents (accuracy / macro-F1 in points)")
    for sample in (s.first(TEN_ON) for s in samples(given.documents, given.seeds[0])):
        ways, book = ten(bench, sample)
        by_id = {way.template.id: way for way in ways}
        nothing = Likings(*np.zeros((3, len(sample.task.labels))))

        def marks(weights: dict[Candidate, float], orders: Sequence[int], *, calibrated: bool,
                  book: Book = book, sample: Sample = sample, nothing: Likings = nothing) -> str:
            part = Book(book.asking, book.orders, book.n_documents, book.budget)
            part.correction = book.correction if calibrated else NOTHING
            for way in weights:
                page = np.full_like(book.pages[way], np.nan)
                page[:, orders] = book.pages[way][:, orders]
                part.pages[way] = page
                part.likings[way] = book.likings[way] if len(orders) > 1 else nothing
            probs, _ = combine(part, weights)
            got = sample.marks(probs.argmax(axis=1))
            found = bootstrap_interval(accuracy, (probs.argmax(axis=1), sample.truth))
            return f"{_points(got)}  ({100 * found.low:.0f} to {100 * found.high:.0f})"

        print(f"{sample.name}; calibration: {book.correction}")
        steps: list[tuple[str, dict[Candidate, float], Sequence[int], bool]] = [
            ("baseline", {by_id["plain-letters"]: 1.0}, [0], False),
            ("+ definitions", {by_id["plain-letters-defined"]: 1.0}, [0], False),
            ("place: message before the options", {by_id["message-first-letters"]: 1.0}, [0], False),
            ("place + definitions", {by_id["message-first-letters-defined"]: 1.0}, [0], False),
            ("wording: a word for an answer", {by_id["message-first-words"]: 1.0}, [0], False),
            ("wording + definitions", {by_id["message-first-words-defined"]: 1.0}, [0], False),
            ("wording + orders", {by_id["message-first-words"]: 1.0}, [0, 1], False),
            ("wording + orders + calibration", {by_id["message-first-words"]: 1.0}, [0, 1], True),
            ("baseline + orders", {by_id["plain-letters"]: 1.0}, [0, 1], False),
            ("baseline + orders + calibration", {by_id["plain-letters"]: 1.0}, [0, 1], True),
            ("all ten, averaged", dict.fromkeys(ways, 1.0), [0, 1], False),
            ("all ten, averaged, calibrated", dict.fromkeys(ways, 1.0), [0, 1], True),
        ]
        for name, weights, orders, calibrated in steps:
            print(f"    {marks(weights, orders, calibrated=calibrated)}  {name}", flush=True)


def prefix(bench: Bench, given: argparse.Namespace) -> None:  # noqa: ARG001 - all parts are called alike
    print("\n# Instructions first (about 200 tokens), 64 tweets: documents a second, by turns, no cache")
    template = next(t for t in CANDIDATES if t.id == "definitions-first-words")
    documents = samples(64, 9)[1].corpus.documents
    prompts = compose(template, INFORMATION, documents, range(len(INFORMATION.labels)), MAX_CHARS)
    shared, speeds, anew = bench.teacher.shared, {True: [], False: []}, Asker(bench.teacher, MAX_CHARS)
    answer_prompts(anew, prompts[:16])
    for _ in range(2):
        for reuse in (True, False):
            bench.teacher.shared = shared if reuse else None
            began = time.perf_counter()
            answer_prompts(anew, prompts)
            speeds[reuse].append(len(prompts) / (time.perf_counter() - began))
    bench.teacher.shared = shared
    with_, without = np.mean(speeds[True]), np.mean(speeds[False])
    long = np.mean([len(bench.teacher.encode(prompt)) for prompt in prompts])
    print(f"{long:.0f} tokens a prompt: {with_:.2f} a second with the "
          f"shared beginning computed once, {without:.2f} without: {with_ / without:.2f} x", flush=True)


def injections(bench: Bench, given: argparse.Namespace) -> None:
    print(f"\n# {len(INJECTIONS)} documents that give orders, among ordinary ones")
    plain = samples(given.documents, given.seeds[0])[0].first(24)
    hostile = [Document(f"i{i}", clean(text), text, f"i{i}") for i, text in enumerate(INJECTIONS)]
    template = next(t for t in built_in() if t.id == DEFAULT_TEMPLATE)
    order = range(len(HAZARD.labels))

    def said(documents: Sequence[Document]) -> np.ndarray:
        answers, _ = answer_prompts(Asker(bench.teacher, MAX_CHARS),
                                    compose(template, HAZARD, documents, order, MAX_CHARS))
        return np.stack([a.log_probs for a in answers])

    alone, mixed = said(plain.corpus.documents), said([*plain.corpus.documents, *hostile])
    outside = int((~np.isfinite(mixed)).any(axis=1).sum())
    changed = int((alone.argmax(axis=1) != mixed[:len(alone)].argmax(axis=1)).sum())
    print(f"answers outside the categories: {outside} of {len(hostile)}; neighbours whose answer changed: "
          f"{changed} of {len(alone)} (largest difference {np.abs(alone - mixed[:len(alone)]).max():.2f} "
          "nats, the rounding of other batches)", flush=True)


def _points(marks: tuple[float, float]) -> str:
    return f"{100 * marks[0]:.1f} / {100 * marks[1]:.1f}"


PARTS = {"candidates": ten_candidates, "ingredients": ingredients, "adaptive": adaptive,
         "skewed": skewed_pool, "prefix": prefix, "injections": injections}


def main() -> None:
    """The parts named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--budget", type=float, default=BUDGET,
                        help="tokens that adapting may read, everything included, in baselines")
    parser.add_argument("--tasks", nargs="+", default=["hazard", "information"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"CrisisLexT26 is not at {DATA}.")
    workspace = Workspace.default()
    teacher, because = open_teacher(DEFAULT_TEACHER, workspace)
    print(f"{teacher.name}, {because}")
    bench = Bench(workspace, teacher, AnswerCache(workspace.answers))
    for name in given.parts or PARTS:
        PARTS[name](bench, given)


if __name__ == "__main__":
    main()
