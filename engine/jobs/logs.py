"""Events of runs as they were last read: of a log that grew only the new part is read, of others nothing.

A page looks at every run of a project every few seconds, and a log may hold thousands of events.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from engine.events import Event, read_events

Mark = tuple[int, int, int]
"""Inode, size and time of a log: while it is the same, so are the events."""

MOST = 6  # logs held; more would cost a page that lists a hundred runs its memory
HEAD = 48  # bytes by which a log is known: the time of its first event stands in them


def mark_of(path: Path) -> Mark | None:
    """What tells whether a log changed; None where there is none."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


@dataclass(frozen=True, slots=True)
class _Held:
    mark: Mark
    head: bytes
    offset: int
    events: list[Event]


_held: OrderedDict[Path, _Held] = OrderedDict()
_lock = threading.Lock()


def events_of(path: Path) -> list[Event]:
    """All events of a log. The list is not to be changed."""
    with _lock:
        before, mark = _held.get(path), mark_of(path)
        if mark is None:
            _held.pop(path, None)
            return []
        if before is None or mark != before.mark:
            _held[path] = before = _read(path, mark, before)
        _held.move_to_end(path)
        while len(_held) > MOST:
            _held.popitem(last=False)
        return before.events


def _read(path: Path, mark: Mark, before: _Held | None) -> _Held:
    with open(path, "rb") as log:
        head = log.read(HEAD)
    if before and before.mark[0] == mark[0] and mark[1] > before.mark[1] and head == before.head:
        more, offset = read_events(path, before.offset)
        return _Held(mark, head, offset, before.events + more)
    events, offset = read_events(path)
    return _Held(mark, head, offset, events)


@dataclass(slots=True)
class Log(Sequence[Event]):
    """The first `length` events of a log, read when they are looked at."""

    path: Path
    length: int
    _events: list[Event] | None = field(default=None, repr=False)

    def _all(self) -> list[Event]:
        if self._events is None:
            self._events = events_of(self.path)[:self.length]
        return self._events

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, place: int) -> Event: ...

    @overload
    def __getitem__(self, place: slice) -> list[Event]: ...

    def __getitem__(self, place: int | slice) -> Event | list[Event]:
        return self._all()[place]
