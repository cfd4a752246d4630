"""Starting a worker that outlives whoever started it: own process group, output to a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.errors import RunError, disk_errors_in_words
from engine.jobs.folder import RunFolder
from engine.jobs.status import worker_alive

ROOT = Path(__file__).resolve().parent.parent.parent


def launch(run: RunFolder, home: Path, models_home: Path | None = None) -> int:
    """Start (or resume) a run in a detached process; returns its pid.

    Raises:
        RunError: a worker is at it already.
    """
    if worker_alive(run):
        raise RunError(f"The run {run.id} is being worked on already.",
                       "Watch it, or pause it first.")
    run.worker.unlink(missing_ok=True)
    run.event_log.write("launched", command=f"python -m engine start {run.id}")
    command = [sys.executable, "-m", "engine.jobs.worker", str(run.path), "--home", str(home)]
    if models_home:
        command += ["--models-home", str(models_home)]
    with disk_errors_in_words("the worker's log"):
        log = open(run.log, "ab")  # noqa: SIM115 - closed below, after the child holds its own copy
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                                   **detached())
    finally:
        log.close()
    return process.pid


def detached() -> dict[str, Any]:
    """Options of `Popen` for a process that lives on when its parent and terminal are gone."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
    if os.name == "nt":
        return {"env": environment, "creationflags": 0x00000208}  # DETACHED_PROCESS | NEW_PROCESS_GROUP
    return {"env": environment, "start_new_session": True}
