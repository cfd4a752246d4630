"""The resident asker: one process a machine that holds a model ready for *Try on 10* and *Type your own*.

    python -m engine.jobs.asking_server HOME

Listens on loopback only, and only to whoever knows the token in `asker.json` (readable by its owner).
Answers are lines of JSON: {"stage", "done", "total"} while it works, then {"result"} or {"error"}. Loads on
demand, unloads after `IDLE_S` or when told to because a run needs the memory, and ends after `LIFE_S` unused.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import time
import traceback
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from engine.cache.answers import AnswerCache
from engine.errors import EngineError, SpaceError, unforeseen
from engine.jobs.process import Worker
from engine.progress import Counted, Staged
from engine.prompts.template import Template
from engine.records import Document
from engine.tasks.definition import Task
from engine.tasks.figures import Figure, Unknown, Unparsed
from engine.tasks.parsing import Extraction
from engine.teachers.asking import Asker, ask
from engine.teachers.asking_labels import FEWEST_TO_CALIBRATE, ask_labels
from engine.teachers.asking_open import ask_open
from engine.teachers.opening import open_teacher
from engine.workspace import Workspace, write_json

IDLE_S, LIFE_S, LOOK_S = 300.0, 1800.0, 5.0


class Models:
    """What is loaded: at most one large and one small model."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.used = workspace, time.monotonic()
        self._teacher: tuple[str, Any] | None = None
        self._student: tuple[str, Any] | None = None

    def unload(self) -> None:
        """Give the memory back."""
        if self._teacher:
            self._teacher[1].close()
        self._teacher = self._student = None

    def teacher(self, name: str, report: Staged) -> Any:  # noqa: ANN401 - a Teacher
        """The large model, loaded once, which takes up to a minute."""
        if self._teacher is None or self._teacher[0] != name:
            report("Opening the large model", 0, 0)
            self.unload()
            self._teacher = (name, open_teacher(name, self.workspace)[0])
        return self._teacher[1]

    def student(self, folder: Path) -> Any:  # noqa: ANN401 - a Student
        """The small model of a run, loaded once."""
        from engine.export.labelling import open_student

        if self._student is None or self._student[0] != str(folder):
            self._student = (str(folder), open_student(self.workspace, folder))
        return self._student[1]


def handle(models: Models, wanted: dict[str, Any], report: Staged) -> Any:  # noqa: ANN401 - JSON
    """Carry out one request. Raises `EngineError`."""
    models.used = time.monotonic()
    verb = wanted["verb"]
    if verb == "unload":
        models.unload()
        return True
    if verb == "ask":
        return answers(models, wanted, report)
    if verb == "student":
        from engine.evaluation.labelled import answered_typed
        student = models.student(Path(wanted["folder"]))
        said, probs = answered_typed(student, wanted["text"])
        return {"answer": said, "labels": list(student.labels), "probs": probs.tolist()}
    if verb == "embed":
        from engine.cache.signals import save_vectors
        from engine.embedding.encoder import embed
        from engine.models.weights import require
        vectors = embed(wanted["texts"], require(models.workspace.models, wanted["encoder"]),
                        on_progress=partial(report, "Choosing documents that differ"))
        save_vectors(Path(wanted["path"]), vectors)
        return True
    raise ValueError(f"unknown verb {verb!r}")


def answers(models: Models, wanted: dict[str, Any], report: Staged) -> dict[str, Any]:
    """What the large model says about some texts: plain values, by the kind of the task.

    single_label: log_probs (texts, orders, labels) by position, orders (orders, labels); multi_label: probs
    (texts, labels) of yes; extract, generate: answers, each with text, note, and fields (name, value, note).
    """
    documents = [Document(str(i), text, text, str(i)) for i, text in enumerate(wanted["texts"])]
    task, template = Task.model_validate(wanted["task"]), Template.model_validate(wanted["template"])
    cache = AnswerCache(Path(wanted["answers"]))
    asker = Asker(models.teacher(wanted["teacher"], report), wanted["max_chars"], cache)
    asked: Counted = partial(report, "Asking the large model")
    if task.kind == "single_label":
        said = ask(asker, documents, task, template, n_orders=wanted["orders"], on_progress=asked)
        return {"log_probs": said.log_probs.tolist(), "orders": said.orders.tolist()}
    if task.kind == "multi_label":
        yes = ask_labels(asker, documents, task, template,
                         calibrate=len(documents) >= FEWEST_TO_CALIBRATE, on_progress=asked)
        return {"probs": yes.probs.tolist()}
    written = ask_open(asker, documents, task, template, on_progress=asked)
    return {"answers": [in_words(answer) for answer in written.answers]}


def in_words(answer: Extraction | str | Unparsed) -> dict[str, Any]:
    """An answer in writing as the page shows it."""
    if isinstance(answer, str):
        return {"text": answer, "note": "", "fields": []}
    if isinstance(answer, Unparsed):
        return {"text": "", "note": f"not read: {answer.reason}", "fields": []}
    fields = []
    for name, value in answer.values.items():
        said = value.words() if isinstance(value, Figure) else value if isinstance(value, str) else ""
        note = ("not said in the text" if isinstance(value, Unknown) else
                f"not read: {value.reason}" if isinstance(value, Unparsed) else "")
        fields.append({"name": name, "value": said, "note": note})
    read_out = [f"{f['name']}: {f['value']}" for f in fields if f["value"]]
    return {"text": "; ".join(read_out) or "nothing", "fields": fields,
            "note": f"{answer.unparsed} of {len(fields)} not read" if answer.unparsed else ""}


class _Handler(BaseHTTPRequestHandler):
    models: Models
    token: str

    def do_POST(self) -> None:  # noqa: N802, D102 - the library's name
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            self.send_error(403)
            return
        try:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()
            self._answer(wanted)
        except ConnectionError:
            return  # whoever asked has gone

    def _answer(self, wanted: dict[str, Any]) -> None:
        """The result, or the problem in words: whoever asked must not think that this process died."""
        try:
            result = handle(self.models, wanted, lambda stage, done, total: self._say(
                stage=stage, done=done, total=total))
        except ConnectionError:
            raise
        except EngineError as error:
            problem = error
        except Exception as error:
            traceback.print_exc()  # into the log that this process was started with
            problem = unforeseen(
                error, again="Try once more. If it happens again, choose another model; details for a report "
                             f"are in {self.models.workspace.home / 'asker.log'}.",
                less_memory="Close other programs, or choose a smaller model, then try again.")
            if isinstance(problem, SpaceError):
                self.models.unload()
        else:
            self._say(result=result)
            return
        self._say(error={"kind": type(problem).__name__, "what": problem.what, "fix": problem.fix,
                         "safe": problem.safe})

    def _say(self, **line: Any) -> None:  # noqa: ANN401 - JSON
        self.wfile.write((json.dumps(line) + "\n").encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:  # noqa: D102 - documents never reach a log
        return


def serve(workspace: Workspace) -> None:
    """Answer requests, one at a time, until unused for `LIFE_S`."""
    models = Models(workspace)
    _Handler.models, _Handler.token = models, secrets.token_hex(24)
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.timeout = LOOK_S
        Worker(workspace.home / "asker.pid").sign_on()
        address = workspace.home / "asker.json"
        write_json(address, {"port": server.server_port, "token": _Handler.token})
        address.chmod(0o600)
        while time.monotonic() - models.used < LIFE_S and address.exists():  # else nobody finds the way
            server.handle_request()
            if time.monotonic() - models.used > IDLE_S:
                models.unload()


if __name__ == "__main__":
    serve(Workspace(Path(sys.argv[1])))
