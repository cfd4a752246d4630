"""What a run began with and goes on with after every pause: number format, weights, labels, peak of memory.

Kept in its `machine.json`, and labels beside it. Does not: choose a device, or load weights.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.corpus.store import keep_gold, kept_gold, load_gold
from engine.devices import DeviceChoice, dtype_is_set
from engine.errors import RunError
from engine.jobs.folder import RunFolder
from engine.models.weights import ModelFolder
from engine.records import Gold
from engine.training.ranks import Ranks
from engine.workspace import read_json, write_json


def as_begun(run: RunFolder, choice: DeviceChoice, ranks: Ranks) -> DeviceChoice:
    """The choice with the number format that the run began with, on every process and after every pause.

    On a CPU it is timed, and the next time may say otherwise. On another kind of device it is chosen anew.
    """
    kind = choice.device.split(":")[0]
    if ranks.first:
        kept = _kept(run)
        if kept.get(kind, choice.dtype) != choice.dtype and not dtype_is_set():
            choice = replace(choice, dtype=kept[kind],
                             because=f"{choice.because}; but this run began with {kept[kind]}")
        write_json(run.machine, kept | {kind: choice.dtype})
    return ranks.agreed(choice)


def same_weights(run: RunFolder, base: ModelFolder) -> None:
    """Refuse to go on with an adapter on other weights than those it began on, installed in between.

    Raises:
        RunError: they are others.
    """
    about = _kept(run)
    if about.setdefault("weights", base.digest) != base.digest:
        raise RunError(f"The weights of “{base.title}” are not those that this run began to train on.",
                       "Install those again, or start a new run: it uses the large model's answers.")
    write_json(run.machine, about)


def labels_to_score_by(run: RunFolder, documents: Path, column: str | None) -> Gold | None:
    """Labels as they were when this was first called; None where the documents have none.

    The same documents may be added again while a run is at work, with their labels left out or others.

    Raises:
        InputError: there is no such column.
    """
    if run.labels.exists():
        return kept_gold(run.labels)
    gold = load_gold(documents, column)
    if gold:
        keep_gold(run.labels, gold)
    return gold


def most_memory(run: RunFolder, gb: float = 0.0) -> float:
    """The most that the run held in any of its sessions, this one's `gb` (10^9 bytes) included."""
    about = _kept(run)
    about["peak_memory_gb"] = max(about.get("peak_memory_gb", 0.0), round(gb, 3))
    if gb and run.plan.exists():  # else the folder was deleted, and is not to come back
        write_json(run.machine, about)
    return about["peak_memory_gb"]


def _kept(run: RunFolder) -> dict[str, Any]:
    return read_json(run.machine) if run.machine.exists() else {}
