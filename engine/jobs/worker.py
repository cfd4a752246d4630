"""The worker: runs the straight line for one run folder, and writes down how it ended.

    python -m engine.jobs.worker RUN_FOLDER --home HOME
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from engine.errors import EngineError, RunError, SpaceError, unforeseen
from engine.events import read_events
from engine.jobs.folder import RequestReader, RunFolder, last_request
from engine.jobs.process import signed_on
from engine.jobs.status import session_start
from engine.progress import Interrupted
from engine.workspace import Workspace

SPARE = 1 << 16  # bytes kept free of a disk that fills up, to say so


def work(run: RunFolder, workspace: Workspace) -> str:
    """Run or resume; returns how it ended: done, paused, cancelled or failed (also in the events).

    Where a launcher started several processes, all but the first only train along.

    Raises:
        RunError: another worker is at it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return _work_locked(run, workspace)
    from engine.training.ranks import leave_ranks
    try:
        along = os.environ.get("RANK", "0") != "0"
        return _train_along(run, workspace) if along else _work_locked(run, workspace)
    finally:
        leave_ranks()


def _work_locked(run: RunFolder, workspace: Workspace) -> str:
    """The only process that writes into the run folder."""
    try:
        with FileLock(run.path / "worker.lock", timeout=0), signed_on(run.worker):
            with suppress(OSError):
                _spare(run).write_bytes(os.urandom(SPARE))  # some disks keep zeros in no room at all
            try:
                return _work(run, workspace)
            finally:
                _spare(run).unlink(missing_ok=True)
    except Timeout as error:
        raise RunError(f"The run {run.id} is being worked on already.",
                       "Watch it, or pause it first.") from error


def _train_along(run: RunFolder, workspace: Workspace) -> str:
    """A process beside the first, which alone writes and tells; it ends when that one does."""
    from engine.pipeline import help_train
    from engine.training.ranks import join_ranks
    try:
        help_train(run, workspace, join_ranks())
    except Interrupted as interrupted:
        return "cancelled" if interrupted.wish == "cancel" else "paused"
    except EngineError:
        return "failed"  # the first process met the same and says it
    return "done"


def _work(run: RunFolder, workspace: Workspace) -> str:
    log = run.event_log
    earlier, _ = read_events(run.events)
    session, handled = earlier[session_start(earlier):], last_request(run)
    if session and all(e["kind"] != "run_started" for e in session):
        handled = session[0].get("requests", handled)  # launched; a wish may come before we are up
    log.write("run_started", resumed=any(e["kind"] == "run_started" for e in earlier), requests=handled)
    try:
        # Heavy imports wait until the run has shown a sign of life.
        from engine.pipeline import run_pipeline
    except ImportError as error:
        log.write("failed", what=f"A library is missing: {error.name}.", safe="Nothing was lost.",
                  fix="Install what the project needs: pip install -r requirements.txt")
        return "failed"
    try:
        run_pipeline(run, workspace, RequestReader(run, handled).wish)
    except Interrupted as interrupted:
        ending = "cancelled" if interrupted.wish == "cancel" else "paused"
        if run.plan.exists():  # else the folder was deleted, and is not to come back
            log.write(ending)
        return ending
    except EngineError as error:
        _tell_failed(run, error)
        _keep_traceback(run)
        return "failed"
    except KeyboardInterrupt:
        log.write("paused")
        return "paused"
    except BaseException as error:
        failure = unforeseen(
            error, safe="Everything up to the last save point is kept.",
            again=f"Press Resume to try again. Details for a report are in {run.log}.",
            less_memory="Close other programs and press Resume. If it happens again, start a new run with a "
                        "smaller model, or with a smaller “micro_batch” in its plan file.")
        _tell_failed(run, failure)
        if not isinstance(failure, SpaceError):
            raise  # not swallowed: noted in the log the user sees, and now into worker.log
        _keep_traceback(run)
        return "failed"
    return "done"


def _tell_failed(run: RunFolder, error: EngineError) -> None:
    """Write down how it ended; on a full disk in the room that was kept for that."""
    _spare(run).unlink(missing_ok=True)
    if run.plan.exists():  # else the folder was deleted, and is not to come back
        run.event_log.write("failed", what=error.what, safe=error.safe, fix=error.fix)


def _spare(run: RunFolder) -> Path:
    return run.path / "spare"


def _keep_traceback(run: RunFolder) -> None:
    """Tracebacks belong in the run's log, also when the terminal is somebody's; where the disk has room."""
    with suppress(OSError), open(run.log, "a", encoding="utf-8") as log:
        traceback.print_exc(file=log)


def main() -> int:
    """Entry point of the detached process."""
    parser = argparse.ArgumentParser(prog="engine.jobs.worker")
    parser.add_argument("run", type=Path)
    Workspace.add_arguments(parser)
    given = parser.parse_args()
    ending = work(RunFolder(given.run), Workspace.of_arguments(given))
    return 0 if ending != "failed" else 1


if __name__ == "__main__":
    sys.exit(main())
