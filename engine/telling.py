"""What the command line says while it works: lines on standard error, one every few seconds at most."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.events import Event
from engine.in_words import line

EVERY, FIRST = 5.0, 1.0  # seconds between two lines about a piece of work; until its first
COUNTS = ("progress", "step")  # events that say how far something is
WORK = {"reading": "Reading", "duplicates": "Looking for near-duplicates"}  # stages of `ingest`


@dataclass(slots=True)
class Telling:
    """Says how far each piece of work is: after a second, then every few, and its end if it was said at all.

    Called as (piece of work, done, total); `event` takes what a run wrote down instead, at the time it was
    written.
    """

    say: Callable[[str], object] = lambda words: sys.stderr.write(f"{words}\n")
    clock: Callable[[], float] = time.monotonic
    _due: dict[str, float] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def __call__(self, work: str, done: int, total: int) -> None:
        """So much of a piece of work is done; with a total of 0, that it is at work, once."""
        title = WORK.get(work, work)
        if not total:
            if title not in self._said:
                self.say(f"{title}…")
            self._said.add(title)
            return
        if self._wanted(title, done >= total, self.clock()):
            self.say(f"{title}: {100 * done // max(1, total)} %")

    def sentence(self, words: str, done: int, total: int) -> None:
        """A sentence that counts by itself, in brackets at its end: at once where the rest is new."""
        title = words.split(" (")[0]
        if title in self._said and done < total and self.clock() < self._due[title]:
            return
        self._due[title] = self.clock() + EVERY
        self._said.add(title)
        self.say(words)

    def events(self, events: Sequence[Event]) -> None:
        """Some events of a run at once, all that it wrote so far maybe: of counts, the newest counts."""
        newest = max((i for i, event in enumerate(events) if event["kind"] in COUNTS), default=None)
        for i, event in enumerate(events):
            if i == newest or event["kind"] not in COUNTS:
                self.event(event)

    def event(self, event: Event) -> None:
        """One event of a run."""
        kind, now = event["kind"], event["time"]
        if kind == "progress" and not self._wanted(event["title"], event["done"] >= event["total"], now):
            return
        if kind == "step" and not self._wanted(event["phase"], False, now):
            return
        if words := line(event):
            self.say(words)

    def _wanted(self, title: str, finished: bool, now: float) -> bool:
        due = self._due.setdefault(title, now + FIRST)
        if finished:
            del self._due[title]
            said, self._said = title in self._said, self._said - {title}
            return said
        if now < due:
            return False
        self._due[title] = now + EVERY
        self._said.add(title)
        return True
