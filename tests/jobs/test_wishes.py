"""What a run does when it is asked to pause, to stop or to cancel, stage by stage."""

from __future__ import annotations

import threading

import pytest

from engine.events import read_events
from engine.jobs.folder import RequestReader, RunFolder, put_request
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.workspace import read_json
from tests.jobs.test_worker import one_core, steps, until  # noqa: F401 - a fixture, used by itself
from tests.students.tiny import READING, Made, phases


def wish_after(run: RunFolder, n: int, kind: str) -> None:
    """Leave a request, from another thread, once `n` steps are done."""
    def wait() -> None:
        until(run, lambda now: steps(now) >= n)
        put_request(run, kind)
    threading.Thread(target=wait).start()


def test_stop_keeps_and_scores_what_was_learned(made: Made) -> None:
    run = made.run(phases=phases(40.0))
    wish_after(run, 3, "stop")
    assert work(run, made.workspace) == "done"
    now, report = status(run), read_json(run.report)
    assert len(now.phases) == len(report["phases"]) < 3 and report["phases"][-1]["stopped"] is True
    assert report["n"] == 18 and run.student.exists()


def test_cancel_ends_it_and_leaves_the_answers(made: Made) -> None:
    run = made.run(phases=phases(40.0))
    wish_after(run, 2, "cancel")
    assert work(run, made.workspace) == "cancelled"
    assert status(run).can == {"resume"} and not run.report.exists() and not run.student.exists()
    assert read_events(run.events)[0][-1]["kind"] == "cancelled"
    assert (made.workspace.cache / "answers.sqlite").exists()


def test_stop_before_training_says_that_there_is_nothing_to_keep(made: Made) -> None:
    run = made.run()
    run.event_log.write("launched", requests=0)
    put_request(run, "stop")
    assert work(run, made.workspace) == "failed"
    assert "before any answer was learned" in status(run).error["what"]
    assert work(run, made.workspace) == "done"  # resumed: the old wish is not heard again


def test_stop_while_it_reads_says_that_there_is_nothing_to_keep_yet(made: Made) -> None:
    reads = READING.model_copy(update={"passes": 40.0})
    run = made.run(phases=(reads, *phases()))
    wish_after(run, 3, "stop")
    assert work(run, made.workspace) == "failed"
    error, read = status(run).error, steps(status(run))
    assert "before any answer was learned" in error["what"] and "was read" in error["safe"]
    assert work(run, made.workspace) == "done"
    first = [e["step"] for e in status(run).events if e["kind"] == "step" and e["phase"] == "reading"]
    assert first == sorted(set(first)) and len(first) > read  # gone on with, not begun again


@pytest.mark.parametrize(("done", "next_"), [("training", "scoring"), ("scoring", "take-home")])
def test_checking_and_packing_can_be_paused_and_are_what_stopping_goes_on_to(
    made: Made, monkeypatch: pytest.MonkeyPatch, done: str, next_: str
) -> None:
    def wishing(wish: str) -> None:
        seen: list[str] = []

        def once(_: RequestReader) -> str | None:
            if seen or not run.stage(done).exists() or run.stage(next_).exists():
                return None
            seen.append(wish)
            return wish
        monkeypatch.setattr(RequestReader, "wish", once)

    run = made.run(phases=phases()[:1])
    wishing("pause")
    assert work(run, made.workspace) == "paused"
    assert run.stage(done).exists() and not run.stage(next_).exists()
    wishing("stop")
    assert work(run, made.workspace) == "done"
    told = [e for e in read_events(run.events)[0] if e["kind"] == "progress" and e["stage"] == next_]
    assert told and told[-1]["done"] == told[-1]["total"] > 0


def test_stop_after_a_pause_keeps_what_was_learned_before_it(made: Made,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused run offers Resume and Cancel only: who wants to stop it presses Resume, then Stop."""
    run = made.run(phases=phases(3.0))
    done = run.path / "phases" / "1-foundations" / "done.json"
    monkeypatch.setattr(RequestReader, "wish", lambda _: "pause" if done.exists() else None)
    assert work(run, made.workspace) == "paused"
    monkeypatch.setattr(RequestReader, "wish", lambda _: "stop")
    assert work(run, made.workspace) == "done"
    assert read_json(run.report)["phases"][0]["kept"] and run.student.exists()
