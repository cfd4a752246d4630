"""What somebody said of a run's answers without knowing whose they are: one small file in its folder.

    judgements.json   id of a document → student, teacher, both or neither; in the order given
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from engine.errors import InputError
from engine.evaluation.judging import Choice, Verdict, meant
from engine.jobs.folder import RunFolder
from engine.workspace import read_json, write_json

KEPT = "judgements.json"


def judged(run: RunFolder) -> dict[str, Verdict]:
    """All verdicts so far. Raises `RunError` where the file is damaged."""
    return read_json(_kept(run)) if _kept(run).exists() else {}


def judge(run: RunFolder, name: str, choice: Choice) -> None:
    """Keep one verdict; another one about the same document takes its place.

    Raises:
        InputError: no such choice.
    """
    if choice not in ("first", "second", "both", "neither"):
        raise InputError(f"“{choice}” is no choice.", "Choose first, second, both or neither.")
    with FileLock(run.path / f"{KEPT}.lock"):
        earlier = {other: verdict for other, verdict in judged(run).items() if other != name}
        write_json(_kept(run), earlier | {name: meant(choice, name, run.id)})


def take_back(run: RunFolder) -> None:
    """Forget the last verdict, if there is one."""
    with FileLock(run.path / f"{KEPT}.lock"):
        write_json(_kept(run), dict(list(judged(run).items())[:-1]))


def _kept(run: RunFolder) -> Path:
    return run.path / KEPT
