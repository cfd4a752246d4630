"""Memory of a real process tree, and speed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import psutil
import pytest

from engine.evaluation.cost import PeakMemory, documents_per_second, tree_bytes

MB = 1_000_000
HOLD = """
import subprocess, sys
children = [subprocess.Popen([sys.executable, *sys.orig_argv[1:3], size], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE) for size in sys.argv[2:]]
held = b"x" * int(sys.argv[1])
for child in children:
    child.stdout.readline()
print("ready", flush=True)
sys.stdin.readline()
for child in children:
    child.communicate(b"\\n")
"""
# The process that runs the tests gives back, whenever it likes, more than is held here: this one does not.
WITHIN = """
import json, psutil
from engine.evaluation.cost import PeakMemory, tree_bytes
before = tree_bytes(psutil.Process()) / 1e9
with PeakMemory(every_s=0.01) as memory:
    block = b"x" * 200_000_000
    seen = memory.samples
    while memory.samples < seen + 2:  # until it was looked at while held
        pass
    del block
print(json.dumps([before, memory.peak_gb, memory.samples]))
"""


def holding(*sizes: int) -> subprocess.Popen[str]:
    """A process that holds as many bytes as the first size says, and a child of its own for each other one.

    It ends when it is given a line.
    """
    child = subprocess.Popen([sys.executable, "-c", HOLD, *map(str, sizes)], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def release(child: subprocess.Popen[str]) -> None:
    """Let the process end and close its pipes."""
    child.communicate("\n", timeout=30)


def test_memory_held_and_given_back_within_the_block_is_seen() -> None:
    told = subprocess.run([sys.executable, "-c", WITHIN], text=True, capture_output=True, check=True)
    before, peak, samples = json.loads(told.stdout)
    assert samples >= 4
    assert before + 0.19 < peak < before + 0.4


def test_children_are_counted_at_the_same_moment() -> None:
    root = holding(50 * MB, 150 * MB, 150 * MB)
    try:
        with PeakMemory(root.pid, every_s=0.05) as memory:
            assert 350 * MB < tree_bytes(psutil.Process(root.pid)) < 500 * MB
    finally:
        release(root)
    assert 0.35 < memory.peak_gb < 0.5


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
