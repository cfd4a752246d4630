"""From answers to the signal: bias off, orders averaged, asked again where in doubt and only there."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prompts.composing import option_orders
from engine.records import TeacherSignal
from engine.teachers.asking import Answers
from engine.teachers.signals import first_signal, letter_pull, second_signal, unsettled


def made(scores: np.ndarray, n_orders: int = 2, pull: float = 0.0) -> Answers:
    n = scores.shape[1]
    orders = np.array(option_orders(n, n_orders))
    raw = np.stack([scores[:, order] + pull * (np.arange(n) == 0) for order in orders], axis=1)
    hidden = np.zeros((len(scores), 2, 4), np.float16)
    return Answers("t@1", orders, raw - np.log(np.exp(raw).sum(2, keepdims=True)), hidden, 0)


SCORES = np.random.default_rng(0).normal(size=(200, 4))


def test_the_first_signal_is_the_teacher_without_its_letter() -> None:
    answers = made(SCORES, pull=1.5)
    pull = letter_pull(answers, range(150), seed=0)
    assert pull[0] == pull.max() and pull[0] - pull[1:].mean() == pytest.approx(1.5, abs=0.3)
    signal = first_signal(answers, pull, (0.5, 1.0))
    true = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
    assert np.abs(signal.probs - true).max() < 0.06
    assert (signal.choice == true.argmax(1)).mean() > 0.97
    assert signal.depths == (0.5, 1.0) and (signal.asked == 2).all()
    np.testing.assert_allclose(signal.probs.sum(1), 1)
    # Left in, the letter pulls many answers over.
    assert (first_signal(answers, np.zeros(4), ()).stability < 1).sum() > 20


def test_the_pull_is_measured_on_learn_alone() -> None:
    answers = made(np.concatenate([SCORES, SCORES]), pull=0.0)
    answers.log_probs[200:, :, 0] += 50  # nonsense outside learn
    before = letter_pull(made(SCORES), range(200), 0)
    np.testing.assert_allclose(letter_pull(answers, range(200), 0), before)


def test_a_few_in_a_second_order_tell_the_pull_for_all() -> None:
    whole, few = made(SCORES, pull=1.5), made(SCORES, pull=1.5)
    few.log_probs[48:, 1] = np.nan
    pull = letter_pull(few, range(150), seed=0)
    assert pull[0] == pull.max() and pull[0] - pull[1:].mean() == pytest.approx(1.5, abs=0.5)
    np.testing.assert_allclose(pull, letter_pull(whole, range(48), seed=0))  # by those asked in both alone
    signal = first_signal(few, pull, ())
    assert (signal.asked[:48] == 2).all() and (signal.asked[48:] == 1).all()
    assert (signal.stability[48:] == 1).all() and np.isfinite(signal.probs).all()
    true = SCORES.argmax(1)
    alone = first_signal(made(SCORES, n_orders=1, pull=1.5), np.zeros(4), ())
    assert (signal.choice == true).mean() > 0.9 > 0.75 > (alone.choice == true).mean()


def test_asking_again_averages_by_orders_and_leaves_others_alone() -> None:
    first = first_signal(made(SCORES), np.zeros(4), ())
    rows = np.array([3, 7])
    again = made(np.array([[9.0, 0, 0, 0], [0, 0, 0, 9.0]]), n_orders=4)
    second = second_signal(first, rows, again, np.zeros(4))
    others = np.setdiff1d(np.arange(200), rows)
    assert (second.probs[others] == first.probs[others]).all()
    assert (second.asked[rows] == 6).all() and (second.asked[others] == 2).all()
    certain = np.exp([9.0, 0, 0, 0]) / np.exp([9.0, 0, 0, 0]).sum()
    np.testing.assert_allclose(second.probs[3], (2 * first.probs[3] + 4 * certain) / 6)
    np.testing.assert_allclose(second.probs.sum(1), 1)
    assert second.choice[3] == 0 and second.choice[7] == 3
    assert ((second.stability >= 0) & (second.stability <= 1)).all()
    assert (first.asked == 2).all()  # not changed in place


def test_only_doubtful_documents_of_learn_are_asked_again_the_worst_first() -> None:
    probs = np.array([[0.95, 0.05], [0.55, 0.45], [0.9, 0.1], [0.51, 0.49], [0.99, 0.01], [0.5, 0.5]])
    signal = TeacherSignal(probs, np.array([1, 1, 0.5, 1, 1, 0.5]), np.full(6, 2))
    learn, differs = (0, 1, 2, 3, 4), np.array([False, False, False, False, True])
    assert unsettled(signal, learn, differs, 1.0).tolist() == [1, 2, 3, 4]  # 5 is not of learn
    assert unsettled(signal, learn, differs, 0.4).tolist() == [2, 4]
    assert unsettled(signal, learn, differs, 0.0).tolist() == []
    sure = TeacherSignal(np.tile([[0.9, 0.1]], (6, 1)), np.ones(6), np.full(6, 2))
    assert unsettled(sure, learn, np.zeros(5, bool), 1.0).tolist() == []
