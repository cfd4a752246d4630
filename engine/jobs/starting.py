"""One run, or one labelling of files, at a time: whoever starts one comes through here.

So no two share this machine's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from engine.errors import RunError, disk_errors_in_words
from engine.jobs import asker
from engine.jobs.folder import RunFolder
from engine.workspace import Workspace

PATIENCE_S = 10.0


def make_room(workspace: Workspace, run: RunFolder | None = None) -> None:
    """Before `run` (None: one that is not made yet, or a labelling) begins: the memory is to be its own.

    Raises:
        RunError: another run is running on this machine, files are being labelled, or a model is being asked.
    """
    asker.refuse_beside_others(workspace, "is running: two at once would not fit this machine's memory.", run)
    asker.unload(workspace)


@contextmanager
def alone(workspace: Workspace, run: RunFolder | None = None) -> Iterator[None]:
    """As `make_room`, and nobody else starts one meanwhile: of two tabs, one starts and one is told.

    Raises:
        RunError: as `make_room`, or another one is being started.
    """
    lock = FileLock(workspace.shared / "start.lock", timeout=PATIENCE_S)
    try:
        with disk_errors_in_words("the workspace"):
            workspace.shared.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        raise RunError("Another run is being started at this moment.",
                       "Look at the list of runs, then try again.") from error
    try:
        make_room(workspace, run)
        yield
    finally:
        lock.release()
