"""Likenesses between documents: invariant to what does not matter, with a slope where it does."""

from __future__ import annotations

import pytest
import torch

from engine.devices import DeviceChoice
from engine.losses.representations import TAU, linear_cka, relational_cross_entropy, relations

NONE = torch.full((5,), -1)


@pytest.fixture
def states() -> tuple[torch.Tensor, torch.Tensor]:
    """Five documents and seven anchors at two depths, sixteen wide."""
    torch.manual_seed(0)
    return torch.randn(5, 2, 16), torch.randn(7, 2, 16)


def test_rows_are_log_distributions_over_anchors(states: tuple[torch.Tensor, torch.Tensor]) -> None:
    rows = relations(*states, NONE)
    assert rows.shape == (5, 2, 7)
    torch.testing.assert_close(rows.exp().sum(-1), torch.ones(5, 2))


def test_a_value_by_hand() -> None:
    anchors = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]], [[-2.0, -2.0]]])  # mean 0
    row = relations(torch.tensor([[[1.0, 0.0]]]), anchors, torch.tensor([-1]), tau=0.5)[0, 0]
    cosines = torch.tensor([1.0, 0.0, -(0.5 ** 0.5)])
    torch.testing.assert_close(row, torch.log_softmax(cosines / 0.5, 0))


def test_equal_likenesses_are_zero_and_others_positive(states: tuple[torch.Tensor, torch.Tensor]) -> None:
    h, anchors = states
    own = relations(h, anchors, NONE)
    assert relational_cross_entropy(own, own).abs().max() < 1e-6
    torch.manual_seed(1)
    other = relations(torch.randn(5, 2, 24), torch.randn(7, 2, 24), NONE)  # another width
    assert (relational_cross_entropy(other, own) > 0.01).all()
    assert relational_cross_entropy(other, own).shape == (5,)


def test_rotation_shift_and_scale_change_nothing(states: tuple[torch.Tensor, torch.Tensor]) -> None:
    h, anchors = states
    rotation = torch.linalg.qr(torch.randn(16, 16)).Q
    shift = 5 * torch.randn(1, 2, 16)
    moved = relations(3 * (h @ rotation + shift), 3 * (anchors @ rotation + shift), NONE)
    torch.testing.assert_close(moved, relations(h, anchors, NONE), atol=2e-4, rtol=1e-4)


def test_a_document_that_is_an_anchor_is_not_compared_with_itself(
    states: tuple[torch.Tensor, torch.Tensor]
) -> None:
    _, anchors = states
    own = torch.tensor([0, 3, -1])
    h = anchors[[0, 3, 5]].clone().requires_grad_()
    rows = relations(h, anchors, own)
    assert (rows[0, :, 0].exp() == 0).all() and (rows[1, :, 3].exp() == 0).all()
    assert (rows[2].exp() > 0).all() and rows[2, :, 5].exp().min() > 0.9  # unmasked it outweighs the rest
    torch.testing.assert_close(rows.exp().sum(-1), torch.ones(3, 2))
    teacher = relations(torch.randn(3, 2, 9), torch.randn(7, 2, 9), own)
    loss = relational_cross_entropy(rows, teacher)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(h.grad).all() and h.grad.abs().sum() > 0


def test_slopes_are_those_of_finite_differences(states: tuple[torch.Tensor, torch.Tensor]) -> None:
    h, anchors = states
    teacher = relations(torch.randn(5, 2, 9), torch.randn(7, 2, 9), NONE)
    h = h.clone().requires_grad_()
    relational_cross_entropy(relations(h, anchors, NONE), teacher).sum().backward()
    direction = torch.randn_like(h)
    step = 1e-2
    with torch.no_grad():
        up, down = (relational_cross_entropy(relations(h + s * direction, anchors, NONE), teacher).sum()
                    for s in (step, -step))
    assert float((h.grad * direction).sum()) == pytest.approx(float((up - down) / (2 * step)), rel=0.02)


def test_documents_that_are_all_alike_do_not_break_it() -> None:
    same = torch.ones(4, 2, 8, requires_grad=True)
    rows = relations(same, torch.ones(5, 2, 8), torch.full((4,), -1))
    relational_cross_entropy(rows, relations(torch.randn(4, 2, 8), torch.randn(5, 2, 8),
                                             torch.full((4,), -1))).sum().backward()
    assert torch.isfinite(rows).all() and torch.isfinite(same.grad).all()


