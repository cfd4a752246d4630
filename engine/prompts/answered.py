"""What was answered so far, whichever way it was asked: likings taken off, several answers made one.

Knows no teacher: it is given a way to ask, and a budget that it keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.prompts.bias import label_distributions, letter_bias
from engine.prompts.calibration import (
    Correction,
    Likings,
    class_pull,
    pool_pull,
    without_class_pull,
)
from engine.prompts.candidates import Candidate
from engine.records import FloatArray

Rows = NDArray[np.integer]


class Asking(Protocol):
    """The large model as adapting sees it."""

    def tokens(self, candidate: Candidate, rows: Rows, order: int) -> NDArray[np.integer]:
        """Tokens the large model would read for each row, asked that way; shape (rows,)."""
        ...

    def ask(self, candidate: Candidate, rows: Rows, order: int) -> FloatArray:
        """Log-probabilities (rows, labels) by position, the options in the order of that number."""
        ...

    def ask_nothing(self, candidate: Candidate, order: int) -> FloatArray:
        """The same for messages that say nothing: (messages, labels)."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `tokens` read by the large model over all documents, at most `asks` questions about one."""

    tokens: float
    asks: int = 4


@dataclass(slots=True, eq=False)
class Book:
    """Every answer so far: `pages` hold, for each candidate, (documents, orders, labels) by position.

    NaN where not asked. `likings` of each candidate, and the `correction` that is made of them. `spent`:
    tokens so far; `turned_away`: documents that the budget kept from being asked last time.
    """

    asking: Asking
    orders: NDArray[np.integer]
    n_documents: int
    budget: Budget
    pages: dict[Candidate, FloatArray] = field(default_factory=dict)
    likings: dict[Candidate, Likings] = field(default_factory=dict)
    correction: Correction = Correction()
    calibrate: bool = True
    spent: float = 0.0
    turned_away: int = 0

    def fill(self, candidate: Candidate, rows: Rows, order: int, *, however_often: bool = False) -> Rows:
        """Ask these documents, in this order, as far as the budget goes; gives those that were asked.

        `however_often`: also those that were asked as often as is allowed, other ways.
        """
        self.turned_away = 0
        page = self.pages.setdefault(
            candidate, np.full((self.n_documents, *self.orders.shape), np.nan))
        asked = self.times_asked()
        fresh = rows[np.isnan(page[rows, order, 0]) & (however_often | (asked[rows] < self.budget.asks))]
        if not len(fresh):
            return fresh
        cost = self.asking.tokens(candidate, fresh, order)
        afforded = fresh[np.cumsum(cost) <= self.budget.tokens - self.spent]
        self.turned_away, fresh = len(fresh) - len(afforded), afforded
        if len(fresh):
            self.spent += float(cost[:len(fresh)].sum())
            page[fresh, order] = self.asking.ask(candidate, fresh, order)
        return fresh

    def pays_for(self, candidate: Candidate, rows: Rows) -> bool:
        """Whether the budget allows asking these documents in every order; none of them was asked so yet."""
        cost = sum(float(self.asking.tokens(candidate, rows, o).sum()) for o in range(len(self.orders)))
        return cost <= self.budget.tokens - self.spent

    def times_asked(self) -> NDArray[np.integer]:
        """Questions asked about each document, shape (documents,)."""
        count = np.zeros(self.n_documents, dtype=np.int64)
        for page in self.pages.values():
            count += (~np.isnan(page[:, :, 0])).sum(axis=1)
        return count

    def find_likings(self, candidate: Candidate, sample: Rows) -> None:
        """The liking for letters and for categories, from one sample, and fixed from then on.

        Only documents asked in every order tell what a letter is worth: where there are none, what an earlier
        sample told stays.
        """
        if not self.calibrate:
            self.likings[candidate] = Likings(*np.zeros((3, self.orders.shape[1])))
            return
        page = self.pages[candidate]
        both = sample[~np.isnan(page[sample, :, 0]).any(axis=1)]
        known = self.likings.get(candidate, Likings(*np.zeros((3, self.orders.shape[1])))).letters
        letters = letter_bias(page[both], self.orders) if len(both) else known
        asked = [o for o in range(len(self.orders)) if not np.isnan(page[sample, o, 0]).all()]
        empty = np.stack([self.asking.ask_nothing(candidate, o) for o in asked], axis=1)
        empty = label_distributions(empty, self.orders[asked], letters).mean(axis=1)
        said = sample[~np.isnan(page[sample, :, 0]).all(axis=1)]
        pool = np.nanmean(label_distributions(page[said], self.orders, letters), axis=1)
        self.likings[candidate] = Likings(letters, class_pull(pool, empty), pool_pull(pool))

    def distributions(self, candidate: Candidate, correction: Correction | None = None) -> FloatArray:
        """(documents, orders, labels) by label; NaN where not asked.

        The liking for letters is taken off, and that for categories as the book's correction, or another,
        says.
        """
        likings = self.likings[candidate]
        by_label = label_distributions(self.pages[candidate], self.orders, likings.letters)
        return without_class_pull(by_label, (correction or self.correction).pull(likings))


def combine(book: Book, weights: Mapping[Candidate, float]) -> tuple[FloatArray, FloatArray]:
    """Weighted mean of all answers to each document, and the weighted share of them that agrees with it.

    Shapes (documents, labels) and (documents,). Rows nobody answered are NaN.
    """
    total = np.zeros((book.n_documents, book.orders.shape[1]))
    voice = np.zeros(book.n_documents)
    every = []
    for candidate, weight in weights.items():
        given = book.distributions(candidate)
        asked = ~np.isnan(given[:, :, 0])
        total += weight * np.nansum(given, axis=1)
        voice += weight * asked.sum(axis=1)
        every.append((weight, asked, np.where(asked, np.nan_to_num(given).argmax(axis=2), -1)))
    with np.errstate(invalid="ignore"):
        probs = total / voice[:, None]
    choice = np.nan_to_num(probs).argmax(axis=1)
    agree = sum(weight * (first == choice[:, None]).sum(axis=1) for weight, _, first in every)
    with np.errstate(invalid="ignore"):
        return probs / probs.sum(axis=1, keepdims=True), agree / voice
