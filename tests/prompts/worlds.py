"""A made-up large model for the arithmetic of asking: what it knows, likes and confuses is known exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.prompts.candidates import Candidate
from engine.prompts.composing import option_orders
from engine.prompts.template import Template
from engine.records import FloatArray
from engine.tasks.definition import Label, Task

LABELS = ("flood", "storm", "fire", "quake")
TASK = Task(question="What is it about?", labels=tuple(
    Label(name=name, definition=f"about a {name} and nothing else") for name in LABELS))
ORDERS = np.array(option_orders(len(LABELS), 2))


def template(name: str, *, definitions: bool = False) -> Template:
    """Instructions of that name; longer with definitions."""
    shown = "{{ option.name }}: {{ option.definition }}" if definitions else "{{ option.name }}"
    return Template(id=name, title=name, answer="word",
                    text=f"{name}: {{{{ document }}}} {{% for option in options %}}{shown} {{% endfor %}}")


def way(name: str) -> Candidate:
    """A candidate of that name."""
    return Candidate(template(name))


@dataclass
class World:
    """Answers of a model that sees the truth through noise.

    `clarity`: candidate name → how far the right category stands out, in nats; 0 is guessing. `liking`
    (labels,) and `letters` (positions,) are added to every answer. `price`: tokens a question.
    """

    truth: NDArray[np.integer]
    clarity: dict[str, float]
    liking: FloatArray = field(default_factory=lambda: np.zeros(len(LABELS)))
    letters: FloatArray = field(default_factory=lambda: np.zeros(len(LABELS)))
    price: dict[str, int] = field(default_factory=dict)
    noise: float = 1.0
    seed: int = 0
    calls: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)

    def tokens(self, candidate: Candidate, rows: NDArray[np.integer], order: int) -> NDArray[np.integer]:
        """The same price for every document."""
        return np.full(len(rows), self.price.get(candidate.template.id, 100) + 50 * candidate.examples)

    def ask(self, candidate: Candidate, rows: NDArray[np.integer], order: int) -> FloatArray:
        """Log-probabilities by position."""
        self.calls.append((candidate.ref, order, tuple(int(r) for r in rows)))
        return np.stack([self._said(candidate, int(row), order, self.truth[row]) for row in rows])

    def ask_nothing(self, candidate: Candidate, order: int) -> FloatArray:
        """What it says of messages that say nothing: only what it likes."""
        return np.stack([self._said(candidate, -1 - i, order, None) for i in range(4)])

    def _said(self, candidate: Candidate, row: int, order: int, right: int | None) -> FloatArray:
        rng = np.random.default_rng([self.seed, row + 10, order, sum(map(ord, candidate.ref))])
        scores = self.liking + (self.noise if right is not None else 0.1) * rng.normal(size=len(LABELS))
        if right is not None:
            scores[right] += self.clarity[candidate.template.id]
        by_place = scores[ORDERS[order]] + self.letters
        return by_place - np.logaddexp.reduce(by_place)


def truth_of(n: int, seed: int = 0) -> NDArray[np.integer]:
    """Right categories of `n` documents, all about as frequent."""
    return np.random.default_rng(seed).integers(0, len(LABELS), n)
