"""Adapting how the large model is asked: to the corpus, by trying ways to ask on a sample; to the document,
by asking again what stays in doubt. No label is looked at; it knows no teacher.

    try every way on a diverse sample → choose → ask every document the chosen way
      → ask again, another way, what is undecided or not the same twice → until settled, or the budget ends
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.prompts.answered import Asking, Book, Budget, Rows, combine
from engine.prompts.calibration import AGREED, EVERYTHING, NOTHING, choose_correction, liking_sample
from engine.prompts.candidates import EXAMPLES, Candidate
from engine.prompts.scoring import Score, score_candidates
from engine.records import FloatArray

SETTLED = 0.4      # a document is settled if its two best categories are at least this far apart, and every
                   # time it was asked the same one came first
BOTH_ORDERS = 24   # documents asked in both where no way could be tried, to learn what a letter is worth
NEAR_BEST = 1.0    # standard errors: a shorter way to ask that scores this near the best is as good


@dataclass(frozen=True, slots=True)
class Tried:
    """One way to ask on the sample: its score, tokens a document, and what its voice weighs."""

    candidate: Candidate
    score: Score
    tokens: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One round of asking: the way, which documents, how, and what changed.

    `changed` counts first choices; `choice` (documents,) is everybody's first choice after it.
    """

    candidate: Candidate
    order: int
    rows: Rows
    because: str
    changed: int
    choice: NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """The answers, and how they came about.

    probs (documents, labels) rows sum to 1; stability (documents,): share of the voices whose first choice is
    the answer; asked (documents,) questions; reasons: document → why it was asked again; `set_right`: what
    was done about likings; `once` (documents,): first choices when each had been asked once; `halted`: where
    the budget ended, in words, or empty.
    """

    probs: FloatArray
    stability: FloatArray
    asked: NDArray[np.integer]
    tried: tuple[Tried, ...]
    chosen: Candidate
    because: str
    set_right: str
    once: NDArray[np.integer]
    steps: tuple[Step, ...]
    reasons: dict[int, str]
    spent: float
    halted: str


def try_out(book: Book, candidates: Sequence[Candidate], sample: Rows,
            vectors: FloatArray | None = None) -> list[Tried]:
    """Every way to ask on the sample, in every order, scored without labels; best first.

    A way that the budget does not pay for in full is not begun: none at all may be left.
    """
    kept = []
    for candidate in candidates:
        if book.pays_for(candidate, sample):
            for order in range(len(book.orders)):
                book.fill(candidate, sample, order)
            book.find_likings(candidate, sample)
            kept.append(candidate)
    if not kept:
        return []
    if book.calibrate:
        book.correction = choose_correction(
            [book.distributions(c, NOTHING)[sample].mean(axis=1) for c in kept],
            [book.likings[c] for c in kept])
    scores = score_candidates([book.distributions(c)[sample] for c in kept],
                              [book.distributions(c, EVERYTHING)[sample] for c in kept],
                              None if vectors is None else vectors[sample])
    best = max(s.total for s in scores)
    tried = [Tried(c, s, float(np.mean(book.asking.tokens(c, sample, 0))), (s.total / best) ** 2)
             for c, s in zip(kept, scores, strict=True)]
    return sorted(tried, key=lambda t: -t.score.total)


def choose(tried: Sequence[Tried]) -> tuple[Tried, str]:
    """The cheapest of those that score about as well as the best, and why. `tried`: best first."""
    best = tried[0]
    chosen = min((t for t in tried if t.score.as_good_as(best.score, NEAR_BEST)), key=lambda t: t.tokens)
    words = (f"of {len(tried)} ways to ask, its answers agreed most with what all say together, "
             "were spread most like them, and most alike for like documents" if chosen is best else
             f"it scored about as well as the best, “{best.candidate.name}”, and reads "
             f"{100 - 100 * chosen.tokens / best.tokens:.0f} % less")
    return chosen, f"{words}; no label was looked at"


