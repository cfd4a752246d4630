"""Asking: cache first, in batches that survive an interruption, and nothing that is not a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.cache.answers import AnswerCache
from engine.errors import TeacherError
from engine.models.folders import ModelFolder
from engine.prompts.composing import option_orders
from engine.records import Answer, Prompt
from engine.teachers.asking import BATCH, Answers, Asker, also_in_a_second_order, ask
from engine.teachers.local import LocalTeacher
from engine.teachers.protocol import DEPTHS as KEPT_DEPTHS
from tests.students.tiny import CPU, FIRST, TASK, corpus_of, documents

CORPUS = corpus_of(documents(50)[0])
DEPTHS = (0.5, 1.0)


class Scripted:
    """Answers by rule, and remembers what it was asked."""

    name, digest = "scripted", "scripted-1"

    def __init__(self) -> None:
        self.asked: list[tuple[Prompt, tuple[float, ...]]] = []
        self.broken = False
        self.lacks: set[tuple[int, ...]] = set()

    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        """The letter of the first label is likeliest; the state tells the prompt's length."""
        assert len(prompts) <= BATCH
        self.asked += [(p, depths) for p in prompts]
        row = np.log(np.array([0.7, 0.2, 0.1]))
        value = np.nan if self.broken else 0.0
        return [Answer((row[list(p.order)] + value).astype(np.float32),
                       np.full((len(depths), 4), len(p.text), np.float16) if depths else None)
                for p in prompts]

    def covers(self, prompts: Sequence[Prompt]) -> list[bool]:
        """Which can be answered."""
        return [p.order not in self.lacks for p in prompts]

    def close(self) -> None:
        """Nothing."""


def asked(teacher: Scripted, cache: AnswerCache | None, **changes: object):
    asker = Asker(teacher, 1200, cache, changes.pop("checkpoint", None))
    return ask(asker, CORPUS.documents, TASK, FIRST, **({"n_orders": 2, "depths": DEPTHS} | changes))


def test_every_document_in_every_order_in_its_row() -> None:
    teacher, told = Scripted(), []
    answers = asked(teacher, None, on_progress=lambda done, total: told.append((done, total)))
    assert answers.orders.tolist() == [list(o) for o in option_orders(3, 2)]
    assert answers.log_probs.shape == (50, 2, 3) and answers.from_cache == 0
    for o, order in enumerate(answers.orders):  # letter p shows label order[p]
        np.testing.assert_allclose(np.exp(answers.log_probs[:, o]),
                                   np.tile(np.array([0.7, 0.2, 0.1])[order], (50, 1)), rtol=1e-5)
    lengths = {p.text: len(p.text) for p, _ in teacher.asked}
    for i, document in enumerate(CORPUS.documents):
        mine = next(n for text, n in lengths.items() if document.text in text)
        assert (answers.hidden[i] == mine).all()  # states belong to their document
    assert {depths for p, depths in teacher.asked if p.order == (0, 1, 2)} == {DEPTHS}
    assert {depths for p, depths in teacher.asked if p.order != (0, 1, 2)} == {()}
    assert told[-1] == (100, 100) and [d for d, _ in told] == sorted(d for d, _ in told)


def test_a_second_asking_costs_nothing(tmp_path: Path) -> None:
    cache, teacher = AnswerCache(tmp_path / "a.sqlite"), Scripted()
    first = asked(teacher, cache)
    teacher.asked.clear()
    again = asked(teacher, cache)
    assert teacher.asked == [] and again.from_cache == 100
    assert (again.log_probs == first.log_probs).all() and (again.hidden == first.hidden).all()


def test_what_many_forward_is_asked_about_once() -> None:
    copied = corpus_of([*documents(5)[0], *documents(5)[0][:2] * 20])
    teacher, told = Scripted(), []
    answers = ask(Asker(teacher, 1200), copied.documents, TASK, FIRST, n_orders=1,
                  on_progress=lambda done, total: told.append((done, total)))
    assert len(teacher.asked) == 5 and answers.from_cache == 0 and told[-1] == (45, 45)
    assert answers.log_probs.shape == (45, 1, 3)


