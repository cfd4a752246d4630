"""What changed from one text to another, line by line and word by word. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

Change = Literal["same", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Run:
    """Some words of a line, and whether they were added, removed, or stayed."""

    change: Change
    text: str


Line = tuple[Run, ...]


def compare(before: str, after: str) -> list[Line]:
    """Lines of both texts, in order; a line that changed a little shows its changed words in place.

    What is *same* or *removed*, put together, is `before`; what is *same* or *added* is `after`.
    """
    old, new = before.split("\n"), after.split("\n")
    lines: list[Line] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [(Run("same", line),) for line in old[i1:i2]]
            continue
        pairs = min(i2 - i1, j2 - j1)
        for a, b in zip(old[i1:i1 + pairs], new[j1:j1 + pairs], strict=True):
            lines += _line(a, b)
        lines += [(Run("removed", line),) for line in old[i1 + pairs:i2]]
        lines += [(Run("added", line),) for line in new[j1 + pairs:j2]]
    return lines


def _line(before: str, after: str) -> list[Line]:
    """One line that became another: word by word if they are alike, else one after the other."""
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:
        return [(Run("removed", before),), (Run("added", after),)]
    runs: list[Run] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            runs.append(Run("same", "".join(old[i1:i2])))
            continue
        if i2 > i1:
            runs.append(Run("removed", "".join(old[i1:i2])))
        if j2 > j1:
            runs.append(Run("added", "".join(new[j1:j2])))
    return [tuple(runs)]
