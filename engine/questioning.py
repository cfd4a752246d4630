"""What is asked of the large model in a run: every document first, then, between phases, those in doubt.

Does not: train, or know the stages around it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cache.answers import AnswerCache
from engine.cache.token_shards import TokenShards
from engine.devices import DeviceChoice
from engine.errors import TeacherError
from engine.events import EventLog
from engine.metrics.deciding import decisions
from engine.plan import TURNED_ROUND, DistillPlan
from engine.progress import Titled
from engine.prompts.adapting import Adapted
from engine.prompts.bias import label_distributions
from engine.prompts.calibration import pull_beside
from engine.prompts.candidates import Candidate, candidates
from engine.prompts.composing import compose, option_orders
from engine.records import Corpus, FloatArray, Parts, Prompt, Signal, TeacherSignal, WrittenSignal, take
from engine.teachers.adaptive import ask_adaptively, asking_for
from engine.teachers.asking import Asker, also_in_a_second_order, ask
from engine.teachers.asking_labels import FEWEST_TO_CALIBRATE, ask_labels
from engine.teachers.class_bias import find_class_pull
from engine.teachers.opening import open_teacher
from engine.teachers.protocol import DEPTHS, Teacher, teacher_kind
from engine.teachers.signals import first_signal, letter_pull, second_signal, unsettled
from engine.teachers.written import Kept, written_signal
from engine.workspace import Workspace

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """A run's questions. `vectors` (documents, width) are there where the plan needs likeness.

    `choice`: what the run computes with; without one, as suits the machine.
    """

    plan: DistillPlan
    corpus: Corpus
    parts: Parts
    vectors: FloatArray | None
    workspace: Workspace
    log: EventLog
    progress: Titled
    checkpoint: Callable[[], None]
    choice: DeviceChoice | None = None

    def _asker(self, teacher: Teacher) -> Asker:
        return Asker(teacher, self.plan.ask.max_chars, AnswerCache(self.workspace.answers), self.checkpoint)

    def ways(self) -> tuple[Candidate, ...]:
        """Ways to ask that the plan allows, the analyst's own first."""
        return candidates((self.plan.ask.template, *self.plan.ask.candidates), self.plan.task)

    def first(self) -> tuple[Signal, Facts]:
        """The answers on every document, likings removed, and what the report and the log say of them.

        Raises:
            EngineError: the teacher cannot be opened or cannot answer; Interrupted: a wish of the user.
        """
        plan = self.plan
        depths = DEPTHS if plan.wants_hidden else ()
        teacher, because = self._open()
        self._tell("large model", teacher.name, because)
        began = time.monotonic()
        try:
            signal, facts = self._way()(self._asker(teacher), depths)
        finally:
            teacher.close()
        seconds, fresh = time.monotonic() - began, facts["prompts"] - facts["from_cache"]
        measured = fresh > 0 and teacher_kind(plan.ask.teacher) == "local"
        each = facts["prompts"] / len(self.corpus)
        return signal, facts | {
            "teacher": teacher.name, "weights": teacher.weights,
            "prompts_per_s": fresh / seconds if measured else None,
            "documents_per_s": round(fresh / each / seconds, 3) if measured else None}

    def _way(self) -> Callable[[Asker, tuple[float, ...]], tuple[Signal, Facts]]:
        if self.plan.writes:
            return self._in_writing
        if self.plan.task.kind == "multi_label":
            return self._yes_or_no
        return self._adapted if self.plan.ask.candidates else self._plain

    def _yes_or_no(self, asker: Asker, depths: tuple[float, ...]) -> tuple[TeacherSignal, Facts]:
        """Every document and every category, by itself."""
        plan, n = self.plan, len(self.corpus)
        answers = ask_labels(asker, self.corpus.documents, plan.task, plan.ask.template,
                             depths=depths, calibrate=plan.ask.calibrate, learn=self.parts.learn,
                             on_progress=self.progress("Asking the large model"))
        if answers.lean:
            self._tell("liking for yes", round(answers.lean, 2), (
                "over all categories together it said yes more than no; most categories are not true of most "
                f"documents, so {answers.lean:.2f} nats were taken off all alike"))
        yes = {name: int(count) for name, count in
               zip(plan.task.names, decisions(answers.probs, several=True).sum(axis=0), strict=True)}
        self._tell("categories", yes, f"how many of {n} documents the large model gives each of them")
        return TeacherSignal(answers.probs, np.ones(n), np.full(n, len(plan.task.labels)), answers.hidden,
                             depths if answers.hidden is not None else (), several=True), {
            "prompts": answers.prompts, "from_cache": answers.from_cache, "yes": yes}

    def _in_writing(self, asker: Asker, depths: tuple[float, ...]) -> tuple[WrittenSignal, Facts]:
        """Every document, answered in writing."""
        plan = self.plan
        keep = Kept(plan.temperatures, depths) if plan.wants_tokens or depths else None
        signal, unread, known = written_signal(
            asker, self.corpus.documents, plan.task, plan.ask.template, keep=keep,
            shards=lambda about: TokenShards.within(self.workspace.cache, about),
            on_written=self.progress("Asking the large model"),
            on_listed=self.progress("Looking at how sure it is of every word"))
        if unread.answers:
            self._tell("answers that cannot be read", unread.answers, "they are left out: nothing is guessed")
        if unread.facts:
            self._tell("facts that cannot be read", unread.facts,
                       "left out, answered twice, or a figure that does not stand in the document; they "
                       "count as not said")
        return signal, {"prompts": len(self.corpus), "from_cache": known, "unread": unread.answers,
                        "unread_facts": unread.facts}

    def _plain(self, asker: Asker, depths: tuple[float, ...]) -> tuple[TeacherSignal, Facts]:
        """Every document the analyst's own way, in several orders; in one, some in a second to learn from.

        Half the questions lost nothing: 600 tweets of unseen events came to .512 to .527 macro-F1 over three
        draws of the few, and to .491 to .500 with all of them in two orders.
        """
        plan = self.plan
        answers = ask(asker, self.corpus.documents, plan.task, plan.ask.template, n_orders=plan.ask.orders,
                      depths=depths, on_progress=self.progress("Asking the large model"))
        if plan.ask.orders == 1 and plan.ask.calibrate:
            sample = np.random.default_rng(plan.seed).permutation(np.asarray(self.parts.learn))[:TURNED_ROUND]
            answers = also_in_a_second_order(
                answers, np.sort(sample), asker, self.corpus.documents, plan.task, plan.ask.template,
                on_progress=self.progress("Asking about some in another order"))
        prompts = int(np.isfinite(answers.log_probs[:, :, 0]).sum())
        if not plan.ask.calibrate:
            nothing = np.zeros(len(plan.task.labels))
            self._tell("likings", "left as they are", "the plan says so")
            return first_signal(answers, nothing, depths), {"prompts": prompts,
                                                            "from_cache": answers.from_cache}
        pull = letter_pull(answers, self.parts.learn, plan.seed)
        liked = find_class_pull(asker, answers, pull, plan.task, plan.ask.template, seed=plan.seed,
                                learn=self.parts.learn, steer=self.parts.steer)
        if pull.any():  # one order cannot tell a place from the category that stands there
            self._tell("place of the options", _rounded(pull),
                       f"place {int(np.abs(pull).argmax()) + 1} in the list pulled most and was set right; a "
                       "category no longer gains by where it stands")
        self._tell("liking for a category", _rounded(liked.pull), liked.because)
        return first_signal(answers, pull, depths, liked.pull), {
            "prompts": prompts, "from_cache": answers.from_cache, "pull": _rounded(pull),
            "class_pull": _rounded(liked.pull)}

    def _adapted(self, asker: Asker, depths: tuple[float, ...]) -> tuple[TeacherSignal, Facts]:
        """Every document the way that suits the corpus, and again where it needs it."""
        plan = self.plan
        asking = asking_for(asker, self.corpus.documents, plan.task, depths=depths, progress=self.progress)
        signal, made = ask_adaptively(
            asking, self.ways(), self.parts, self.vectors, budget=plan.ask.budget,
            asks=plan.ask.most_asks, calibrate=plan.ask.calibrate, seed=plan.seed,
            on_step=lambda what, words: self._tell(what, "", words))
        if made.tried:
            self._tell("ways tried", {t.candidate.name: round(t.score.total, 2) for t in made.tried},
                       "0 to 1: agreement with what all say, spread over the categories, like answers for "
                       "like documents")
        self._tell("way to ask", made.chosen.name, made.because)
        if made.halted:
            self._tell("budget", f"{made.spent:,.0f} tokens", made.halted)
        return signal, {"prompts": asking.prompts, "from_cache": asking.from_cache} | facts_of(made)

    def again(self, signal: TeacherSignal, differs: NDArray[np.bool_], learn: tuple[int, ...],
              asked: Facts) -> tuple[TeacherSignal, int]:
        """Another question about the *learn* documents in doubt; the others keep their answer.

        No question where ways to ask were tried: the best has answered, in two orders where in doubt. Another
        one's word besides spoilt more than it mended (514 of 1,714 tweets, by the second best: 34 answers
        mended, 50 spoilt; by the best in its other order 17 and 15).

        `differs`, beside `learn`: the student says otherwise. `asked`: the facts of `first`.

        Raises:
            TeacherError: the large model is another now than that of `first`, or cannot answer.
        """
        plan = self.plan.ask
        way = Candidate(plan.again_template) if plan.again_template else None
        if way is None or asked.get("ways") or way.ref == Candidate(plan.template).ref:
            return signal, 0
        rows = unsettled(signal, learn, differs, plan.again_share)
        if not len(rows):
            return signal, 0
        teacher, _ = self._open()
        task = way.shown(self.plan.task)
        try:
            _same_as_before(teacher, asked)
            # One order cannot tell a place in the list from the category that stands there.
            orders = option_orders(len(task.labels), max(2, plan.again_orders))
            rows, n_orders = _covered(teacher, rows, [
                compose(way.template, task, take(self.corpus.documents, rows.tolist()), order, plan.max_chars)
                for order in orders])
            if not len(rows):
                return signal, 0
            answers = ask(self._asker(teacher), take(self.corpus.documents, rows.tolist()), task,
                          way.template, n_orders=n_orders,
                          on_progress=self.progress("Asking again about documents in doubt"))
        finally:
            teacher.close()
        if not plan.calibrate or len(rows) < FEWEST_TO_CALIBRATE:
            return second_signal(signal, rows, answers, np.zeros(len(task.labels))), len(rows)
        # What documents in doubt lean to says what is doubtful, not what the model likes; but these same
        # documents have answers already, whose likings were taken off.
        pull = letter_pull(answers, range(len(rows)), self.plan.seed)
        said = label_distributions(answers.log_probs, answers.orders, pull).mean(axis=1)
        return second_signal(signal, rows, answers, pull, pull_beside(said, signal.probs[rows])), len(rows)

    def _open(self) -> tuple[Teacher, str]:
        """The large model, and why it computes as it does. Raises as `open_teacher`."""
        self.log.write("opening", title="Opening the large model")  # seconds; a minute from a slow disk
        return open_teacher(self.plan.ask.teacher, self.workspace, self.choice)

    def _tell(self, what: str, choice: object, because: str) -> None:
        self.log.write("choice", what=what, choice=choice, because=because)


