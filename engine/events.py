"""A run's append-only event log, read by byte offset.

One JSON object a line: `time` (seconds since 1970), `kind`, and what that kind needs. Writers append
whole lines in one system call; readers remember an offset and never see half a line.
"""

from __future__ import annotations

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
    """Appends events to one file. Cheap to make; holds no open handle between writes."""

    path: Path

    def write(self, kind: str, **fields: Any) -> Event:  # noqa: ANN401 - JSON values
        """Append one event and return it."""
        event: Event = {"time": round(time.time(), 3), "kind": kind, **fields}
        line = (json.dumps(event, ensure_ascii=False, default=_plain) + "\n").encode()
        with disk_errors_in_words("the run's event log"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
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
        except json.JSONDecodeError:  # a machine that lost power mid-line: the rest is still good
            continue
    return events, offset + end


def spent_before(path: Path, kind: str, **fields: Any) -> float:  # noqa: ANN401 - JSON values
    """Seconds that earlier sessions of a run spent from an event of this kind and these fields on.

    A session begins with `run_started` and ends with the last event before the next; this one does not count.
    """
    spent, since, last = 0.0, None, 0.0
    for event in read_events(path)[0]:
        if event["kind"] == "run_started":
            spent, since = spent + (last - since if since else 0.0), None
        elif since is None and event["kind"] == kind and fields.items() <= event.items():
            since = event["time"]
        if event["kind"] != "launched":
            last = event["time"]
    return spent


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
