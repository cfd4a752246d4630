"""How a caller is told how far a piece of work is, in three shapes, and may wish to break it off.

Does not: say anything to anybody; `telling` does on the command line, the page in its own words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Counted = Callable[[int, int], None]  # (done, of all), of one piece of work
Staged = Callable[[str, int, int], None]  # (piece of work, or a sentence, done, of all; 0 of 0 uncounted)
Titled = Callable[[str], Counted]  # a piece of work by its title: who is to be told of it
Wish = Literal["pause", "stop", "cancel"]


def counting(tell: Counted | None, total: int, before: int = 0) -> Callable[[int], None] | None:
    """For a part of a piece of work, `before` of which is done: told how far the part is, it tells of all."""
    return (lambda done: tell(before + done, total)) if tell else None


class Interrupted(Exception):  # noqa: N818 - control flow, not a fault
    """The user wished it, and work stops here. A phase that is paused has written a save point before."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self.wish = wish
