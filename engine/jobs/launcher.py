"""Starting a worker that outlives whoever started it: own process group, output to a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import RunError, disk_errors_in_words
from engine.jobs.folder import RunFolder, last_request
from engine.jobs.status import status, worker_alive
from engine.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent
CLOSING_S = 10.0


def launch(run: RunFolder, workspace: Workspace) -> int:
    """Start (or resume) a run in a detached process; returns its pid.

    Raises:
        RunError: a worker is at it already.
    """
    if status(run).state == "running" or not _left(run):
        raise RunError(f"The run {run.id} is being worked on already.",
                       "Watch it, or pause it first.")
    run.worker.unlink(missing_ok=True)
    # Requests up to this number belong to an earlier session; later ones are for the new worker.
    run.event_log.write("launched", command=f"python -m engine start {run.id}",
                        requests=last_request(run))
    return spawn([sys.executable, "-m", "engine.jobs.worker", str(run.path), *workspace.arguments()], run.log)


def _left(run: RunFolder) -> bool:
    """Whether the worker of a run that ended is gone; one that is just closing down is waited for."""
    end = time.monotonic() + CLOSING_S
    while worker_alive(run):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def spawn(command: Sequence[str], log: Path) -> int:
    """Start a process that lives on when its parent and terminal are gone; its output goes to `log`."""
    with disk_errors_in_words(f"the log {log.name}"):
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       cwd=ROOT, **_detached())
    # While the parent lives, somebody must take note of the end, or a zombie stays.
    threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
    return process.pid


def _detached() -> dict[str, Any]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
    if os.name == "nt":
        return {"env": environment, "creationflags": 0x00000208}  # DETACHED_PROCESS | NEW_PROCESS_GROUP
    return {"env": environment, "start_new_session": True}
