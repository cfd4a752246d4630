"""Memory of a real process tree, and speed."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import psutil
import pytest

from engine.evaluation.cost import PeakMemory, documents_per_second, tree_bytes

MB = 1_000_000
HOLD = """
import sys
held = b"x" * int(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def holding(size: int) -> subprocess.Popen[str]:
    """A process that holds `size` bytes until it is given a line."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(size)], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def release(child: subprocess.Popen[str]) -> None:
    """Let the process end and close its pipes."""
    child.communicate("\n", timeout=30)


def test_memory_held_and_given_back_within_the_block_is_seen() -> None:
    gc.collect()  # what earlier tests left is not to be given back meanwhile
    before = tree_bytes(psutil.Process()) / 1e9
    with PeakMemory(every_s=0.01) as memory:
        block = b"x" * (200 * MB)
        seen = memory.samples
        while memory.samples < seen + 2:  # until it was looked at while held
            pass
        del block
    assert memory.samples >= 4
    assert before + 0.19 < memory.peak_gb < before + 0.4


def test_children_are_counted_at_the_same_moment() -> None:
    gc.collect()
    alone = tree_bytes(psutil.Process())
    with PeakMemory(every_s=0.05) as memory:
        children = [holding(150 * MB), holding(150 * MB)]
        try:
            together = tree_bytes(psutil.Process())
            seen = memory.samples
            while memory.samples < seen + 2:
                pass
        finally:
            for child in children:
                release(child)
    assert together > alone + 200 * MB  # more than one; this process itself may give some back meanwhile
    assert memory.peak_gb * 1e9 > alone + 200 * MB


def test_the_peak_stays_after_the_memory_is_gone_and_the_watching_ends() -> None:
    threads = threading.active_count()
    child = holding(100 * MB)
    with PeakMemory(child.pid, every_s=0.01) as memory:
        release(child)  # it ends while it is watched
    assert 0.1 < memory.peak_gb < 0.3
    assert tree_bytes(memory._root) == 0
    assert threading.active_count() == threads


def test_an_error_in_the_block_passes_and_the_watching_ends() -> None:
    threads = threading.active_count()
    memory = PeakMemory()
    with pytest.raises(RuntimeError, match="training failed"), memory:
        raise RuntimeError("training failed")
    assert memory.peak_gb > 0
    assert threading.active_count() == threads


def test_documents_per_second() -> None:
    assert documents_per_second(300, 60.0) == 5.0
    assert documents_per_second(0, 2.0) == 0.0
    for n, seconds in ((10, 0.0), (10, -1.0), (-1, 1.0), (10, float("nan"))):
        with pytest.raises(ValueError, match="speed"):
            documents_per_second(n, seconds)
