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
from tests.students.tiny import READING, Made, phases

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
BOTH_WAYS = pytest.mark.parametrize("how", [("--multi_gpu",), ("--use_fsdp", "--fsdp_version", "2")],
                                    ids=["whole in each", "weights in pieces"])


@BOTH_WAYS
def test_two_processes_train_what_one_does(made: Made, how: tuple[str, ...]) -> None:
    every = (READING, *MANY)
    alone, both = made.run("alone", phases=every), made.run("both", phases=every)
    assert work(alone, made.workspace) == "done"
    launched(both.path, made.workspace.home, *how)
    machine = next(e for e in read_events(both.events)[0] if e.get("what") == "machine")
    assert machine["choice"].endswith("2 processes")
    one, two = steps(alone.path), steps(both.path)
    assert len(one) == len(two) > 15
    for a, b in zip(one, two, strict=True):
        assert a["phase"] == b["phase"] and a.keys() == b.keys()
        for name in ("text", "outputs", "representations", "way"):
            if name in a:
                assert a[name] == pytest.approx(b[name], abs=2e-5)
    first, second = (load_file(run.student / "adapter_model.safetensors") for run in (alone, both))
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=2e-4)
    a, b = read_json(alone.report), read_json(both.report)
    assert a["agreement"] == pytest.approx(b["agreement"], abs=0.06)
    for name in ("scoring", "take-home"):  # as if it had failed after the training
        both.stage(name).unlink()
    launched(both.path, made.workspace.home, *how)
    assert read_json(both.report)["agreement"] == b["agreement"] and len(steps(both.path)) == len(two)


@BOTH_WAYS
def test_two_processes_learn_the_projection_that_one_does(made: Made, how: tuple[str, ...]) -> None:
    changes = {"phases": MANY[:1], "representation_loss": "mse"}
    alone, both = made.run("alone", **changes), made.run("both", **changes)
    assert work(alone, made.workspace) == "done"
    launched(both.path, made.workspace.home, *how)
    one, two = steps(alone.path), steps(both.path)
    assert len(one) == len(two) > 4
    for a, b in zip(one, two, strict=True):
        assert a["representations"] == pytest.approx(b["representations"], abs=5e-5)
    first, second = (load_file(run.path / "phases" / "1-foundations" / "projection.safetensors")
                     for run in (alone, both))
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=5e-4)


WHILE_ASKING = """
import sys
from engine.errors import TeacherError
from engine.progress import Interrupted
from engine.training.ranks import join_ranks, leave_ranks
ranks = join_ranks()

class Odd(Exception):
    def __reduce__(self):
        raise TypeError("not for travelling")

for error in (Interrupted("stop"), TeacherError("It does not answer.", "Wait."), Odd()):
    def ask():
        raise error
    try:
        ranks.first_does(ask)
    except Exception as raised:
        print(ranks.rank, type(raised).__name__, getattr(raised, "wish", ""), getattr(raised, "fix", ""))
ranks.first_does(lambda: None)
leave_ranks()
"""


PAUSED_AFTER_ASKING = """
import sys
from pathlib import Path
from engine.jobs.folder import RequestReader, RunFolder
from engine.jobs.worker import work
from engine.workspace import Workspace
run = RunFolder(Path(sys.argv[1]))
RequestReader.wish = lambda reader: "pause" if run.stage("asking").exists() else None
print(work(run, Workspace(Path(sys.argv[2]))))
"""


def side_by_side(code: str, *arguments: str) -> list[list[str]]:
    """What two processes print that run the same code as two ranks; both are to end well."""
    about = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
             "ANON_DTYPE": "float32", "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, stdout=subprocess.PIPE,
                             env={**os.environ, **about, "RANK": str(rank)}) for rank in range(2)]
    said = [one.communicate(timeout=100)[0].splitlines() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    return said


def test_a_pause_between_asking_and_training_pauses_all(made: Made) -> None:
    run = made.run(phases=MANY)
    assert side_by_side(PAUSED_AFTER_ASKING, str(run.path), str(made.workspace.home)) == [["paused"]] * 2
    told = read_events(run.events)[0]
    assert told[-1]["kind"] == "paused" and not any(event["kind"] == "step" for event in told)


def test_what_stops_the_first_while_the_others_wait_stops_all() -> None:
    said = side_by_side(WHILE_ASKING)
    assert said[0] == ["0 Interrupted stop ", "0 TeacherError  Wait.", "0 Odd  "]
    assert said[1] == ["1 Interrupted stop ", "1 TeacherError  Wait.",
                       "1 RunError  Look into its log for why."]
