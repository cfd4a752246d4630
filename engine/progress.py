"""How a caller is told how far a piece of work is: three shapes, for every room.

Does not: say anything to anybody; `telling` does on the command line, the page in its own words.
"""

from __future__ import annotations

from collections.abc import Callable

Counted = Callable[[int, int], None]  # (done, of all), of one piece of work
Staged = Callable[[str, int, int], None]  # (which piece of work, or a sentence, done, of all)
Titled = Callable[[str], Counted]  # a piece of work by its title: who is to be told of it
