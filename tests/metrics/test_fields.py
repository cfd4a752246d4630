"""Facts of two readers, compared field by field."""

from __future__ import annotations

import pytest

from engine.metrics.fields import field_scores, mean_f1, same_fact
from engine.tasks.definition import Field

PLACE, DEAD = Field(name="place"), Field(name="dead", type="number")


@pytest.mark.parametrize(("field", "a", "b"), [
    (PLACE, "Manta", "manta"), (PLACE, "the port of Manta", "port of Manta"), (PLACE, None, None),
    (DEAD, "12", "twelve"), (DEAD, "at least 5", "at least five"), (DEAD, "1,200", "1200"),
    (DEAD, "many", "many"), (PLACE, "“”", "“”")])
def test_the_same_fact_said_otherwise(field: Field, a: str | None, b: str | None) -> None:
    assert same_fact(field, a, b) and same_fact(field, b, a)


@pytest.mark.parametrize(("field", "a", "b"), [
    (PLACE, "Manta", "Quito"), (PLACE, "Manta", None), (DEAD, "12", "21"), (DEAD, "5", "at least 5"),
    (DEAD, "0", None), (PLACE, "a small town in the north of Peru", "Peru")])
def test_another_fact(field: Field, a: str | None, b: str | None) -> None:
    assert not same_fact(field, a, b) and not same_fact(field, b, a)


def test_scores_by_hand() -> None:
    wanted = [{"place": "Manta", "dead": "3"}, {"place": "Quito", "dead": None}, {"place": "Loja"}]
    said = [{"place": "Manta", "dead": "4"}, {"place": None, "dead": None}, {"place": "Cuenca", "dead": None}]
    place, dead = field_scores((PLACE, DEAD), wanted, said)
    assert (place.precision, place.recall, place.f1, place.support) == (1 / 2, 1 / 3, 2 / 5, 3)
    assert place.same == pytest.approx(1 / 3) and dead.same == pytest.approx(2 / 3)
    assert (dead.precision, dead.recall, dead.f1, dead.support) == (0.0, 0.0, 0.0, 1)
    assert mean_f1([place.f1, dead.f1]) == pytest.approx(0.2)


def test_an_answer_that_cannot_be_read_is_the_same_as_none_though_nothing_was_to_be_said() -> None:
    wanted = [{"place": "Manta", "dead": None}, {"place": None, "dead": None}]
    silent, unread = (field_scores((PLACE, DEAD), wanted, said) for said in ([{}, {}], [None, None]))
    assert [score.same for score in silent] == [0.5, 1.0] and [score.same for score in unread] == [0.0, 0.0]
    assert unread[0].recall == 0.0 and unread[0].precision is None and unread[1].f1 is None


def test_a_field_that_nobody_names_has_no_score() -> None:
    nothing = [{"dead": None}, {}]
    score = field_scores((DEAD,), nothing, nothing)[0]
    assert score.f1 is None and score.precision is None and score.same == 1.0 and score.support == 0
    assert mean_f1([None, None]) is None and mean_f1([None, 0.5]) == 0.5
    with pytest.raises(ValueError):
        field_scores((DEAD,), nothing, nothing[:1])
