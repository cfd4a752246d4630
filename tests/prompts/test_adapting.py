"""Adapting: the better way is found without labels, doubt is asked about first, and the budget is kept."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.prompts.adapting import Adapted, adapt, doubtful
from engine.prompts.answered import Book, Budget, combine
from engine.prompts.calibration import Likings
from engine.prompts.candidates import Candidate
from tests.prompts.worlds import ORDERS, World, truth_of, way

N = 200
TRUTH = truth_of(N)
WAYS = (way("plain"), way("clear"), way("muddled"))
CLARITY = {"plain": 1.0, "clear": 3.0, "muddled": 0.0}
VECTORS = np.eye(4)[TRUTH] + 0.5 * np.random.default_rng(3).normal(size=(N, 4))
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)  # what documents are about, not without noise


def asked(world: World, tokens: float = 1e9, asks: int = 4, **changes: object) -> Adapted:
    return adapt(world, WAYS, **{  # type: ignore[arg-type] - changes are those of `adapt`
        "orders": ORDERS, "sample": np.arange(40), "learn": np.arange(150), "n_documents": N,
        "budget": Budget(tokens, asks), "seed": 0, "vectors": VECTORS, **changes})


def right(made: Adapted) -> float:
    return float((made.probs.argmax(axis=1) == TRUTH).mean())


def test_the_clearest_way_is_chosen_and_said_why() -> None:
    world = World(TRUTH, CLARITY)
    made = asked(world)
    assert made.chosen == way("clear")
    assert [t.candidate.template.id for t in made.tried][-1] == "muddled"
    assert "no label was looked at" in made.because
    assert right(made) > right(asked(World(TRUTH, CLARITY), tokens=100 * N)) + 0.2  # plain, once each
    np.testing.assert_allclose(made.probs.sum(axis=1), 1)


def test_a_shorter_way_that_is_as_good_is_preferred() -> None:
    world = World(TRUTH, {**CLARITY, "plain": 3.1}, price={"plain": 60, "clear": 300})
    made = asked(world)
    assert made.chosen == way("plain")


def test_documents_in_doubt_are_asked_again_first_and_each_with_its_reason() -> None:
    made = asked(World(TRUTH, CLARITY, noise=1.5))
    assert made.steps
    assert (made.asked[list(made.reasons)] >= 2).all()
    once = np.setdiff1d(np.arange(40, N), list(made.reasons))
    assert (made.asked[once] == 1).all()
    assert all("points apart" in why or "not the same" in why for why in made.reasons.values())
    first = made.steps[0].rows
    assert len(first) < N  # the settled ones are left alone


def test_the_budget_is_kept_and_where_it_ended_is_said() -> None:
    for tokens in (100 * N, 170 * N, 210 * N, 130 * N):
        world = World(TRUTH, CLARITY, noise=2.0)
        made = asked(world, tokens=tokens)
        read = sum(100 * len(rows) for _, _, rows in world.calls)
        assert read == made.spent <= tokens
        assert not np.isnan(made.probs).any()
    assert "used up" in made.halted
    assert not asked(World(TRUTH, CLARITY, noise=0.1)).halted


def test_no_document_is_asked_more_often_than_allowed() -> None:
    world = World(TRUTH, CLARITY, noise=2.0)
    made = asked(world, asks=2)
    outside = np.arange(40, N)  # the sample was asked by trying out
    count = np.zeros(N, dtype=int)
    for _, _, rows in world.calls:
        count[list(rows)] += 1
    assert count[outside].max() == 2
    assert made.asked[outside].max() == 2


def test_a_way_that_the_sample_makes_look_cheap_is_counted_in_full() -> None:
    """Long documents outside of the sample: the way that is chosen must not leave any unasked."""
    class Longer(World):
        def tokens(self, candidate: Candidate, rows: np.ndarray, order: int) -> np.ndarray:
            plain = super().tokens(candidate, rows, order)
            return plain * np.where((rows >= 40) & (candidate == way("clear")), 3, 1)
    world = Longer(TRUTH, CLARITY)
    needed = int(world.tokens(WAYS[0], np.arange(N), 0).sum())
    for budget in np.linspace(1.0, 6.0, 26):
        made = asked(Longer(TRUTH, CLARITY), tokens=budget * needed)
        assert np.isfinite(made.probs).all() and (made.asked > 0).all(), budget


def test_what_was_tried_another_way_is_asked_the_chosen_way_too() -> None:
    """A small budget pays for trying a cheap way that is dear elsewhere; one question each is allowed."""
    class Longer(World):
        def tokens(self, candidate: Candidate, rows: np.ndarray, order: int) -> np.ndarray:
            plain = super().tokens(candidate, rows, order)
            return plain * np.where((rows >= 40) & (candidate == way("clear")), 50, 1)
    world = Longer(TRUTH, CLARITY, price={"plain": 500, "clear": 60})
    made = asked(world, tokens=500 * N + 2 * 40 * 60, asks=1)
    assert made.chosen == way("plain") and any(name.startswith("clear") for name, *_ in world.calls)
    assert np.isfinite(made.probs).all() and (made.asked == 1).all()


def test_a_way_that_cannot_be_tried_in_full_is_not_begun() -> None:
    """A few of its answers would be paid for and thrown away; a later, cheaper way can still be tried."""
    world = World(TRUTH, {**CLARITY, "muddled": 3.0}, price={"clear": 300, "muddled": 60})
    made = asked(world, tokens=100 * N + 2 * 40 * (100 + 60))
    assert {t.candidate.template.id for t in made.tried} == {"plain", "muddled"}
    assert not any(name.startswith("clear") for name, *_ in world.calls)
    assert made.chosen == way("muddled")


def test_a_budget_below_one_question_each_is_refused_before_anything_is_asked() -> None:
    world = World(TRUTH, CLARITY)
    with pytest.raises(SettingsError, match="takes 20,000 tokens; the budget is 10,000"):
        asked(world, tokens=10_000)
    assert not world.calls


def test_with_one_way_and_little_money_the_analysts_own_is_used() -> None:
    made = asked(World(TRUTH, CLARITY), tokens=100 * N)
    assert made.chosen == way("plain")
    assert "no trying out" in made.because
    assert (made.asked == 1).all()


def test_likings_are_taken_off() -> None:
    liking, letters = np.array([1.5, 0, 0, -1.5]), np.array([1.5, 0.5, -0.5, -1.5])
    fair = right(asked(World(TRUTH, CLARITY)))
    biased = World(TRUTH, CLARITY, liking=liking, letters=letters)
    raw = biased.ask(way("clear"), np.arange(N), 0)
    raw_right = float((ORDERS[0][raw.argmax(axis=1)] == TRUTH).mean())
    assert right(asked(biased)) > raw_right + 0.5 * (fair - raw_right)


@pytest.mark.parametrize("n", [40, 60, 94])
def test_likings_are_taken_off_where_there_are_too_few_documents_to_try_ways_on(n: int) -> None:
    """As *Balanced* spends: half a question a document is left, and a way on a sample would take 48."""
    truth, learn = truth_of(n, 1), np.arange(round(0.65 * n))

    def answered(calibrate: bool, **likes: np.ndarray) -> Adapted:
        made = adapt(World(truth, {"plain": 2.0, "clear": 2.0}, **likes), WAYS[:2], orders=ORDERS,
                     sample=np.arange(24), learn=learn, n_documents=n, budget=Budget(150.0 * n), seed=0,
                     calibrate=calibrate)
        assert not made.tried and "no trying out" in made.because and made.spent <= 150 * n
        return made

    def right_in(made: Adapted) -> float:
        return float((made.once == truth).mean())
    for likes in ({"liking": np.array([2.5, 0, 0, -0.5])}, {"letters": np.array([2.5, 0, 0, -0.5])}):
        left, off = answered(calibrate=False, **likes), answered(calibrate=True, **likes)
        assert right_in(off) > right_in(left) + 0.1
        assert "was set right" in off.set_right and "left as they are" in left.set_right
    fair = answered(calibrate=True)
    assert right_in(fair) > right_in(answered(calibrate=False)) - 0.06
    assert (fair.asked[learn] > 1).sum() >= min(24, len(learn)) // 2


def test_no_money_is_said_to_have_run_out_where_nobody_is_left_in_doubt() -> None:
    made = asked(World(TRUTH, dict.fromkeys(CLARITY, 40.0)), tokens=100 * N)
    assert not made.steps and not made.halted


def test_the_liking_for_a_letter_is_known_from_other_documents_than_that_for_a_category() -> None:
    """Ways are tried out on *steer*; *learn*, which tells likings for categories, was asked in one order."""
    letters = np.array([1.5, 0.5, -0.5, -1.5])
    fair, biased = World(TRUTH, {"plain": 1.0}), World(TRUTH, {"plain": 1.0}, letters=letters)

    def once(world: World) -> float:
        made = adapt(world, WAYS[:1], orders=ORDERS, sample=np.arange(N - 60, N), learn=np.arange(N - 60),
                     n_documents=N, budget=Budget(1e9), seed=0, calibrate=True)
        return float((made.once == TRUTH).mean())
    raw = biased.ask(way("plain"), np.arange(N), 0)
    raw_right = float((ORDERS[0][raw.argmax(axis=1)] == TRUTH).mean())
    assert raw_right < once(fair) - 0.1
    assert once(biased) > once(fair) - 0.05


def test_a_skewed_pool_loses_nothing() -> None:
    skewed = np.where(np.random.default_rng(1).random(N) < 0.85, 0, TRUTH)
    made = adapt(World(skewed, CLARITY), WAYS, orders=ORDERS, sample=np.arange(40), learn=np.arange(150),
                 n_documents=N, budget=Budget(1e9), seed=0)
    world = World(skewed, CLARITY)
    raw = world.ask(made.chosen, np.arange(N), 0)
    raw_right = (ORDERS[0][raw.argmax(axis=1)] == skewed).mean()
    assert (made.probs.argmax(axis=1) == skewed).mean() >= raw_right - 0.02


def test_the_same_seed_gives_the_same() -> None:
    one, two = asked(World(TRUTH, CLARITY)), asked(World(TRUTH, CLARITY))
    np.testing.assert_array_equal(one.probs, two.probs)
    assert one.reasons == two.reasons


def test_examples_are_asked_for_only_when_they_can_be_sorted() -> None:
    told: list[tuple[np.ndarray, int]] = []
    world = World(TRUTH, CLARITY, noise=2.0)

    def sort(rows: np.ndarray, probs: np.ndarray, _stability: np.ndarray) -> np.ndarray:
        told.append((rows, len(probs)))
        return rows[::2]
    asked(world, sort_examples=sort)
    (in_doubt, known), = told
    assert 0 < len(in_doubt) < known == N  # for those in question only, by what is known of all
    shown, = (rows for ref, _, rows in world.calls if "+3" in ref)
    assert shown and set(shown) <= set(in_doubt[::2])  # else it would be the same question again
    plain = World(TRUTH, CLARITY, noise=2.0)
    asked(plain)
    assert not any("+3" in ref for ref, _, _ in plain.calls)


def test_doubt_is_a_small_gap_or_an_answer_that_changes() -> None:
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.9, 0.1], [0.65, 0.35]])
    assert doubtful(probs, np.array([1, 1, 0.5, 1])).tolist() == [1, 3, 2]


def test_answers_are_weighed_and_counted() -> None:
    world = World(TRUTH[:6], CLARITY)
    book = Book(world, ORDERS, 6, Budget(1e9))
    rows = np.arange(6)
    book.fill(way("clear"), rows[:5], 0)
    book.fill(way("plain"), rows[:2], 1)
    for name in ("clear", "plain"):
        book.likings[way(name)] = Likings(*np.zeros((3, 4)))
    probs, stability = combine(book, {way("clear"): 3.0, way("plain"): 1.0})
    clear, plain = book.distributions(way("clear")), book.distributions(way("plain"))
    np.testing.assert_allclose(probs[0], (3 * clear[0, 0] + plain[0, 1]) / 4)
    np.testing.assert_allclose(probs[3], clear[3, 0])
    assert np.isnan(probs[5]).all()
    assert stability[3] == 1
    assert book.times_asked().tolist() == [2, 2, 1, 1, 1, 0]
    assert len(book.fill(way("clear"), rows, 0)) == 1  # what was answered is not asked again
