"""A run's append-only event log, read by byte offset.

One JSON object a line: `time` (seconds since 1970), `kind`, and what that kind needs. Writers append
whole lines in one system call; readers remember an offset and never see half a line.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import disk_errors_in_words

Event = dict[str, Any]


@dataclass(slots=True)
class EventLog:
    """Appends events to one file. Cheap to make; holds no open handle between writes.

    Half a line that a full disk or a power cut left is closed by the next event, and passed over by readers.
    """

    path: Path

    def write(self, kind: str, **fields: Any) -> Event:  # noqa: ANN401 - JSON values
        """Append one event and return it."""
        event: Event = {"time": round(time.time(), 3), "kind": kind, **fields}
        line = f"{json.dumps(event, ensure_ascii=False, default=_plain)}\n".encode()
        with disk_errors_in_words("the run's event log"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab+", buffering=0) as log:
                end = log.seek(0, os.SEEK_END)
                if end:
                    log.seek(end - 1)
                    line = line if log.read(1) == b"\n" else b"\n" + line
                if log.write(line) != len(line):  # a disk that fills takes what it can, and says nothing
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        return event


def _plain(value: Any) -> Any:  # noqa: ANN401 - numpy scalars and paths
    if hasattr(value, "item"):
        return value.item()
    return str(value)


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Events after `offset` (bytes) and the offset to ask from next; half a line waits for next time."""
    try:
        with open(path, "rb") as log:
            log.seek(offset)
            data = log.read()
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1
    events = []
    for line in data[:end].splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:  # half a line, cut within a letter or not: the rest is still good
            continue
    return events, offset + end


def spent_before(path: Path, kind: str, **fields: Any) -> float:  # noqa: ANN401 - JSON values
    """Seconds that earlier sessions of a run spent from an event of this kind and these fields on.

    A session begins with `run_started` and ends with the last event before the next; this one does not count.
    """
    sessions, since, last = [0.0], False, 0.0
    for event in read_events(path)[0]:
        if event["kind"] == "launched":
            continue
        if event["kind"] == "run_started":
            sessions, since = [*sessions, 0.0], False
        elif since:
            sessions[-1] += forwards(last, event["time"])
        since = since or (event["kind"] == kind and fields.items() <= event.items())
        last = event["time"]
    return sum(sessions[:-1])


def forwards(before: float, after: float) -> float:
    """Seconds from one event to the next: none where the clock was set back between them."""
    return max(0.0, after - before)


def follow(path: Path, *, until: tuple[str, ...], offset: int = 0, poll_s: float = 0.5,
           ) -> Iterator[Event]:
    """Yield events after `offset` as they come, up to and including one whose kind is in `until`."""
    while True:
        events, offset = read_events(path, offset)
        for event in events:
            yield event
            if event["kind"] in until:
                return
        time.sleep(poll_s)


class SilentLog(EventLog):
    """A log that keeps nothing: for processes that help another one, which tells."""

    def write(self, kind: str, **fields: Any) -> Event:  # noqa: ANN401 - JSON values
        """The event, unwritten."""
        return {"time": round(time.time(), 3), "kind": kind, **fields}
