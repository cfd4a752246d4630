"""*Try on 10* for every kind of question, through the asker's own door, with a real (tiny) model."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError, RunError, SpaceError, TeacherError
from engine.jobs import asking_server
from engine.jobs.asker import call, unload
from engine.jobs.asking_server import in_words, serve
from engine.jobs.starting import make_room
from engine.jobs.trying import try_on
from engine.metrics.deciding import HALF
from engine.progress import Staged
from engine.prompts.template import Template
from engine.tasks.definition import Task
from engine.tasks.figures import UNKNOWN, Figure, Unparsed
from engine.tasks.parsing import Extraction
from engine.tasks.presets import preset
from engine.views import Tried
from engine.workspace import read_json
from tests.conftest import wait_for
from tests.students.tiny import FIRST, MODEL, TASK, TEACHER, Made

N = 6
SEVERAL = TASK.model_copy(update={"kind": "multi_label"})
FACTS = preset("figures").model_copy(update={"fields": preset("figures").fields[:3]})
SUMMARY = Task(question="What is it about?", kind="generate", max_words=10)
YES_OR_NO = Template(id="yes-or-no", kind="multi_label", answer="yes_no", opening="This :",
                     text="{{ document }} . about {{ label.name }} : {{ label.definition }}")
JSON = Template(id="facts", kind="extract", answer="json", opening="{", text="{{ document }} {{ schema }}")
SHORT = Template(id="short", kind="generate", answer="text", text="{{ document }} about {{ max_words }}")


@pytest.fixture
def asker(made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The resident asker, in a thread of this process; everything goes over its port as it does elsewhere."""
    monkeypatch.setattr(asking_server, "LIFE_S", 600.0)
    serving = threading.Thread(target=serve, args=(made.workspace,), daemon=True)
    serving.start()
    wait_for((made.workspace.home / "asker.json").exists, 60, "the asker did not come up")
    yield
    asking_server.LIFE_S = -1.0
    with suppress(RunError):  # it may have looked at the clock already
        unload(made.workspace)
    serving.join(10)
    assert not serving.is_alive()


def tried(made: Made, task: Task, template: Template, teacher: str = MODEL, **more: object) -> list[Tried]:
    folder = made.workspace.project(made.project).corpora / made.corpus.id
    return try_on(made.workspace, folder, made.corpus, task, template, teacher, n=N, max_chars=1200, **more)


@pytest.mark.usefixtures("asker")
def test_every_kind_is_answered_in_words(made: Made) -> None:
    told: list[tuple[str, int, int]] = []
    one = tried(made, TASK, FIRST, on_progress=lambda *said: told.append(said))
    assert list(dict.fromkeys(stage for stage, *_ in told)) == ["Opening the large model",
                                                                "Asking the large model"]
    assert told[-1][1] == told[-1][2] > 0
    several, facts = tried(made, SEVERAL, YES_OR_NO), tried(made, FACTS, JSON)
    texts = tried(made, SUMMARY, SHORT)
    for made_ in (one, several, facts, texts):  # the same documents, whatever is asked of them
        assert [t.index for t in made_] == [t.index for t in one] and len(made_) == N
        assert all(t.text == made.corpus.documents[t.index].text for t in made_)

    for t in one:
        assert t.label == max(t.probs, key=t.probs.get) and sum(t.probs.values()) == pytest.approx(1)
        assert t.sureness and not t.fields
    for t in several:
        assert tuple(t.probs) == TASK.names and all(0 < p < 1 for p in t.probs.values())
        assert t.label == ("; ".join(n for n, p in t.probs.items() if p >= HALF) or "none")
        assert t.sureness in ("sure", "leaning", "unsure")
    assert not np.allclose([sum(t.probs.values()) for t in several], 1)  # each category by itself
    for t in facts:  # a model of random numbers writes no JSON: said of every field, and nothing is made up
        assert [name for name, _, _ in t.fields] == [f.name for f in FACTS.fields] and t.probs == {}
        assert all((value == "") == bool(note) for _, value, note in t.fields)
        assert t.sureness == f"{sum('not read' in note for *_, note in t.fields)} of 3 not read"
    for t in texts:
        assert t.fields == () and t.probs == {} and (t.label or t.sureness.startswith("not read: "))
    assert tried(made, SUMMARY, SHORT) == texts  # and again from what was kept