def adapt(asking: Asking, candidates: Sequence[Candidate], *, orders: NDArray[np.integer], sample: Rows,
          learn: Rows, n_documents: int, budget: Budget, seed: int, vectors: FloatArray | None = None,
          calibrate: bool = True,
          sort_examples: Callable[[Rows, FloatArray, FloatArray], Rows] | None = None,
          on_step: Callable[[str, str], None] | None = None) -> Adapted:
    """Answers on every document, asked as the corpus and each document need, within a budget.

    Args:
        asking: the large model.
        candidates: ways to ask; the first is the analyst's own, used where no other can be afforded.
        orders: (orders, labels), two orders of the options.
        sample: diverse documents to try the candidates on: choices are made by these.
        learn: documents by which the likings are found.
        n_documents: all of them are asked.
        budget: the limit; trying out never takes what asking every document once needs.
        seed: of the sample by which likings are found.
        vectors: (documents, width) unit vectors, by which like documents should get like answers; or None.
        calibrate: False leaves likings as they are.
        sort_examples: told (rows in question, probs, stability) before a question with examples, gives those
            of the rows that have one to be shown beside; without it, no examples are shown.
        on_step: told (what, in words) after each step.

    Raises:
        SettingsError: the budget does not allow asking every document once.
        TeacherError: the teacher cannot answer.
    """
    every, own = np.arange(n_documents), candidates[0]
    needed = float(asking.tokens(own, every, 0).sum())
    if needed > budget.tokens:
        raise SettingsError(f"Asking every document once takes {needed:,.0f} tokens; the budget is "
                            f"{budget.tokens:,.0f}.", "Raise the budget, or shorten the instructions.")
    book = Book(asking, orders, n_documents, Budget(budget.tokens - needed, 2 * len(candidates)),
                calibrate=calibrate)
    tried = try_out(book, candidates, sample, vectors)
    payable = [t for t in tried if t.candidate == own or t.tokens * n_documents <= budget.tokens - book.spent]
    chosen, because = _payable(payable, own, lambda way: float(asking.tokens(way, every, 0).sum()),
                               budget.tokens - book.spent)
    first = chosen.candidate if chosen else own
    book.budget = budget
    book.fill(first, every, 0, however_often=True)  # trying out must leave no document without its answer
    pool = liking_sample(learn, seed)
    if calibrate and not tried:
        book.fill(first, pool[:BOTH_ORDERS], 1)
        book.correction = AGREED
    book.find_likings(first, pool)
    set_right = _set_right(book, first)
    if on_step:
        on_step("liking for a category", set_right)
    weights, steps, reasons, halted = {first: 1.0}, [], {}, ""
    once = combine(book, weights)[0].argmax(axis=1)
    for candidate, order, how in _ladder(first, tried, examples=sort_examples is not None):
        probs, stability = combine(book, weights)
        doubt = doubtful(probs, stability)
        if candidate.examples and sort_examples and len(doubt):
            doubt = sort_examples(doubt, probs, stability)  # without one it would be the same question again
        done = book.fill(candidate, doubt, order)
        if not len(done) and not book.turned_away:
            continue
        if candidate not in book.likings:  # with examples: the same way, so the same likings
            book.likings[candidate] = book.likings[first]
        weights.setdefault(candidate, next((t.weight for t in tried if t.candidate == candidate), 1.0))
        after = combine(book, weights)[0]
        changed = int((probs[done].argmax(axis=1) != after[done].argmax(axis=1)).sum())
        steps.append(Step(candidate, order, done, how, changed, after.argmax(axis=1)))
        reasons |= {int(row): f"asked again {how}: {why}"
                    for row, why in zip(done, _why(probs[done], stability[done]), strict=True)}
        if on_step:
            on_step(f"asking again, round {len(steps)}",
                    f"asked {len(done):,} documents again {how}, most undecided first: "
                    f"{changed:,} answers changed")
        if book.turned_away:
            halted = (f"the budget of {budget.tokens:,.0f} tokens is used up: {book.turned_away:,} documents "
                      "in doubt were not asked again")
            break
    probs, stability = combine(book, weights)
    return Adapted(probs, stability, _counted(book, weights), tuple(tried), first, because, set_right,
                   once, tuple(steps), reasons, book.spent, halted)


def _payable(tried: Sequence[Tried], own: Candidate, costs: Callable[[Candidate], float], left: float,
             ) -> tuple[Tried | None, str]:
    """The choice among ways of which all documents can be asked with the tokens that are left, and why.

    The sample's mean only guesses what a way costs: the chosen one is counted in full. `own` always fits.
    """
    among = list(tried)
    while among:
        chosen, because = choose(among)
        if chosen.candidate == own or costs(chosen.candidate) <= left:
            return chosen, because
        among.remove(chosen)
    return None, "the budget allowed no trying out"


def _set_right(book: Book, first: Candidate) -> str:
    """What was done about likings for categories, and what it changed, in words."""
    made = book.correction
    with_, without = (book.distributions(first, c)[:, 0].argmax(axis=1) for c in (made, NOTHING))
    changed = f"{(with_ != without).sum():,} of {book.n_documents:,} answers changed"
    if not book.calibrate:
        return "left as they are: the plan says so"
    if made.kind == "none":
        return "no liking for a category had to be set right"
    what = "what all documents lean to"
    if made.kind == "agreed":
        what = "what empty messages and documents both lean to"
    why = (f": two ways to ask then agree on {100 * made.agreement:.0f} % of the sample, not "
           f"{100 * made.before:.0f} %") if made.agreement else ""
    return f"{what} was set right at strength {made.strength:g}{why}; {changed}"


def doubtful(probs: FloatArray, stability: FloatArray) -> Rows:
    """Documents to ask again, most undecided first: two categories near, or not the same each time."""
    gap = _gap(probs)
    rows = np.flatnonzero((gap < SETTLED) | (stability < 1))
    return rows[np.argsort(gap[rows], kind="stable")]


def _gap(probs: FloatArray) -> FloatArray:
    ordered = np.sort(probs, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _why(probs: FloatArray, stability: FloatArray) -> list[str]:
    return ["its answer was not the same each time" if steady < 1 else
            f"two categories were {100 * gap:.0f} points apart"
            for gap, steady in zip(_gap(probs), stability, strict=True)]


def _counted(book: Book, weights: Mapping[Candidate, float]) -> NDArray[np.integer]:
    """Answers that stand behind each document's, shape (documents,)."""
    return np.sum([(~np.isnan(book.pages[c][:, :, 0])).sum(axis=1) for c in weights], axis=0)


def _ladder(first: Candidate, tried: Sequence[Tried], *, examples: bool) -> list[tuple[Candidate, int, str]]:
    """Ways to ask again: the options turned round, the best other way, with examples."""
    steps = [(first, 1, "with the categories in another order")]
    others = [t.candidate for t in tried if t.candidate != first]
    steps += [(other, 0, f"in another way ({other.name})") for other in others[:1]]
    if examples:
        steps.append((first.with_examples(), 0, f"with up to {EXAMPLES} sorted messages beside it"))
    return steps