def in_a_second_order(teacher: Scripted, once: Answers, rows: list[int]) -> Answers:
    return also_in_a_second_order(once, np.array(rows, dtype=int), Asker(teacher, 1200), CORPUS.documents,
                                  TASK, FIRST)


def test_of_documents_asked_once_some_are_asked_in_a_second_order() -> None:
    teacher = Scripted()
    once = asked(teacher, None, n_orders=1)
    teacher.asked.clear()
    rows = [3, 8, 40]
    answers = in_a_second_order(teacher, once, rows)
    assert {p.order for p, _ in teacher.asked} == {option_orders(3, 2)[1]} and len(teacher.asked) == 3
    assert answers.orders.tolist() == [list(o) for o in option_orders(3, 2)]
    both = asked(Scripted(), None)
    np.testing.assert_array_equal(answers.log_probs[:, 0], both.log_probs[:, 0])
    np.testing.assert_array_equal(answers.log_probs[rows], both.log_probs[rows])
    assert np.isnan(np.delete(answers.log_probs, rows, axis=0)[:, 1]).all()
    assert answers.hidden is once.hidden


def test_a_recording_of_one_order_stays_as_it_is() -> None:
    teacher = Scripted()
    once = asked(teacher, None, n_orders=1)
    teacher.lacks = {option_orders(3, 2)[1]}
    assert in_a_second_order(teacher, once, [3]) is once is in_a_second_order(Scripted(), once, [])


def test_an_interruption_loses_at_most_one_batch(tmp_path: Path) -> None:
    cache, teacher, looks = AnswerCache(tmp_path / "a.sqlite"), Scripted(), iter(range(99))

    def stop() -> None:
        if next(looks) == 2:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        asked(teacher, cache, checkpoint=stop)
    assert len(teacher.asked) == 2 * BATCH
    answers = asked(teacher, cache)
    assert answers.from_cache == 2 * BATCH and len(teacher.asked) == 100
    assert len({(p.text, p.order) for p, _ in teacher.asked}) == 100  # nothing twice


def test_the_longest_prompts_go_first() -> None:
    teacher = Scripted()
    asked(teacher, None, n_orders=1)
    lengths = [len(p.text) for p, _ in teacher.asked]
    assert lengths == sorted(lengths, reverse=True)


def test_numbers_that_make_no_sense_go_no_further(tmp_path: Path) -> None:
    cache, teacher = AnswerCache(tmp_path / "a.sqlite"), Scripted()
    teacher.broken = True
    with pytest.raises(TeacherError, match="not finite"):
        asked(teacher, cache)
    teacher.broken = False
    assert asked(teacher, cache).from_cache == 0  # nor into the cache


def test_another_teacher_or_question_is_asked_anew(tmp_path: Path) -> None:
    cache, teacher = AnswerCache(tmp_path / "a.sqlite"), Scripted()
    asked(teacher, cache)
    other = Scripted()
    other.digest = "scripted-2"
    assert asked(other, cache).from_cache == 0
    assert asked(teacher, cache, depths=(1.0,)).from_cache == 50  # the second order keeps no states


def test_an_answer_kept_with_states_serves_where_none_are_asked_for(
    tiny_model: ModelFolder, tmp_path: Path
) -> None:
    asker = Asker(LocalTeacher(tiny_model, CPU), 1200, AnswerCache(tmp_path / "a.sqlite"))
    some = CORPUS.documents[:5]
    full = ask(asker, some, TASK, FIRST, n_orders=2, depths=KEPT_DEPTHS)
    bare = ask(asker, some, TASK, FIRST, n_orders=2)
    assert (full.from_cache, bare.from_cache) == (0, 10) and bare.hidden is None
    np.testing.assert_array_equal(full.log_probs, bare.log_probs)