@pytest.mark.usefixtures("asker")
@pytest.mark.parametrize(("fault", "kind", "words"), [
    (ValueError("a document's own words"), RunError, "Something unexpected happened (ValueError)"),
    (KeyError("labels"), RunError, "Something unexpected happened (KeyError)"),
    (OSError(5, "Input/output error"), RunError, "Something unexpected happened (OSError)"),
    (MemoryError(), SpaceError, "ran out of memory"),
    (TeacherError("It cannot.", "Choose another.", "Kept."), TeacherError, "It cannot.")])
def test_whatever_goes_wrong_is_said_and_the_asker_lives_on(
    made: Made, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fault: Exception,
    kind: type[EngineError], words: str
) -> None:
    def fails(*_: object) -> None:
        raise fault
    with monkeypatch.context() as patch:
        patch.setattr(asking_server, "answers", fails)
        with pytest.raises(kind) as told:
            tried(made, TASK, FIRST)
    assert words in told.value.what and told.value.fix and told.value.safe
    assert "has gone" not in told.value.what and "own words" not in told.value.lines()
    assert ("Traceback" in capfd.readouterr().err) == (kind is not TeacherError)  # its log, when detached
    assert len(tried(made, TASK, FIRST)) == N


@pytest.mark.usefixtures("asker")
def test_who_leaves_before_the_answer_disturbs_nobody(
    made: Made, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address, left = read_json(made.workspace.home / "asker.json"), threading.Event()

    def slow(_models: object, _wanted: object, report: Staged) -> None:
        assert left.wait(10)
        for done in range(10_000):
            report("Asking the large model", done, 10_000)
    with monkeypatch.context() as patch:
        patch.setattr(asking_server, "answers", slow)
        with socket.create_connection(("127.0.0.1", address["port"])) as leaving:
            body = b'{"verb": "ask"}'
            leaving.sendall(b"POST / HTTP/1.0\r\nAuthorization: Bearer " + address["token"].encode()
                            + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            time.sleep(0.2)
        left.set()
        unload(made.workspace)  # served after it
    assert "Traceback" not in capfd.readouterr().err
    assert len(tried(made, TASK, FIRST)) == N


@pytest.mark.usefixtures("asker")
def test_while_something_is_answered_a_run_is_told_to_wait_and_does_not(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    def slow(_models: object, _wanted: object, _report: Staged) -> dict[str, Any]:
        begun.set()
        assert over.wait(30)
        return {}
    monkeypatch.setattr("engine.jobs.asker.UNLOAD_S", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(asking_server, "answers", slow)
        asking = threading.Thread(target=call, args=(made.workspace, {"verb": "ask"}))
        asking.start()
        assert begun.wait(10)
        with pytest.raises(RunError, match="being asked at this moment") as told:
            make_room(made.workspace)
        assert "when it has answered" in told.value.fix
        over.set()
        asking.join(10)
    make_room(made.workspace)


def test_an_asker_whose_address_is_gone_ends(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workspace was removed, or another one was started: nobody can ask it, and it holds memory."""
    monkeypatch.setattr("engine.jobs.asking_server.LOOK_S", 0.05)
    serving = threading.Thread(target=serve, args=(made.workspace,), daemon=True)
    serving.start()
    address = made.workspace.home / "asker.json"
    wait_for(address.exists, 60, "the asker did not come up")
    time.sleep(0.2)
    assert serving.is_alive()
    address.unlink()
    serving.join(10)
    assert not serving.is_alive()


def test_a_recording_says_what_it_cannot_do(made: Made) -> None:
    with pytest.raises(TeacherError, match="do not cover"):
        tried(made, SEVERAL, YES_OR_NO, TEACHER)
    for task, template in ((FACTS, JSON), (SUMMARY, SHORT)):
        with pytest.raises(TeacherError, match="cannot write"):
            tried(made, task, template, TEACHER)


def test_an_answer_in_writing_is_told_field_by_field() -> None:
    answer = in_words(Extraction({"place": "Ansa", "dead": Figure(10, 15, True, "10 or 15"), "date": UNKNOWN,
                                  "missing": Unparsed("it is below zero", "-3")}))
    assert [tuple(f.values()) for f in answer["fields"]] == [
        ("place", "Ansa", ""), ("dead", "about 10 to 15", ""), ("date", "", "not said in the text"),
        ("missing", "", "not read: it is below zero")]
    assert answer["text"] == "place: Ansa; dead: about 10 to 15" and answer["note"] == "1 of 4 not read"
    nothing = in_words(Extraction({"place": UNKNOWN}))
    assert (nothing["text"], nothing["note"]) == ("nothing", "")
    assert in_words("A dam broke.") == {"text": "A dam broke.", "note": "", "fields": []}
    assert in_words(Unparsed("nothing was written", ""))["note"] == "not read: nothing was written"
