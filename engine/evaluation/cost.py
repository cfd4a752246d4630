"""What work costs this machine: memory and speed. Does not: measure a GPU's memory, or swap.

Memory is the sum over a process and everything it started. For one process this is its resident
set (RSS). For several, RSS would count what they share (libraries, pages of a fork, a mapped
weights file) once for each, so the sum of proportional set sizes (PSS) is taken where the system
gives it (Linux), else RSS: then the figure is too high, never too low. Looked at five times a
second: a peak between two looks is missed.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.2
GB = 1e9
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)  # a zombie is a NoSuchProcess to psutil


class PeakMemory:
    """Watches a process tree from a thread while a `with` block runs.

        with PeakMemory() as memory:
            work()
        memory.peak_gb

    `peak_gb` (10^9 bytes) may be read at any time and only ever rises; `samples` says how often it
    was looked. A block that is entered again goes on from the peak so far.
    """

    def __init__(self, pid: int | None = None, *, every_s: float = EVERY_S) -> None:
        """Of process `pid` (this one if None), looking every `every_s` seconds."""
        self._root = psutil.Process(pid)
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._peak = 0
        self.samples = 0

    @property
    def peak_gb(self) -> float:
        """The most that the tree held at once so far, in 10^9 bytes."""
        return self._peak / GB

    def __enter__(self) -> Self:
        """Look once, then keep looking."""
        self._stop.clear()
        self._look()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking, after one last look; errors of the block pass."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, tree_bytes(self._root))
        self.samples += 1


def tree_bytes(root: psutil.Process) -> int:
    """Bytes held by a process and its descendants now; 0 if it has ended."""
    try:
        tree = [root, *root.children(recursive=True)]
    except GONE:
        return 0
    shared = len(tree) > 1
    return sum(_bytes(process, shared) for process in tree)


def _bytes(process: psutil.Process, shared: bool) -> int:
    try:
        if shared:
            try:
                proportional = getattr(process.memory_full_info(), "pss", 0)
            except psutil.AccessDenied:  # another user's process: its RSS may still be read
                proportional = 0
            if proportional:
                return proportional
        return process.memory_info().rss
    except GONE:  # ended while it was looked at
        return 0


def documents_per_second(n: int, seconds: float) -> float:
    """Speed over `n` documents in `seconds` of wall-clock time; ValueError without a time."""
    if n < 0 or not seconds > 0:
        raise ValueError(f"a speed needs n >= 0 and seconds > 0, got {n} and {seconds}")
    return n / seconds
