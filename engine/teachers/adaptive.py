"""A large model asked the way the corpus and each document need: `prompts.adapting`, given a teacher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.embedding.clusters import diverse
from engine.progress import Titled, counting
from engine.prompts.adapting import Adapted, adapt
from engine.prompts.answered import Budget, Rows
from engine.prompts.calibration import empty_documents
from engine.prompts.candidates import EXAMPLES, Candidate
from engine.prompts.composing import SortedMessage, compose, option_orders
from engine.prompts.examples import choose_examples, shelf
from engine.records import Document, FloatArray, Parts, Prompt, TeacherSignal, take
from engine.tasks.definition import Task
from engine.teachers.asking import Asker, answer_prompts

ORDERS = 2         # of the options: the least that tells a liking for a letter from one for a category
LARGEST_SAMPLE, SMALLEST_SAMPLE = 96, 24
SHARE_TO_TRY = 0.3  # of the budget, at most, for trying ways to ask


@dataclass(slots=True, eq=False)
class TeacherAsking:
    """`engine.prompts.answered.Asking` over a large model and the documents of a corpus.

    `hidden` keeps the states read with each candidate's first order: (documents, depths, width).
    """

    asker: Asker
    documents: Sequence[Document]
    task: Task
    orders: tuple[tuple[int, ...], ...]
    depths: tuple[float, ...] = ()
    progress: Titled | None = None
    examples: dict[int, list[SortedMessage]] = field(default_factory=dict)
    hidden: dict[Candidate, FloatArray] = field(default_factory=dict)
    prompts: int = 0
    from_cache: int = 0

    def tokens(self, candidate: Candidate, rows: Rows, order: int) -> NDArray[np.integer]:
        """See `Asking.tokens`."""
        return np.array(self.asker.teacher.tokens(self._prompts(candidate, rows, order)), dtype=np.int64)

    def ask(self, candidate: Candidate, rows: Rows, order: int) -> FloatArray:
        """See `Asking.ask`."""
        prompts = self._prompts(candidate, rows, order)
        tell = self.progress(f"Asking the large model: {candidate.name}") if self.progress else None
        answers, known = answer_prompts(self.asker, prompts, depths=self.depths if order == 0 else (),
                                        on_done=counting(tell, len(prompts)))
        self.prompts += len(prompts)
        self.from_cache += known
        if self.depths and order == 0 and not candidate.examples:
            states = np.stack([a.hidden for a in answers])
            kept = self.hidden.setdefault(candidate, np.zeros(
                (len(self.documents), *states.shape[1:]), dtype=states.dtype))
            kept[rows] = states
        return np.stack([a.log_probs for a in answers])

    def ask_nothing(self, candidate: Candidate, order: int) -> FloatArray:
        """See `Asking.ask_nothing`."""
        prompts = compose(candidate.template, candidate.shown(self.task), empty_documents(),
                          self.orders[order], self.asker.max_chars)
        answers, _ = answer_prompts(self.asker, prompts)
        return np.stack([a.log_probs for a in answers])

    def _prompts(self, candidate: Candidate, rows: Rows, order: int) -> list[Prompt]:
        shown = [self.examples.get(int(row), []) for row in rows] if candidate.examples else None
        return compose(candidate.template, candidate.shown(self.task), take(self.documents, rows.tolist()),
                       self.orders[order], self.asker.max_chars, shown)


def ask_adaptively(asking: TeacherAsking, candidates: Sequence[Candidate], parts: Parts,
                   vectors: FloatArray | None, *, budget: float, asks: int, seed: int, calibrate: bool = True,
                   on_step: Callable[[str, str], None] | None = None) -> tuple[TeacherSignal, Adapted]:
    """Answers on every document, as `adapt` gives them, and how they came about.

    Args:
        asking: the teacher and the documents.
        candidates: the analyst's own first.
        parts: of the corpus; choices are made on *steer*, likings found and examples taken from *learn*.
        vectors: (documents, width) unit vectors; None shows no examples and tries on the first documents.
        budget: how often the tokens of asking every document once, the analyst's own way, may be read.
        asks: answers that stand behind one document, at most.
        seed: of samples.
        calibrate: False leaves likings as they are, to see what taking them off is worth.
        on_step: told (what, in words) after each step.

    Raises:
        SettingsError: the budget is below 1.
        TeacherError: the teacher cannot answer.
    """
    learn = np.asarray(parts.learn)
    everything = np.arange(len(asking.documents))
    once = float(asking.tokens(candidates[0], everything, 0).sum())
    sample = _sample(asking, candidates, parts, vectors, SHARE_TO_TRY * budget * once, seed)
    groups = [document.group for document in asking.documents]

    def sort_examples(rows: Rows, probs: FloatArray, stability: FloatArray) -> Rows:
        chosen = choose_examples(rows, shelf(probs, stability, learn), probs, vectors, groups, EXAMPLES)
        asking.examples = {int(row): [SortedMessage(asking.documents[i].text, asking.task.names[label])
                                 for i, label in shown]
                           for row, shown in zip(rows, chosen, strict=True)}
        return rows[[bool(shown) for shown in chosen]]

    made = adapt(asking, candidates, orders=np.array(asking.orders), sample=sample, learn=learn,
                 n_documents=len(asking.documents), budget=Budget(budget * once, asks), seed=seed,
                 vectors=vectors, calibrate=calibrate,
                 sort_examples=sort_examples if vectors is not None else None, on_step=on_step)
    hidden = asking.hidden.get(made.chosen)
    signal = TeacherSignal(made.probs, made.stability, made.asked, hidden,
                           asking.depths if hidden is not None else ())
    return signal, made


def asking_for(asker: Asker, documents: Sequence[Document], task: Task, *, depths: tuple[float, ...] = (),
               progress: Titled | None = None) -> TeacherAsking:
    """A `TeacherAsking` in the orders that adapting uses."""
    return TeacherAsking(asker, documents, task, option_orders(len(task.labels), ORDERS), depths, progress)


def _sample(asking: TeacherAsking, candidates: Sequence[Candidate], parts: Parts,
            vectors: FloatArray | None, tokens: float, seed: int) -> NDArray[np.integer]:
    """Diverse documents of *steer*, as many as `tokens` pay for, every candidate in every order.

    Choices are made on *steer*; where that is small, *learn* helps out. Never *kept aside*.
    """
    pool = np.array((*parts.steer, *parts.learn))
    one = sum(float(asking.tokens(c, pool[:SMALLEST_SAMPLE], 0).mean()) for c in candidates)
    size = int(np.clip(tokens / (one * len(asking.orders)), SMALLEST_SAMPLE, LARGEST_SAMPLE))
    size = min(size, len(pool))
    if len(parts.steer) >= size:
        pool = np.array(parts.steer)
    return pool[:size] if vectors is None else pool[diverse(vectors[pool], size, seed)]
