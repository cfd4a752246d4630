"""The worker: runs the straight line for one run folder, and writes down how it ended.

    python -m engine.jobs.worker RUN_FOLDER --home HOME
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from engine.errors import EngineError, SpaceError
from engine.events import read_events
from engine.jobs.folder import RequestReader, RunFolder
from engine.jobs.process import Worker
from engine.workspace import Workspace


def work(run: RunFolder, workspace: Workspace) -> str:
    """Run or resume; returns how it ended: done, paused, cancelled or failed (also in the events)."""
    Worker(run.worker).sign_on()
    log = run.event_log
    earlier, _ = read_events(run.events)
    handled = max((int(p.stem) for p in (run.path / "requests").glob("*.json")), default=0)
    log.write("run_started", resumed=any(e["kind"] == "run_started" for e in earlier))
    try:
        # Heavy imports wait until the run has shown a sign of life.
        from engine.pipeline import run_pipeline
        from engine.training.loop import Interrupted
    except ImportError as error:
        log.write("failed", what=f"A library is missing: {error.name}.", safe="Nothing was lost.",
                  fix="Install what the project needs: pip install -r requirements.txt")
        return "failed"
    try:
        run_pipeline(run, workspace, RequestReader(run, handled).wish)
    except Interrupted as interrupted:
        ending = "cancelled" if interrupted.wish == "cancel" else "paused"
        log.write(ending)
        return ending
    except EngineError as error:
        traceback.print_exc()
        log.write("failed", what=error.what, safe=error.safe, fix=error.fix)
        return "failed"
    except KeyboardInterrupt:
        log.write("paused")
        return "paused"
    except MemoryError:
        traceback.print_exc()
        error = SpaceError("This machine ran out of memory.", "Close other programs, choose smaller "
                           "models or fewer documents at once, then press Resume.",
                           "Everything up to the last save point is kept.")
        log.write("failed", what=error.what, safe=error.safe, fix=error.fix)
        return "failed"
    except BaseException as error:
        # Not swallowed: noted in the log the user sees, then raised into worker.log.
        log.write("failed", what=f"Something unexpected happened ({type(error).__name__}).",
                  safe="Everything up to the last save point is kept.",
                  fix=f"Press Resume to try again. Details for a report are in {run.log}.")
        raise
    return "done"


def main() -> int:
    """Entry point of the detached process."""
    parser = argparse.ArgumentParser(prog="engine.jobs.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--models-home", type=Path)
    given = parser.parse_args()
    ending = work(RunFolder(given.run), Workspace(given.home, given.models_home))
    return 0 if ending != "failed" else 1


if __name__ == "__main__":
    sys.exit(main())
