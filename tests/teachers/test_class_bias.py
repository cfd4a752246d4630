"""A liking for a category: found by asking about nothing, taken off within bounds, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.prompts.calibration import EMPTY_MESSAGES
from engine.prompts.composing import compose
from engine.records import Answer, Prompt
from engine.teachers.asking import Asker, ask
from engine.teachers.class_bias import MOST_CHANGED, find_class_pull
from engine.teachers.signals import first_signal, letter_pull
from tests.students.tiny import FIRST, KEYWORDS, TASK, corpus_of, documents

TEXTS, TRUTH = documents(200)
CORPUS = corpus_of(TEXTS)
NOTHING = compose(FIRST, TASK, corpus_of([EMPTY_MESSAGES[0]]).documents, (0, 1, 2), 1200)[0].text
ALWAYS_THERE = set(NOTHING.split())  # words of the instructions themselves
LEARN, STEER = range(140), range(140, 200)


class Leaning:
    """Sees a category's keywords, and likes some categories whatever it reads."""

    name, digest = "leaning", "leaning-1"

    def __init__(self, liking: Sequence[float], knows: bool = True, strength: float = 1.5) -> None:
        self.liking, self.knows, self.strength = np.array(liking), knows, strength

    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        answers = []
        for prompt in prompts:
            read = set(prompt.text.split()) - ALWAYS_THERE
            seen = np.array([bool(read & set(words)) for words in KEYWORDS])
            scores = (self.liking + self.strength * seen)[list(prompt.order)]
            answers.append(Answer((scores - np.log(np.exp(scores).sum())).astype(np.float32)))
        return answers

    def covers(self, prompts: Sequence[Prompt]) -> list[bool]:
        return [self.knows or not any(text in prompt.text for text in EMPTY_MESSAGES) for prompt in prompts]

    def close(self) -> None: ...


def found(teacher: Leaning):  # noqa: ANN201
    asker = Asker(teacher, 1200)
    answers = ask(asker, CORPUS.documents, TASK, FIRST, n_orders=2)
    letters = letter_pull(answers, LEARN, 0)
    liked = find_class_pull(asker, answers, letters, TASK, FIRST, learn=LEARN, steer=STEER, seed=0)
    return answers, letters, liked


def right(answers, letters, pull) -> float:  # noqa: ANN001
    return float((first_signal(answers, letters, (), pull).choice == np.array(TRUTH)).mean())


def test_a_liking_is_taken_off_and_told() -> None:
    answers, letters, liked = found(Leaning((0.9, 0.0, -0.9)))
    assert liked.strength > 0
    assert liked.pull[0] > 0.2 > -0.2 > liked.pull[2]
    assert "steering answers" in liked.because
    assert right(answers, letters, liked.pull) >= right(answers, letters, None)


def test_a_correction_that_would_rewrite_the_answers_is_held_back() -> None:
    answers, letters, liked = found(Leaning((2.5, 0.0, -2.5), strength=2.0))
    before = first_signal(answers, letters, ()).choice[list(STEER)]
    after = first_signal(answers, letters, (), liked.pull).choice[list(STEER)]
    assert (before != after).mean() <= MOST_CHANGED


def test_a_fair_model_and_a_recording_without_empties_are_left_alone() -> None:
    _, _, fair = found(Leaning((0.0, 0.0, 0.0)))
    assert fair.pull == pytest.approx(0, abs=0.05)
    _, _, recorded = found(Leaning((0.9, 0.0, -0.9), knows=False))
    assert not recorded.pull.any()
    assert "recording" in recorded.because
