"""What differs between kinds of questions while a student is trained: lessons, classes, looks at *steer*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.cache.signals import SIGNAL_FILE, load_signal, save_signal
from engine.corpus.splits import one_of_each_group
from engine.metrics.deciding import certainty, classes, differing, divergence, sameness
from engine.plan import DistillPlan
from engine.records import Corpus, FloatArray, Parts, Signal, TeacherSignal, WrittenSignal
from engine.students.base import Student
from engine.students.predicting import length_batches, predict, sound, tokens_at_once
from engine.training.gates import Gate
from engine.training.lessons import Lesson, TextLesson
from engine.training.preparing import label_lesson, text_lesson, with_states

WORDS_AT_ONCE = 256  # places whose scores over the whole vocabulary are in memory at once


class Subject(Protocol):
    """One run's teaching matter: documents, the teacher's answers to them, and how answers compare."""

    corpus: Corpus
    parts: Parts
    signal: Signal

    def learn(self) -> tuple[int, ...]:
        """Documents to learn from: one of each group of near-duplicates, each with an answer."""
        ...

    def lesson(self, student: Student, learn: Sequence[int]) -> Lesson:
        """What there is to learn about them now."""
        ...

    def classes(self, learn: Sequence[int]) -> tuple[NDArray[np.integer], int]:
        """The class of each document's answer, and how many classes there may be."""
        ...

    def sureness(self, learn: Sequence[int]) -> FloatArray:
        """How sure the teacher is of each, (learn,)."""
        ...

    def says(self, student: Student, learn: Sequence[int], lesson: Lesson) -> FloatArray:
        """What the student says of each now, in whatever form `differs` compares."""
        ...

    def differs(self, says: FloatArray, learn: Sequence[int]) -> NDArray[np.bool_]:
        """Where that is otherwise than the teacher's answer, (learn,)."""
        ...

    def look(self, student: Student) -> Gate:
        """How the student stands on *steer*."""
        ...


@dataclass(slots=True)
class Labels:
    """Questions answered by labels, one or several a document."""

    plan: DistillPlan
    corpus: Corpus
    parts: Parts
    signal: TeacherSignal
    vectors: FloatArray | None

    def learn(self) -> tuple[int, ...]:
        """See `Subject.learn`."""
        return one_of_each_group(self.corpus, self.parts.learn)

    def lesson(self, student: Student, learn: Sequence[int]) -> Lesson:
        """See `Subject.lesson`."""
        lesson = label_lesson(student, self.corpus, learn, self.signal, hard=self.plan.targets == "hard")
        return with_states(lesson, self.plan, learn, self.signal, self.vectors)

    def classes(self, learn: Sequence[int]) -> tuple[NDArray[np.integer], int]:
        """See `Subject.classes`."""
        several = self.signal.several
        return classes(self.signal.probs[list(learn)], several), self.signal.probs.shape[1] + several

    def sureness(self, learn: Sequence[int]) -> FloatArray:
        """See `Subject.sureness`."""
        rows = list(learn)
        return certainty(self.signal.probs[rows], self.signal.several) * self.signal.stability[rows]

    def says(self, student: Student, learn: Sequence[int], lesson: Lesson) -> FloatArray:  # noqa: ARG002
        """Probabilities (learn, labels); see `Subject.says`."""
        return predict(student, [self.corpus.documents[i].text for i in learn])

    def differs(self, says: FloatArray, learn: Sequence[int]) -> NDArray[np.bool_]:
        """See `Subject.differs`."""
        return differing(says, self.signal.probs[list(learn)], self.signal.several)

    def look(self, student: Student) -> Gate:
        """See `Subject.look`."""
        rows = list(one_of_each_group(self.corpus, self.parts.steer))  # a copy is no further witness
        says = predict(student, [self.corpus.documents[i].text for i in rows])
        return gate_of(says, self.signal.probs[rows], self.signal.several)

    def asked_again(self, signal: TeacherSignal, folder: Path) -> None:
        """Learn from new answers from now on; they are kept with the phase."""
        save_signal(folder / SIGNAL_FILE, signal)
        self.signal = signal

    def recall(self, folder: Path) -> bool:
        """Take up the answers that a phase kept, if it did."""
        path = folder / SIGNAL_FILE
        if path.exists():
            self.signal = load_signal(path)
        return path.exists()


