"""Adapting with a real (tiny) model behind it: its answers, its tokens, its cache, its states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.cache.answers import AnswerCache
from engine.corpus.splits import split
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.models.folders import ModelFolder
from engine.plan import AskPlan
from engine.prompts import examples
from engine.prompts.candidates import Candidate, candidates
from engine.teachers.adaptive import TeacherAsking, ask_adaptively, asking_for
from engine.teachers.asking import Asker, ask
from engine.teachers.local import LocalTeacher
from engine.teachers.protocol import DEPTHS
from engine.workspace import read_json
from tests.students.tiny import AGAIN, CPU, FIRST, MODEL, TASK, Made, corpus_of, documents

CORPUS = corpus_of(documents(60)[0])
WAYS = candidates((FIRST, AGAIN), TASK)
VECTORS = np.random.default_rng(0).normal(size=(60, 6))


@pytest.fixture
def teacher(tiny_model: ModelFolder) -> LocalTeacher:
    return LocalTeacher(tiny_model, CPU)


def asking(teacher: LocalTeacher, cache: AnswerCache | None = None) -> TeacherAsking:
    return asking_for(Asker(teacher, 1200, cache), CORPUS.documents, TASK, depths=DEPTHS)


def test_answers_are_those_of_plain_asking(teacher: LocalTeacher) -> None:
    one, rows = asking(teacher), np.array([5, 3, 40])
    plain = ask(Asker(teacher, 1200), CORPUS.documents, TASK, FIRST, n_orders=2, depths=DEPTHS)
    for order in range(2):
        np.testing.assert_allclose(one.ask(WAYS[0], rows, order), plain.log_probs[rows, order], atol=1e-4)
    np.testing.assert_allclose(one.hidden[WAYS[0]][rows], plain.hidden[rows], atol=5e-3)
    assert not one.hidden[WAYS[0]][0].any()  # not asked yet
    ids = [teacher.encode(p) for p in one._prompts(WAYS[0], rows, 0)]
    done, _ = teacher.shared.of(ids)  # what is read once for all of them is not counted
    assert one.tokens(WAYS[0], rows, 0).tolist() == [len(row) - done for row in ids]


def test_every_document_is_answered_and_the_second_time_costs_nothing(
    teacher: LocalTeacher, tmp_path: Path
) -> None:
    cache, parts = AnswerCache(tmp_path / "a.sqlite"), split(CORPUS, seed=0)
    steps: list[str] = []
    first = asking(teacher, cache)
    signal, made = ask_adaptively(first, WAYS, parts, VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None],
                                  budget=6, asks=4, seed=0,
                                  on_step=lambda what, words: steps.append(f"{what}: {words}"))
    np.testing.assert_allclose(signal.probs.sum(axis=1), 1)
    assert signal.hidden.shape == (60, len(DEPTHS), 32)
    assert signal.hidden.any(axis=(1, 2)).all()
    assert len(steps) == 1 + len(made.steps) > 1
    assert made.spent <= 6 * first.tokens(WAYS[0], np.arange(60), 0).sum()
    again = asking(teacher, cache)
    same, _ = ask_adaptively(again, WAYS, parts, VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None],
                             budget=6, asks=4, seed=0)
    np.testing.assert_array_equal(same.probs, signal.probs)
    assert again.from_cache == again.prompts == first.prompts


def test_what_is_kept_aside_is_neither_tried_on_nor_shown(teacher: LocalTeacher) -> None:
    parts, seen = split(CORPUS, seed=0), []
    one = asking(teacher)
    real = one.ask

    class Watched(TeacherAsking):
        def ask(self, candidate: Candidate, rows: np.ndarray, order: int) -> np.ndarray:
            seen.append((candidate, order, rows))
            return real(candidate, rows, order)

    watched = Watched(one.asker, one.documents, TASK, one.orders)
    _, made = ask_adaptively(watched, WAYS, parts, VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None],
                             budget=9, asks=6, seed=0)
    tried = [rows for candidate, _, rows in seen[:2 * len(WAYS)]]
    assert {int(r) for rows in tried for r in rows}.isdisjoint(parts.kept_aside)
    texts = {CORPUS.documents[i].text: i for i in range(60)}
    shown = {texts[e.text] for examples in watched.examples.values() for e in examples}
    assert shown <= set(parts.learn)


def test_a_document_without_an_example_is_not_asked_the_same_again(
    teacher: LocalTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "SURE", 2.0)  # of nothing is it as sure
    parts, one = split(CORPUS, seed=0), asking(teacher)
    _, made = ask_adaptively(one, WAYS, parts, VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None],
                             budget=9, asks=9, seed=0)
    assert made.steps and not any(step.candidate.examples for step in made.steps)
    assert not any("sorted messages" in why for why in made.reasons.values())


def test_a_run_asks_adaptively_and_tells_why(made: Made) -> None:
    run = made.run(ask=AskPlan(teacher=MODEL, template=FIRST, candidates=(AGAIN,), budget=5, again_share=0.5))
    assert work(run, made.workspace) == "done"
    facts = read_json(run.stage("asking"))["facts"]
    assert {way["ref"] for way in facts["ways"]} == {way.ref for way in WAYS}
    assert facts["way"] in {way.name for way in WAYS}
    assert facts["steps"] and facts["reasons"]
    told = [e for e in status(run).events if e["kind"] == "choice"]
    named = {e["what"] for e in told}
    assert {"ways tried", "way to ask", "liking for a category", "asking again, round 1"} <= named
    assert all(e["because"] for e in told)
