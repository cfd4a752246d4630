"""Labelling that nobody waits for any more ends, whenever its process finds out, and disturbs no other."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.jobs import labelling
from engine.jobs.folder import RunFolder
from engine.jobs.labelled import at_work, labelling_of, places
from engine.studio import Studio
from tests.conftest import wait_for
from tests.jobs.test_labelling import calls, many, ordered, run
from tests.students.tiny import Made

__all__ = ["run"]


def test_it_is_stopped_at_once_and_nothing_of_it_is_left(made: Made, run: RunFolder, tmp_path: Path) -> None:
    studio = Studio(made.workspace)
    with pytest.raises(RunError, match="Nothing is being labelled"):
        studio.stop_labelling(run.id)
    studio.start_labelling(run.id, [calls(tmp_path, many(30_000))])
    place = places(run)[0]

    def answers() -> bool:
        now = labelling_of(run)
        assert now.state == "running"
        return now.stage == "answering" and now.done > 0
    wait_for(answers, 60, "no document was answered")
    assert not place.files.exists()  # what was read is not kept twice
    pid = place.worker.pid()
    studio.stop_labelling(run.id)
    assert labelling_of(run) is None and not place.path.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    studio.start_labelling(run.id, [calls(tmp_path)])  # and before it came up
    place = places(run)[0]
    studio.stop_labelling(run.id)
    assert labelling_of(run) is None and not place.path.exists()
    time.sleep(3)  # it came up meanwhile, and went again
    assert not place.path.exists() and at_work(made.workspace) is None


def test_a_worker_that_nobody_waits_for_any_more_ends(run: RunFolder, made: Made, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine, say, or of a visitor who was forgotten."""
    place = ordered(run, calls(tmp_path, many(50)))
    look = labelling._Progress.look

    def gone(progress: labelling._Progress) -> None:
        place.order.unlink(missing_ok=True)
        look(progress)
    monkeypatch.setattr(labelling._Progress, "look", gone)
    assert labelling.work(place, made.workspace) == "stopped" and not place.path.exists()
    assert labelling.work(place, made.workspace) == "stopped" and not place.path.exists()


def test_one_stopped_before_it_came_up_leaves_the_next_one_alone(run: RunFolder, made: Made,
                                                                 tmp_path: Path) -> None:
    """Late to come up, it looks for its own order; that of the next, begun in the same second, is not its."""
    late, studio = [], Studio(made.workspace)
    for _ in range(3):
        late.append(ordered(run, calls(tmp_path)))
        studio.stop_labelling(run.id)
    now = ordered(run, calls(tmp_path))
    assert len({place.path for place in (*late, now)}) == 4 and places(run) == [now]
    for place in late:
        assert labelling.work(place, made.workspace) == "stopped"
    assert labelling_of(run).state == "running" and now.order.exists()
    assert labelling.work(now, made.workspace) == "done" and labelling_of(run).documents == 3
