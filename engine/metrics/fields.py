"""How well facts read out by one reader match another's, field by field. Pure.

A fact counts as found where both name one and the two are the same: figures with the same ends, words that
share at least half of their letters-and-digits pieces. So “the port of Manta” is “port of Manta”.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.tasks.definition import Field
from engine.tasks.figures import Figure, read_figure

_WORD = re.compile(r"\w+")
SHARED = 0.5  # of the words of both together (Jaccard)


@dataclass(frozen=True, slots=True)
class FieldScore:
    """One field: precision, recall and F1 of the facts named, each 0..1; None where neither names any.

    `support`: documents in which the first reader names it. `same`: share of all documents on which the two
    agree, a fact that both leave out included.
    """

    field: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    same: float


def same_fact(field: Field, a: str | None, b: str | None) -> bool:
    """Whether two readers say the same of a field; None: not said."""
    if a is None or b is None:
        return a is None and b is None
    if field.type == "number":
        one, other = read_figure(a), read_figure(b)
        if isinstance(one, Figure) and isinstance(other, Figure):
            return (one.low, one.high) == (other.low, other.high)
    mine, yours = (set(_WORD.findall(text.casefold())) for text in (a, b))
    if not mine or not yours:
        return a.casefold().strip() == b.casefold().strip()
    return len(mine & yours) >= SHARED * len(mine | yours)


def field_scores(fields: Sequence[Field], wanted: Sequence[Mapping[str, str | None]],
                 said: Sequence[Mapping[str, str | None] | None]) -> list[FieldScore]:
    """Every field's scores, `wanted` being right; both (documents,) of field → what was said of it.

    None for an answer that cannot be read: it names no fact, and is the same as nothing.

    Raises ValueError where the two are not about the same number of documents.
    """
    made = []
    for field in fields:
        read = [s is not None for s in said]
        pairs = [(w.get(field.name), (s or {}).get(field.name)) for w, s in zip(wanted, said, strict=True)]
        same = [ok and same_fact(field, w, s) for ok, (w, s) in zip(read, pairs, strict=True)]
        found = sum(ok for ok, (w, s) in zip(same, pairs, strict=True) if w is not None and s is not None)
        named, there = sum(s is not None for _, s in pairs), sum(w is not None for w, _ in pairs)
        made.append(FieldScore(field.name, found / named if named else None, found / there if there else None,
                               2 * found / (named + there) if named + there else None, there,
                               sum(same) / len(same) if same else 1.0))
    return made


def mean_f1(scores: Sequence[float | None]) -> float | None:
    """Mean F1 over the fields that occur; None where none does."""
    known = [f1 for f1 in scores if f1 is not None]
    return sum(known) / len(known) if known else None
