"""Who works on a thing: a small file with pid and creation time, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.workspace import read_json, write_json


@dataclass(frozen=True, slots=True)
class Worker:
    """The sign-on file of a process. A reused pid is not taken for it; a zombie counts as dead."""

    path: Path

    def sign_on(self) -> None:
        """Write that the calling process works here."""
        me = psutil.Process()
        write_json(self.path, {"pid": me.pid, "created": me.create_time(), "host": socket.gethostname()})

    def sign_off(self) -> None:
        """Take the file away again, if it is the calling process's own."""
        who = self._who()
        if who and (who["pid"], who["host"]) == (os.getpid(), socket.gethostname()):
            self.path.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """The pid of the living process, or None."""
        who = self._who()
        return who["pid"] if who and self.alive() else None

    def _who(self) -> dict[str, Any] | None:
        try:
            return read_json(self.path)
        except FileNotFoundError:
            return None

    def alive(self, grace_s: float = 0.0) -> bool:
        """Whether it lives. Within `grace_s` of a launch (age of the folder's log) it is believed to."""
        who = self._who()
        if who is None:
            return grace_s > 0 and time.time() - os.path.getmtime(self.path.parent) < grace_s
        if who["host"] != socket.gethostname():
            return True  # on a shared disk: another machine's process cannot be looked at from here
        try:
            process = psutil.Process(who["pid"])
            return (abs(process.create_time() - who["created"]) < 0.05
                    and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