def test_real_states_have_a_slope_only_when_centred(student_and_encoder) -> None:
    """Last-token states lie in a narrow cone: raw cosines at τ = 1 are near 1 and teach nothing."""
    from engine.models.folders import require
    from engine.models.loading import load_causal_lm

    folder = require(student_and_encoder / "models", "smollm2-135m-instruct")
    model, tokenizer = load_causal_lm(folder, DeviceChoice("cpu", "float32", 1, "test"))
    texts = ["The river rose over the bridge", "Houses burn on the hill", "We need water and blankets",
             "Great film last night", "A bus went off the road", "Shots were heard downtown",
             "The ground shook twice", "Roofs torn off by the wind", "Praying for everyone there",
             "Coffee with friends", "Volunteers bring food", "Stay off the coast road"]
    with torch.no_grad():
        states = torch.stack([
            torch.stack([model(**tokenizer(t, return_tensors="pt"), output_hidden_states=True)
                         .hidden_states[d][0, -1] for d in (8, 15, 30)]) for t in texts])
    none = torch.full((4,), -1)
    h, anchors = states[:4].clone().requires_grad_(), states[4:]
    torch.manual_seed(0)
    teacher = relations(torch.randn(4, 3, 32), torch.randn(8, 3, 32), none)
    relational_cross_entropy(relations(h, anchors, none), teacher).sum().backward()
    centred = (h.grad * h.detach().norm(dim=-1, keepdim=True)).norm(dim=-1)  # per relative change of h

    raw = states[:4].clone().requires_grad_()
    unit = torch.nn.functional.normalize
    rows = torch.log_softmax(torch.einsum("idw,kdw->idk", unit(raw, dim=-1), unit(anchors, dim=-1)), -1)
    flat = torch.full_like(rows, 1 / 8)
    (flat * (flat.log() - rows)).sum().backward()
    uncentred = (raw.grad * raw.detach().norm(dim=-1, keepdim=True)).norm(dim=-1)
    assert centred.min() > 0.1
    assert centred.median() > 20 * uncentred.median()


def test_tau_is_the_documented_one() -> None:
    assert TAU == 0.1


def two_sides() -> tuple[torch.Tensor, torch.Tensor]:
    """Six items at two depths, five wide and nine wide."""
    torch.manual_seed(0)
    return torch.randn(6, 2, 5, dtype=torch.float64), torch.randn(6, 2, 9, dtype=torch.float64)


def test_cka_by_hand() -> None:
    """Three items; centred, the student's lie at -1, 0, 1 and the teacher's at -1, 1, 0."""
    student = torch.tensor([4.0, 5.0, 6.0])[:, None, None]
    teacher = torch.tensor([[1.0, 3.0], [3.0, 3.0], [2.0, 3.0]])[:, None, :]
    assert float(linear_cka(student, teacher)) == pytest.approx(1 - 1**2 / (2 * 2))


def test_cka_is_as_its_formula_says() -> None:
    student, teacher = two_sides()
    values = []
    for depth in range(2):
        x, y = (side[:, depth] - side[:, depth].mean(0) for side in (student, teacher))
        values.append(1 - (y.T @ x).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm()))
    torch.testing.assert_close(linear_cka(student, teacher), torch.stack(values).mean())


def test_cka_of_equals_is_zero_and_turning_shifting_and_scaling_change_nothing() -> None:
    student, teacher = two_sides()
    turn = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q
    moved = 7 * (student @ turn) + 3 * torch.randn(1, 2, 5, dtype=torch.float64)
    assert linear_cka(student, moved).abs() < 1e-12
    torch.testing.assert_close(linear_cka(moved, 1e-3 * teacher), linear_cka(student, teacher))
    assert 0.1 < linear_cka(student, teacher) < 1
    stretched = student * torch.tensor([1.0, 1, 1, 1, 9], dtype=torch.float64)
    assert linear_cka(stretched, student) > 0.05  # other likenesses


def test_slopes_of_cka_are_those_of_finite_differences() -> None:
    student, teacher = two_sides()
    assert torch.autograd.gradcheck(lambda s: linear_cka(s, teacher), (student.requires_grad_(),))


SPREAD = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(3))
SAME = 0.1 * torch.ones(4, 2, 3)  # no number of bits: its mean is not exactly it


@pytest.mark.parametrize(("student", "teacher", "cost"), [
    (SPREAD, SAME, 0),  # nothing to learn
    (SAME, SAME, 0),
    (SPREAD[:1], SPREAD[1:2], 0),  # one item has no likenesses
    (SPREAD[:2], SPREAD[2:], 0),  # of two there is one, and one factor
    (1e4 * SAME, SPREAD, 1),
    (torch.zeros(4, 2, 3), SPREAD, 1),
], ids=["teacher alike", "both alike", "one item", "two items", "student alike", "student zero"])
def test_cka_of_a_batch_that_tells_nothing_is_finite_and_pulls_nowhere(
    student: torch.Tensor, teacher: torch.Tensor, cost: float
) -> None:
    student = student.clone().requires_grad_()
    value = linear_cka(student, teacher)
    value.backward()
    assert value.item() == pytest.approx(cost, abs=1e-6)
    assert student.grad.abs().max() < 1e-5
