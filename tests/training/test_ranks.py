"""Two processes train the student that one would: the same losses, looks and weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from engine.events import read_events
from engine.jobs.worker import work
from engine.training.ranks import ALONE, Ranks, join_ranks
from engine.workspace import read_json
from tests.students.tiny import Made, phases

MANY = tuple(p.model_copy(update={"taid": i == 1}) for i, p in enumerate(phases(1.0)))


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def launched(run: Path, home: Path, *how: str) -> None:
    """Two processes on one run, started by `accelerate launch`."""
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *how, "--num_processes", "2", "--num_machines",
         "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(free_port()),
         "-m", "engine", "run", str(run / "plan.yaml")],
        env={**os.environ, "ANON_HOME": str(home), "ANON_DTYPE": "float32", "OMP_NUM_THREADS": "1",
             "TQDM_DISABLE": "1"}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def steps(folder: Path) -> list[dict]:
    return [e for e in read_events(folder / "events.jsonl")[0] if e["kind"] == "step"]


def test_alone_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_ranks() is ALONE and ALONE.first
    assert ALONE.share(3) == ([0, 1, 2], [True] * 3) and ALONE.agreed("x") == "x"
    assert ALONE.by_first(lambda: 7) == 7


@pytest.mark.parametrize(("n", "world"), [(8, 2), (7, 2), (1, 3), (5, 8)])
def test_every_row_counts_once_and_every_process_has_as_many(n: int, world: int) -> None:
    shares = [Ranks(rank, world).share(n) for rank in range(world)]
    counted = [row for rows, counts in shares for row, it in zip(rows, counts, strict=True) if it]
    assert sorted(counted) == list(range(n)) and len({len(rows) for rows, _ in shares}) == 1


# `--multi_gpu` is accelerate's name for DDP; without a graphics card the processes meet on the CPU.
@pytest.mark.parametrize("how", [("--multi_gpu",), ("--use_fsdp", "--fsdp_version", "2")],
                         ids=["whole in each", "weights in pieces"])
def test_two_processes_train_what_one_does(made: Made, how: tuple[str, ...]) -> None:
    alone, both = made.run("alone", phases=MANY), made.run("both", phases=MANY)
    assert work(alone, made.workspace) == "done"
    launched(both.path, made.workspace.home, *how)
    machine = next(e for e in read_events(both.events)[0] if e.get("what") == "machine")
    assert machine["choice"].endswith("2 processes")
    one, two = steps(alone.path), steps(both.path)
    assert len(one) == len(two) > 15
    for a, b in zip(one, two, strict=True):
        assert a["phase"] == b["phase"] and a.keys() == b.keys()
        for name in ("outputs", "representations", "way"):
            if name in a:
                assert a[name] == pytest.approx(b[name], abs=2e-5)
    first, second = (load_file(run.student / "adapter_model.safetensors") for run in (alone, both))
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=2e-4)
    a, b = read_json(alone.report), read_json(both.report)
    assert a["agreement"] == pytest.approx(b["agreement"], abs=0.06)
