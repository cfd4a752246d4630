"""Token losses: exact where everything is listed, never more elsewhere, at the right positions."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.losses import tokens
from engine.losses.outputs import DIVERGENCES
from engine.losses.tokens import (
    Listed,
    in_chunks,
    positions_at_once,
    sorted_distance,
    text_in_chunks,
    text_loss,
    token_loss,
    with_tail,
)
from engine.models.places import answer_positions
from tests.losses.whole import list_tokens, whole_distance

TEMPERATURES = (1.0, 2.0, 0.5)
GENERATOR = torch.Generator().manual_seed(0)
TEACHER = 3 * torch.randn(7, 50, generator=GENERATOR)
STUDENT = 3 * torch.randn(7, 50, generator=GENERATOR)


def dense(name: str, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Over the whole vocabulary, written down independently."""
    log_p = torch.log_softmax(teacher / temperature, -1)
    log_q = torch.log_softmax(student / temperature, -1)
    return DIVERGENCES[name](log_p, log_q) * temperature**2


@pytest.mark.parametrize(("name", "temperature"), [*product(DIVERGENCES, TEMPERATURES)])
def test_all_tokens_listed_is_the_whole_vocabulary(name: str, temperature: float) -> None:
    student, same = STUDENT.clone().requires_grad_(), STUDENT.clone().requires_grad_()
    listed = token_loss(name, student, list_tokens(TEACHER, 50, TEMPERATURES), temperature)
    whole = dense(name, same, TEACHER, temperature)
    torch.testing.assert_close(listed, whole, atol=2e-4, rtol=2e-4)
    listed.sum().backward()
    whole.sum().backward()
    torch.testing.assert_close(student.grad, same.grad, atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize(("name", "temperature"), [*product(DIVERGENCES, TEMPERATURES)])
def test_fewer_tokens_never_say_more(name: str, temperature: float) -> None:
    values = [
        token_loss(name, STUDENT, list_tokens(TEACHER, k, TEMPERATURES), temperature) for k in (1, 4, 16, 50)
    ]
    for fewer, more in zip(values, values[1:], strict=False):
        assert (fewer <= more + 1e-4).all()
    assert (values[0] >= -1e-6).all()


@pytest.mark.parametrize(("name", "k"), [*product(DIVERGENCES, (1, 8, 50))])
def test_a_student_that_learned_it_all_has_no_loss_and_no_slope(name: str, k: int) -> None:
    student = (TEACHER + 4.0).requires_grad_()
    loss = token_loss(name, student, list_tokens(TEACHER, k, (1.0,)))
    torch.testing.assert_close(loss, torch.zeros(7), atol=2e-5, rtol=0)
    loss.sum().backward()
    assert student.grad.abs().max() < 1e-3


def test_the_tail_is_pulled_up_when_the_student_forgets_it() -> None:
    """With renormalised lists the slope on unlisted tokens only ever pushes down."""
    listed = list_tokens(torch.zeros(1, 10), 4, (1.0,))  # 60 % of the mass is not listed
    student = torch.zeros(1, 10)
    student[0, listed.ids[0]] = 3.0
    student.requires_grad_()
    token_loss("forward_kl", student, listed).sum().backward()
    unlisted = [i for i in range(10) if i not in listed.ids[0].tolist()]
    assert (student.grad[0, unlisted] < 0).all()  # going down the slope raises them
    assert (student.grad[0, listed.ids[0]] > 0).all()


def test_normalisers_make_every_kept_temperature_exact_and_others_are_refused() -> None:
    listed = list_tokens(TEACHER, 5, (1.0, 2.0))
    for temperature in (1.0, 2.0):
        whole = torch.softmax(TEACHER / temperature, -1)
        given = listed.with_others(temperature).exp()
        torch.testing.assert_close(given[:, :5], whole.gather(-1, listed.ids), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(given.sum(-1), torch.ones(7))
    with pytest.raises(SettingsError, match="temperature 4"):
        listed.with_others(4.0)


def test_an_api_gives_log_probabilities_at_one_temperature_only() -> None:
    log_probs, ids = torch.log_softmax(TEACHER, -1).topk(5, -1)
    from_api = Listed(ids, log_probs, {1.0: torch.zeros(7)})
    torch.testing.assert_close(
        token_loss("forward_kl", STUDENT, from_api),
        token_loss("forward_kl", STUDENT, list_tokens(TEACHER, 5, (1.0,))),
    )


def test_nothing_is_infinite_at_the_edges() -> None:
    teacher = torch.tensor([[200.0, -200.0, 0.0], [0.0, 0.0, 0.0]])
    for name, k in product(DIVERGENCES, (1, 2, 3)):
        student = torch.tensor([[-200.0, 200.0, 0.0], [300.0, -300.0, 0.0]], requires_grad=True)
        loss = token_loss(name, student, list_tokens(teacher, k, (1.0,)))
        loss.sum().backward()
        assert torch.isfinite(loss).all() and torch.isfinite(student.grad).all()
    assert torch.isfinite(with_tail(torch.zeros(1, 1))).all()


@pytest.mark.parametrize(("name", "chunk"), [*product(DIVERGENCES, (1, 3, 7, 100))])
def test_chunks_change_neither_value_nor_slope(name: str, chunk: int) -> None:
    listed = list_tokens(TEACHER, 6, (2.0,))
    states, head = torch.randn(7, 12, generator=GENERATOR), torch.randn(50, 12, generator=GENERATOR)
    whole_states, whole_head = states.clone().requires_grad_(), head.clone().requires_grad_()
    part_states, part_head = states.clone().requires_grad_(), head.clone().requires_grad_()
    whole = token_loss(name, whole_states @ whole_head.T, listed, 2.0)
    parts = in_chunks(name, part_states, part_head, listed, 2.0, chunk)
    torch.testing.assert_close(parts, whole)
    whole.sum().backward()
    parts.sum().backward()
    torch.testing.assert_close(part_states.grad, whole_states.grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(part_head.grad, whole_head.grad, atol=1e-5, rtol=1e-5)
    assert in_chunks(
        name,
        states[:0],
        head,
        Listed(listed.ids[:0], listed.log_probs[:0], {2.0: listed.normalisers[2.0][:0]}),
        2.0,
    ).shape == (0,)


def test_a_large_vocabulary_is_gone_through_in_smaller_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory at once is bounded in scores, not in places: a vocabulary may have 150,000 tokens."""
    assert positions_at_once(151_936) * 151_936 <= tokens.SCORES and positions_at_once(151_936) >= 128
    assert positions_at_once(10 ** 9) == 1
    ids, seen = torch.tensor([3, 0, 49, 7, 7, 1, 2]), list[int]()
    states, head = torch.randn(7, 12, generator=GENERATOR), torch.randn(50, 12, generator=GENERATOR)
    whole, parts = states.clone().requires_grad_(), states.clone().requires_grad_()
    text_loss(whole @ head.T, ids).sum().backward()
    monkeypatch.setattr(tokens, "SCORES", 150)

    def scored(products: torch.Tensor) -> torch.Tensor:
        seen.append(products.numel())
        return products.float()

    text_in_chunks(parts, head, ids, scored=scored).sum().backward()
    torch.testing.assert_close(parts.grad, whole.grad, atol=1e-5, rtol=1e-5)
    assert max(seen) == 150 and len(seen) == 2 * 3  # once for the value, once more for the gradient


def test_text_is_plain_cross_entropy() -> None:
    ids = torch.tensor([3, 0, 49, 7, 7, 1, 2])
    wanted = -torch.log_softmax(STUDENT, -1)[torch.arange(7), ids]
    torch.testing.assert_close(text_loss(STUDENT, ids), wanted)
    certain = torch.full((1, 5), -50.0)
    certain[0, 2] = 50.0
    assert float(text_loss(certain, torch.tensor([2]))) == pytest.approx(0, abs=1e-6)


def test_sorted_distance_knows_no_words_and_no_sizes() -> None:
    shuffled = STUDENT[:, torch.randperm(50, generator=GENERATOR)]
    torch.testing.assert_close(whole_distance(shuffled, STUDENT), torch.zeros(7), atol=1e-6, rtol=0)
    wider = torch.cat([STUDENT, torch.full((7, 13), -1e4)], -1)
    torch.testing.assert_close(whole_distance(STUDENT, wider), torch.zeros(7), atol=1e-6, rtol=0)
    sure, even = torch.tensor([[50.0, 0.0]]), torch.zeros(1, 4)
    assert float(whole_distance(sure, even)) == pytest.approx(0.75 + 3 * 0.25, abs=1e-5)
    student = STUDENT.clone().requires_grad_()
    whole_distance(student, TEACHER).sum().backward()
    assert student.grad.abs().max() > 0


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=1, max_size=4))
def test_a_score_predicts_the_token_after_it(shape: list[tuple[int, int]]) -> None:
    prompts, lengths = [p for p, _ in shape], [p + a for p, a in shape]
    rows, places = answer_positions(prompts, lengths)
    width = max(lengths)
    tokens = torch.arange(len(shape) * width).reshape(len(shape), width)
    answers = [tokens[r, p:n].tolist() for r, (p, n) in enumerate(zip(prompts, lengths, strict=True))]
    assert tokens[rows, places + 1].tolist() == [t for answer in answers for t in answer]
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        assert prompts[row] - 1 <= place < lengths[row] - 1


@pytest.mark.parametrize("k", [1, 3, 8])
def test_a_listed_distance_never_exceeds_the_whole_one_and_is_it_where_all_is_listed(k: int) -> None:
    torch.manual_seed(4)
    teacher, student = 2 * torch.randn(7, 8), 2 * torch.randn(7, 11)
    listed = list_tokens(teacher, k, (1.0, 2.0))
    for t in (1.0, 2.0):
        part, exact = sorted_distance(student, listed, t), whole_distance(student, teacher, t)
        assert (part <= exact + 1e-5).all() and (part >= 0).all()
    narrow = 2 * torch.randn(7, 8)
    torch.testing.assert_close(sorted_distance(narrow, list_tokens(teacher, 8, (1.0,))),
                               whole_distance(narrow, teacher), atol=1e-5, rtol=1e-5)
    fewer = 2 * torch.randn(7, 4)  # a student with fewer tokens than are listed
    assert torch.isfinite(sorted_distance(fewer, listed)).all()
    scores = student.clone().requires_grad_()
    sorted_distance(scores, listed).sum().backward()
    assert scores.grad.abs().max() > 0 and torch.isfinite(scores.grad).all()



def test_an_answer_needs_something_before_it() -> None:
    with pytest.raises(ValueError, match="before the answer"):
        answer_positions([0], [3])


def test_prompt_and_padding_get_no_slope() -> None:
    """Scores (rows, width, vocabulary): only the positions before answer tokens are touched."""
    scores = torch.randn(2, 6, 9, generator=GENERATOR).requires_grad_()
    rows, places = answer_positions([2, 3], [4, 6])
    teacher = list_tokens(torch.randn(len(rows), 9, generator=GENERATOR), 3, (1.0,))
    token_loss("forward_kl", scores[rows, places], teacher).sum().backward()
    touched = scores.grad.abs().sum(-1) > 0
    assert touched.int().tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0]]


def test_by_hand() -> None:
    teacher = torch.log(torch.tensor([[0.5, 0.3, 0.1, 0.1]]))
    student = torch.log(torch.tensor([[0.25, 0.25, 0.25, 0.25]]))
    value = float(token_loss("forward_kl", student, list_tokens(teacher, 2, (1.0,))))
    wanted = 0.5 * math.log(0.5 / 0.25) + 0.3 * math.log(0.3 / 0.25) + 0.2 * math.log(0.2 / 0.5)
    assert value == pytest.approx(wanted, abs=1e-5)
