"""Who works on a thing: a small file with pid and creation time, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

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

    def pid(self) -> int | None:
        """The pid of the living process, or None."""
        return read_json(self.path)["pid"] if self.alive() else None

    def alive(self, grace_s: float = 0.0) -> bool:
        """Whether it lives. Within `grace_s` of a launch (age of the folder's log) it is believed to."""
        if not self.path.exists():
            return grace_s > 0 and time.time() - os.path.getmtime(self.path.parent) < grace_s
        who = read_json(self.path)
        if who["host"] != socket.gethostname():
            return True  # on a shared disk: another machine's process cannot be looked at from here
        try:
            process = psutil.Process(who["pid"])
            return (abs(process.create_time() - who["created"]) < 0.05
                    and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
