"""Who works on a thing: a small file with pid and time of birth, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.workspace import read_json, write_json

BEAT_S = 10.0
"""Seconds between two signs of life, given by a thread: also while a step takes minutes."""
START_GRACE_S = 60.0
"""So long a process may take to sign on: a machine with other work on it takes its time."""
SILENCE_S = 120.0
"""So long another host's process is believed without a sign of life: clocks differ, disks are slow."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The sign-on file of a process. A reused pid is not taken for it; a zombie counts as dead."""

    path: Path

    def sign_on(self) -> None:
        """Write that the calling process works here."""
        me = psutil.Process()
        write_json(self.path, {"pid": me.pid, "created": me.create_time(), "ticks": _ticks(me.pid),
                               "host": socket.gethostname()})

    def beat(self) -> None:
        """Give a sign of life: the file becomes as young as now."""
        with suppress(OSError):  # deleted, or a disk that is away for a moment
            os.utime(self.path)

    def sign_off(self) -> None:
        """Take the file away again, if it is the calling process's own."""
        who = self._who()
        if who and who["pid"] == os.getpid() and _is(psutil.Process(), who):
            self.path.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """The pid of the living process, or None. One of another host has none here."""
        who = self._who()
        return who["pid"] if who and self.here() else None

    def here(self) -> bool:
        """Whether it lives on this machine, whatever the machine was called when it signed on."""
        who = self._who()
        if who is None:
            return False
        try:
            process = psutil.Process(who["pid"])
            return _is(process, who) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def alive(self) -> bool:
        """Whether it lives. Another host's process cannot be looked at: its signs of life are believed.

        A host that is gone may only have been renamed, or be a container that was made anew.
        """
        who = self._who()
        if who is None:
            return False
        if self.here():
            return True
        with suppress(FileNotFoundError):
            return (who["host"] != socket.gethostname()
                    and time.time() - os.path.getmtime(self.path) < SILENCE_S)
        return False

    def at_work(self, launched: float | None, grace_s: float) -> bool:
        """Whether it lives, or was launched so short a time ago that it may not have signed on yet.

        `launched`: when, by the clock; None where no launch is waiting. That is looked at first: a process
        may sign on between the two looks.
        """
        starting = launched is not None and not self.path.exists() and time.time() - launched < grace_s
        return starting or self.alive()

    def _who(self) -> dict[str, Any] | None:
        try:
            return read_json(self.path)
        except FileNotFoundError:
            return None


@contextmanager
def signed_on(path: Path) -> Iterator[None]:
    """The calling process works here for as long as this lasts, and gives signs of life."""
    worker, over = Worker(path), threading.Event()

    def beats() -> None:
        while not over.wait(BEAT_S):
            worker.beat()

    worker.sign_on()
    threading.Thread(target=beats, name=f"beats-{path.name}", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        worker.sign_off()


def _is(process: psutil.Process, who: dict[str, Any]) -> bool:
    """The same process, and not a later one of that pid."""
    if who.get("ticks"):
        return _ticks(process.pid) == who["ticks"]
    return abs(process.create_time() - who["created"]) < 0.05


def _ticks(pid: int) -> str:
    """When a process began in ticks since which boot, empty where the system does not tell (Linux does).

    A creation time moves when the clock is set, after a laptop slept for example: psutil adds it up anew from
    the time of the boot.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"  # starttime, the 22nd of proc_pid_stat(5)
