"""What is left to ask when copies of a message, forwarded by many, are put to a model once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from engine.records import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class LeftToAsk:
    """`rows`: where what is not known stands first, the longest prompt first; `known`: prompts answered.

    Longest first: the batch that needs the most memory fails at once, not after an hour.
    """

    rows: list[int]
    known: int
    keys: Sequence[str]
    copies: Counter[str]

    @classmethod
    def of(cls, keys: Sequence[str], prompts: Sequence[Prompt], known: Container[str],
           rows: Sequence[int] | None = None) -> LeftToAsk:
        """Prompts and their keys, and the keys that are answered; of `rows` where others need no answer."""
        wanted = range(len(keys)) if rows is None else rows
        first = {keys[i]: i for i in reversed(wanted)}
        missing = sorted((i for key, i in first.items() if key not in known),
                         key=lambda i: (-len(prompts[i].text), i))
        copies = Counter(keys[i] for i in wanted)
        return cls(missing, len(wanted) - sum(copies[keys[i]] for i in missing), keys, copies)

    def batches(self, size: int, on_done: Callable[[int], None] | None,
                checkpoint: Callable[[], None] | None) -> Iterator[list[int]]:
        """Rows to ask about, `size` at once. `checkpoint()` comes before each and may raise to stop;
        `on_done(n)` hears how many prompts are answered, at first and once a batch is done with.
        """
        done = self.known
        if on_done:
            on_done(done)
        for start in range(0, len(self.rows), size):
            if checkpoint:
                checkpoint()
            some = self.rows[start:start + size]
            yield some
            done += sum(self.copies[self.keys[i]] for i in some)
            if on_done:
                on_done(done)