def _covered(teacher: Teacher, rows: NDArray[np.integer],
             prompts: Sequence[Sequence[Prompt]]) -> tuple[NDArray[np.integer], int]:
    """Of `rows` those that the teacher can answer, and in how many of the orders; `prompts`: (orders)(rows).

    A recording may hold fewer orders than would be asked.
    """
    covered = np.array([teacher.covers(some) for some in prompts], dtype=bool)
    n_orders = max(1, int(covered.any(axis=1).cumprod().sum()))
    return rows[covered[:n_orders].all(axis=0)], n_orders


def _same_as_before(teacher: Teacher, asked: Facts) -> None:
    """Refuse to mix the answers of two models: weights or tokenizer may be installed anew at a pause."""
    if asked.get("weights", teacher.weights) != teacher.weights:
        raise TeacherError(f"“{teacher.name}” is not the model that answered this run's first questions: its "
                           "weights or its tokenizer changed since.",
                           "Install those from before again, or start a new run.",
                           "Its answers and the phases so far are kept.")


def facts_of(made: Adapted) -> Facts:
    """How answers came about, as plain values for the report and the page."""
    return {
        "way": made.chosen.name, "because": made.because, "set_right": made.set_right,
        "tokens": round(made.spent), "halted": made.halted,
        "reasons": {str(row): why for row, why in made.reasons.items()},
        "ways": [{"name": t.candidate.name, "ref": t.candidate.ref, "tokens": round(t.tokens, 1),
                  "weight": round(t.weight, 3), "score": round(t.score.total, 3),
                  "agreement": round(t.score.agreement, 3), "confidence": round(t.score.confidence, 3),
                  "likeness": None if t.score.likeness is None else round(t.score.likeness, 3),
                  "stability": round(t.score.stability, 3), "spread": round(t.score.spread, 3)}
                 for t in made.tried],
        "steps": [{"how": step.because, "documents": len(step.rows), "changed": step.changed}
                  for step in made.steps]}


def _rounded(values: Sequence[float] | FloatArray) -> list[float]:
    return [round(float(v), 3) for v in values]
