"""Asking again between phases: what there is to keep when nothing was asked."""

from __future__ import annotations

from pathlib import Path

from tests.students.tiny import Made
from tests.training.test_phased import events, training


def test_what_was_not_asked_again_is_not_kept_and_the_log_says_why(made: Made, tmp_path: Path) -> None:
    some = training(made, tmp_path)
    first = some.subject.signal
    some.ask_again = lambda now, differs, learn: (now, 0)
    some.run()
    told = events(tmp_path, "asked_again")
    assert len(told) == 1 and told[0]["n"] == 0 and "no other way" in told[0]["because"]
    assert not list(tmp_path.rglob("signal.safetensors")) and some.subject.signal is first
