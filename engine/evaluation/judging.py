"""Judging blind: somebody says which of two answers is right without knowing whose they are.

Where there are no labels this is the only check by a person; where the two models say the same there is
nothing to choose between. Does not: store anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from engine.records import text_digest
from engine.views import Judging, Pair

Choice = Literal["first", "second", "both", "neither"]
Verdict = Literal["student", "teacher", "both", "neither"]
SIDES: tuple[Verdict, Verdict] = ("student", "teacher")


def judging(table: pd.DataFrame, judged: Mapping[str, Verdict], seed: str) -> Judging:
    """What is to be judged next, and what came out so far.

    Args:
        table: a run's answers, a row a document.
        judged: id of a document → verdict, in the order in which they were given.
        seed: the same one gives the same order and the same sides.
    """
    rows = {str(row["id"]): row for row in _in_dispute(table)}
    # Drawn, not sorted by doubt: what comes out of the first twenty is to hold for all of them.
    order = sorted(rows, key=lambda name: text_digest(f"{seed}|order|{name}"))
    said = Counter(verdict for name, verdict in judged.items() if name in rows)
    left = [name for name in order if name not in judged]
    pair = None
    if left:
        answers = [str(rows[left[0]][who]) for who in sides(left[0], seed)]
        pair = Pair(left[0], str(rows[left[0]]["original"]), answers[0], answers[1])
    return Judging(pair, said["student"], said["teacher"], said["both"], said["neither"], len(rows),
                   by_chance(said["student"], said["teacher"]))


def _in_dispute(table: pd.DataFrame) -> Sequence[dict[str, Any]]:
    """Rows of documents kept aside on which the two models say something else."""
    kept = table[(table["part"] == "kept_aside") & (table["teacher"] != table["student"])]
    if kept["student_confidence"].isna().all():  # written: an empty answer is one that could not be read
        kept = kept[(kept["teacher"] != "") & (kept["student"] != "")]
    return kept.to_dict("records")


def sides(name: str, seed: str) -> tuple[Verdict, Verdict]:
    """Whose answer stands first and whose second: as a coin says, the same for a document each time."""
    return SIDES if int(text_digest(f"{seed}|sides|{name}"), 16) % 2 else (SIDES[1], SIDES[0])


def meant(choice: Choice, name: str, seed: str) -> Verdict:
    """Whose answer was chosen."""
    if choice in ("both", "neither"):
        return choice
    return sides(name, seed)[choice == "second"]


def by_chance(student: int, teacher: int) -> float | None:
    """How often a lead as large as this, either way, comes of chance alone; None before the first choice.

    Documents of which both or neither is right say nothing about which is better.
    Source: the exact two-sided sign test; Dixon and Mood, JASA 41 (1946).
    """
    if not student + teacher:
        return None
    from scipy.stats import binomtest  # half a second to import
    return float(binomtest(student, student + teacher, 0.5).pvalue)
