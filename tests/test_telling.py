"""What the command line says while it works: soon, seldom, and nothing of what took no time."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path

import pytest

from engine.cli import main
from engine.telling import EVERY, FIRST, Telling


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def progress(done: int, time: float, total: int = 1200) -> dict[str, object]:
    return {"kind": "progress", "time": time, "title": "Asking", "done": done, "total": total}


def test_work_done_within_a_second_is_not_spoken_of(clock: Clock) -> None:
    said: list[str] = []
    telling = Telling(said.append, clock)
    for done in range(11):
        telling("reading", done, 10)
        clock.now += FIRST / 20
    assert said == []


def test_long_work_is_told_after_a_second_then_seldom_and_its_end_once(clock: Clock) -> None:
    said: list[str] = []
    telling = Telling(said.append, clock)
    for tenth in range(201):  # twenty seconds
        telling("reading", tenth * 5, 1000)
        clock.now += 0.1
    assert said[0] == "Reading: 5 %" and said[-1] == "Reading: 100 %"
    assert 20 / EVERY <= len(said) <= 20 / EVERY + 2
    telling("reading", 0, 1000)
    telling("reading", 1000, 1000)
    assert said.count("Reading: 100 %") == 1  # another piece of work, and a short one


def test_work_that_cannot_be_counted_is_told_once(clock: Clock) -> None:
    said: list[str] = []
    telling = Telling(said.append, clock)
    for _ in range(3):
        telling("Opening the large model", 0, 0)
    assert said == ["Opening the large model…"]


def test_each_piece_of_work_has_a_pace_of_its_own(clock: Clock) -> None:
    said: list[str] = []
    telling = Telling(said.append, clock)
    for work in ("reading", "duplicates"):
        telling(work, 0, 4)
        clock.now += FIRST
        telling(work, 1, 4)
    assert said == ["Reading: 25 %", "Looking for near-duplicates: 25 %"]


@pytest.mark.parametrize("first, by", [(795, 3), (7, 16), (1, 5), (64, 64)])
def test_asking_that_goes_on_from_any_count_is_told(first: int, by: int) -> None:
    """Counts that never meet a round number, after answers that were kept, were not told for an hour."""
    said: list[str] = []
    telling, times = Telling(said.append), 0.0
    for done in range(first, 1200, by):
        telling.event(progress(done, times))
        times += 4.0
    telling.event(progress(1200, times))
    assert len(said) > (1200 - first) / by / 3
    assert said[-1] == "  Asking: 1200 of 1200"


def test_training_steps_are_told_seldom_and_looks_and_ends_always() -> None:
    said: list[str] = []
    telling = Telling(said.append)
    for step in range(1, 61):
        telling.event({"kind": "step", "time": step / 2, "phase": "breadth", "step": step, "steps": 60})
        if step % 30 == 0:
            telling.event({"kind": "gate", "time": step / 2, "step": step, "agreement": 0.5, "n": 60})
    looks = [line for line in said if "agreement 50.0 %" in line]
    assert len(looks) == 2 and len(said) - len(looks) == pytest.approx(30 / EVERY, abs=1)


def test_of_what_a_run_wrote_before_stages_and_looks_are_told_and_no_counts() -> None:
    """Whoever looks in after an hour is not told of every minute of it."""
    past = [{"kind": "stage_started", "time": 0.0, "title": "Asking the large model"},
            *(progress(done, 4.0 * done) for done in range(0, 900)),
            {"kind": "gate", "time": 3600.0, "step": 20, "agreement": 0.5, "n": 60},
            progress(900, 3604.0)]
    said: list[str] = []
    telling = Telling(said.append)
    telling.events(past)
    assert said == ["Asking the large model", "    step 20: agreement 50.0 % of 60"]
    for second in range(1, 12):
        telling.events([progress(900 + second, 3604.0 + second)])
    assert said[2:] == ["  Asking: 901 of 1200", "  Asking: 906 of 1200", "  Asking: 911 of 1200"]


def test_reading_on_the_command_line_says_how_far_it_is(
        tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, and not at all beside `--json`; a clock that hurries stands for a long file."""
    ticks = count(step=10)
    monkeypatch.setattr("engine.cli.Telling", partial(Telling, clock=lambda: next(ticks)))
    file = tmp_path / "reports.csv"
    file.write_text("text\n" + "".join(f"Water stands {i} cm deep in street {i}.\n" for i in range(500)))
    assert main(["ingest", str(file)]) == 0
    out, err = capfd.readouterr()
    assert "500 documents" in out and "Looking for near-duplicates: 100 %" in err
    assert main(["ingest", str(file), "--json"]) == 0
    assert capfd.readouterr().err == ""


def test_a_sentence_that_counts_is_told_at_once_then_seldom_and_its_end(clock: Clock) -> None:
    said: list[str] = []
    telling = Telling(said.append, clock)
    for megabytes in range(0, 301, 3):  # twenty seconds, five calls in each
        telling.sentence(f"Fetching a model ({megabytes} of 300 MB)", megabytes, 300)
        clock.now += 0.2
    telling.sentence("Checking the weights", 0, 1)
    assert said[0] == "Fetching a model (0 of 300 MB)"
    assert said[-2:] == ["Fetching a model (300 of 300 MB)", "Checking the weights"]
    assert 20 / EVERY <= len(said) - 1 <= 20 / EVERY + 2
