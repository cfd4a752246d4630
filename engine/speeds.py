"""Speeds measured on this machine, kept for later estimates, by work, kind of question and model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from engine.tasks.definition import TaskKind
from engine.workspace import Workspace, read_json, write_json

Work = Literal["ask", "train", "predict"]


def note_speed(workspace: Workspace, work: Work, kind: TaskKind, model: str, per_second: float, *,
               tokens: float, run: str) -> None:
    """Remember documents (of asking: questions) a second, at a mean length of so many tokens each.

    One that is not above 0 is forgotten: nothing was done, and no estimate can be made of it.
    """
    if not 0 < per_second < math.inf:
        return
    path = _path(workspace)
    known = read_json(path) if path.exists() else {}
    known[f"{work}:{kind}:{model}"] = {"per_second": round(per_second, 4), "tokens": round(tokens, 1),
                                       "run": run}
    write_json(path, known)


def measured_speed(workspace: Workspace, work: Work, kind: TaskKind, model: str,
                   tokens: float) -> float | None:
    """Documents (questions) a second at a mean length, or None if no such work was measured.

    The time is taken to grow with the length, as it does for texts that are short beside a model's width.
    """
    path = _path(workspace)
    known = (read_json(path) if path.exists() else {}).get(f"{work}:{kind}:{model}")
    return known["per_second"] * known["tokens"] / max(1.0, tokens) if known else None


def _path(workspace: Workspace) -> Path:
    return workspace.cache / "speeds.json"