@dataclass(slots=True)
class Texts:
    """Questions answered in writing. Documents without a readable answer are not learned from.

    There are no classes to keep quotas for. Agreement is the share of the teacher's words that the student
    would have written next: a whole answer written anew is looked at once, at the end.
    """

    plan: DistillPlan
    corpus: Corpus
    parts: Parts
    signal: WrittenSignal
    vectors: FloatArray | None
    tokens: bool = False
    _steer: TextLesson | None = None

    def learn(self) -> tuple[int, ...]:
        """See `Subject.learn`."""
        return one_of_each_group(self.corpus, [i for i in self.parts.learn if self.signal.texts[i]])

    def lesson(self, student: Student, learn: Sequence[int]) -> TextLesson:
        """See `Subject.lesson`."""
        return with_states(self._lesson(student, learn), self.plan, learn, self.signal, self.vectors)

    def _lesson(self, student: Student, rows: Sequence[int]) -> TextLesson:
        return text_lesson(student, self.corpus, rows, self.signal, tokens=self.tokens, shared=self._shared)

    @property
    def _shared(self) -> bool:
        return self.plan.output_loss != "sorted_distance"

    @property
    def end_token(self) -> int | None:
        """The token that answers learned from end with, where they are learned in the teacher's tokens."""
        learned = self.signal.tokens if self.tokens and self._shared else ()
        return next((int(one.written[-1]) for one in learned if one is not None), None)

    def classes(self, learn: Sequence[int]) -> tuple[NDArray[np.integer], int]:
        """See `Subject.classes`."""
        return np.zeros(len(learn), dtype=np.int64), 1

    def sureness(self, learn: Sequence[int]) -> FloatArray:
        """See `Subject.sureness`."""
        return self.signal.sureness[list(learn)]

    def says(self, student: Student, learn: Sequence[int], lesson: TextLesson) -> FloatArray:  # noqa: ARG002
        """The share of the teacher's words that it would have written next, (learn,)."""
        return word_by_word(student, lesson)[1]

    def differs(self, says: FloatArray, learn: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002
        """Documents whose answers the student follows less closely than the median, (learn,)."""
        return says < np.median(says)

    def look(self, student: Student) -> Gate:
        """See `Subject.look`."""
        if self._steer is None:
            rows = one_of_each_group(self.corpus, [i for i in self.parts.steer if self.signal.texts[i]])
            self._steer = self._lesson(student, rows)
        return foretold(student, self._steer)


def gate_of(student_probs: FloatArray, teacher_probs: FloatArray, several: bool = False) -> Gate:
    """Compare probabilities (documents, labels) on *steer*."""
    same = sameness(student_probs, teacher_probs, several)
    return Gate(float(same.mean()), divergence(teacher_probs, student_probs, several), len(same), same)


def foretold(student: Student, lesson: TextLesson) -> Gate:
    """How well the student foretells the words of a lesson, as its answers: share, nats a word, rows."""
    losses, same = word_by_word(student, lesson)
    if not len(same):
        return Gate.unseen()
    return Gate(float(same.mean()), float(losses.mean()), len(same), same)


@torch.no_grad()
def word_by_word(student: Student, lesson: TextLesson) -> tuple[FloatArray, FloatArray]:
    """Of each row: mean cross-entropy of the answer's words in nats, and the share the student had first.

    Raises:
        RunError: the scores are not finite.
    """
    losses, same = np.zeros(len(lesson.answers)), np.zeros(len(lesson.answers))
    for rows in length_batches(lesson.lengths, tokens_at_once(student.device)):
        read, _ = student.read([[*lesson.prompts[i], *lesson.answers[i]] for i in rows],
                               [len(lesson.prompts[i]) for i in rows])
        words = torch.tensor([word for i in rows for word in lesson.answers[i]], device=read.device)
        costs, hits = zip(*(_judged(student, read[at:at + WORDS_AT_ONCE], words[at:at + WORDS_AT_ONCE])
                            for at in range(0, len(words), WORDS_AT_ONCE)), strict=True)
        lengths = [len(lesson.answers[i]) for i in rows]
        for i, cost, hit in zip(rows, torch.cat(costs).split(lengths), torch.cat(hits).split(lengths),
                                strict=True):
            losses[i], same[i] = float(cost.mean()), float(hit.mean())
    return sound(losses), same


def _judged(student: Student, states: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each word, and 1 where it is the likeliest, (words,) each."""
    scores = student.scored(states @ student.head.T)
    cost = torch.nn.functional.cross_entropy(scores, words, reduction="none")
    return cost.cpu(), (scores.argmax(1) == words).float().cpu()
