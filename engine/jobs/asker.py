"""Talking to the resident asker: start it if need be, ask, and turn what comes back into plain values."""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any

from engine import errors
from engine.cache.signals import load_vectors
from engine.embedding.clusters import diverse
from engine.errors import RunError
from engine.jobs.folder import RunFolder, all_runs
from engine.jobs.labelled import at_work
from engine.jobs.launcher import spawn
from engine.jobs.process import Worker
from engine.jobs.status import standing, worker_alive
from engine.plan import ENCODER
from engine.progress import Staged
from engine.records import Corpus
from engine.teachers.protocol import teacher_kind
from engine.views import Said
from engine.workspace import Workspace, read_json, write_json

START_S, PATIENCE_S, UNLOAD_S = 60.0, 900.0, 5.0


def call(workspace: Workspace, wanted: dict[str, Any], on_progress: Staged | None = None) -> Any:  # noqa: ANN401
    """One request to the asker, started first if it is not there.

    Raises:
        EngineError: what went wrong, in words; also when a run or a labelling needs the machine for itself.
    """
    refuse_beside_others(workspace, "is using this machine's memory.")
    return _put(_address(workspace, on_progress), wanted, on_progress)


def running(workspace: Workspace, but: RunFolder | None = None) -> RunFolder | None:
    """A run that is using the machine's memory, or is about to; `but` does not count."""
    return next((run for place in workspace.on_this_machine() for run, now in standing(all_runs(place))
                 if run != but and (now.state == "running" or worker_alive(run))), None)


def refuse_beside_others(workspace: Workspace, why: str, but: RunFolder | None = None) -> None:
    """One at a time in this machine's memory. What is in the way is named to its owner only.

    Raises:
        RunError: a run (“The run x” + `why`) or a labelling of files is at work, or about to be.
    """
    busy = running(workspace, but)
    if busy:
        if _own(workspace, busy.path):
            raise RunError(f"The run {busy.id} {why}", "Wait until it is done, or pause it in Distil.")
        raise RunError(f"A run of another visitor {why}", "Try again when it is done.")
    labelling = at_work(workspace)
    if labelling:
        if _own(workspace, labelling.path):
            raise RunError(f"Files are being labelled with the small model of the run {labelling.run.id}: "
                           "that needs this machine's memory for itself.",
                           "Wait until it is done, or stop it in Take home.")
        raise RunError("Another visitor is labelling files, which takes all of this machine's memory.",
                       "Try again when it is done.")


def _own(workspace: Workspace, path: Path) -> bool:
    return path.is_relative_to(workspace.home / "projects")


def _put(address: dict[str, Any], wanted: dict[str, Any], on_progress: Staged | None = None,
         patience_s: float = PATIENCE_S) -> Any:  # noqa: ANN401
    connection = http.client.HTTPConnection("127.0.0.1", address["port"], timeout=patience_s)
    try:
        connection.request("POST", "/", json.dumps(wanted),
                           {"Authorization": f"Bearer {address['token']}"})
        response = connection.getresponse()
        if response.status != 200:  # another process has its port by now
            raise _Gone()
        for line in response:
            said = json.loads(line)
            if "result" in said:
                return said["result"]
            if "error" in said:
                kind = getattr(errors, said["error"]["kind"])
                raise kind(said["error"]["what"], said["error"]["fix"], said["error"]["safe"])
            if on_progress:
                on_progress(said["stage"], said["done"], said["total"])
    except TimeoutError as error:
        raise _Silent() from error
    except (ConnectionError, http.client.HTTPException) as error:
        raise _Gone() from error
    finally:
        connection.close()
    raise _Gone()


class _Silent(RunError):
    """It is there and answers something else, one after the other."""

    def __init__(self) -> None:
        super().__init__("The process that holds the model ready has said nothing for a quarter of an hour.",
                         "Wait until what was asked before is answered, then try again.")


class _Gone(RunError):
    """Nobody listens at the address."""

    def __init__(self) -> None:
        super().__init__("The process that holds the model ready has gone (out of memory, perhaps).",
                         "Try again; if it happens twice, choose a smaller model.")


def _address(workspace: Workspace, on_progress: Staged | None = None) -> dict[str, Any]:
    home = workspace.shared
    signed, address = Worker(home / "asker.pid"), home / "asker.json"
    if signed.here() and address.exists():  # it listens on this machine only
        return read_json(address)
    address.unlink(missing_ok=True)
    signed.path.unlink(missing_ok=True)
    if on_progress:
        on_progress("Getting ready", 0, 0)  # it loads torch: seconds
    spawn([sys.executable, "-m", "engine.jobs.asking_server", str(home)], home / "asker.log")
    began = time.monotonic()
    while not address.exists():
        if time.monotonic() - began > START_S:
            raise RunError("The process that asks the models did not start.",
                           f"Details are in {home / 'asker.log'}.")
        time.sleep(0.1)
    return read_json(address)


def unload(workspace: Workspace) -> None:
    """Ask the asker, if there is one, to give its memory back.

    Raises:
        RunError: it is answering something, and needs the model for that.
    """
    address = workspace.shared / "asker.json"
    if Worker(workspace.shared / "asker.pid").here() and address.exists():
        try:
            _put(read_json(address), {"verb": "unload"}, patience_s=UNLOAD_S)
        except _Gone:  # ended meanwhile: it holds no memory either
            return
        except _Silent as error:
            raise RunError("A model is being asked at this moment (Try on 10, or a text in Compare).",
                           "Try again when it has answered.") from error


def diverse_rows(workspace: Workspace, folder: Path, corpus: Corpus, n: int,
                 on_progress: Staged | None = None) -> list[int]:
    """The same `n` diverse documents each time; chosen once by meaning and kept with the corpus."""
    kept = folder / f"diverse-{n}.json"
    if kept.exists():
        return read_json(kept)
    path = workspace.vectors(corpus.digest)
    if not path.exists():
        call(workspace, {"verb": "embed", "texts": corpus.texts, "encoder": ENCODER, "path": str(path)},
             on_progress)
    rows = [int(i) for i in diverse(load_vectors(path), min(n, len(corpus)), 0)]
    write_json(kept, rows)
    return rows


def ask_teacher(workspace: Workspace, teacher: str, wanted: dict[str, Any],
                on_progress: Staged | None = None) -> dict[str, Any]:
    """Raw answers, as the kind of the task has them: see `asking_server.answers`."""
    request = {"verb": "ask", "teacher": teacher, "answers": str(workspace.answers), **wanted}
    if teacher_kind(teacher) == "recorded":
        from engine.jobs.asking_server import Models, handle  # plays back: needs no process, no torch
        return handle(Models(workspace), request, on_progress or (lambda _stage, _done, _total: None))
    return call(workspace, request, on_progress)


def ask_student(workspace: Workspace, folder: Path, text: str) -> Said:
    """What a finished small model says about one text."""
    said = call(workspace, {"verb": "student", "folder": str(folder), "text": text})
    return Said(said["answer"], dict(zip(said["labels"], said["probs"], strict=True)))
