"""Save points of a phase: tensors as safetensors, the cursor as JSON written last.

    phases/<n>-<name>/
    ├── state-<step>.safetensors   weights (fp32), optimiser moments, anchors or projection, best weights
    ├── cursor.json                which state file, steps done, best gate so far (written last)
    ├── adapter.safetensors        the weights it ended with (fp32), when it is over
    ├── projection.safetensors     the projection of its states, where it trained one and was kept
    └── done.json                  the phase's result: present when the phase is over

Batches are a function of seed and phase, and nothing is dropped out, so no random-number state is needed to
resume bit for bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import damage_in_words
from engine.workspace import read_json, write_atomic, write_json


def phase_folder(run: Path, index: int, name: str) -> Path:
    """The folder of phase `index` (from 0)."""
    return run / "phases" / f"{index + 1}-{name}"


def phase_folders(run: Path) -> list[Path]:
    """The folders of all phases that have begun, in the plan's order."""
    return sorted(run.glob("phases/[0-9]*-*"), key=lambda folder: int(folder.name.split("-")[0]))


def save_state(folder: Path, tensors: dict[str, Tensor], cursor: dict[str, Any]) -> None:
    """Write a save point; the one before it is deleted only afterwards."""
    name = f"state-{cursor['step']}.safetensors"
    _save(folder / name, tensors)
    write_json(folder / "cursor.json", {**cursor, "file": name})
    for old in folder.glob("state-*.safetensors"):
        if old.name != name:
            old.unlink()


def has_state(folder: Path) -> bool:
    """Whether there is a save point within this phase."""
    return (folder / "cursor.json").exists()


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The last save point, or None."""
    if not has_state(folder):
        return None
    cursor = read_json(folder / "cursor.json")
    return _load(folder / cursor["file"]), cursor


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    # safetensors refuses views and memory that two tensors share.
    plain = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    write_atomic(path, lambda passing: save_file(plain, str(passing)))


def _load(path: Path) -> dict[str, Tensor]:
    with damage_in_words(path, f"Delete {path.parent}, then press Resume: this phase is trained again."):
        return load_file(str(path))


def finish_phase(folder: Path, weights: list[Tensor], result: dict[str, Any],
                 projection: dict[str, Tensor] | None = None) -> None:
    """Keep a phase's final weights and its result; save points within it are no longer needed.

    `projection`: beside them, for the phases that follow; it is no part of the student.
    """
    _save(folder / "adapter.safetensors", as_tensors("master", weights))
    if projection:
        _save(folder / "projection.safetensors", projection)
    write_json(folder / "done.json", result)
    for old in (*folder.glob("state-*.safetensors"), folder / "cursor.json"):
        old.unlink(missing_ok=True)


def finished_phase(folder: Path) -> tuple[list[Tensor], dict[str, Any]] | None:
    """The final weights and result of a phase that is over, or None."""
    if not (folder / "done.json").exists():
        return None
    weights = from_tensors("master", _load(folder / "adapter.safetensors")) or []
    return weights, read_json(folder / "done.json")


def finished_projection(folder: Path) -> dict[str, Tensor] | None:
    """The projection that a finished phase left, if it did."""
    path = folder / "projection.safetensors"
    return _load(path) if path.exists() else None


def as_tensors(prefix: str, weights: list[Tensor] | None) -> dict[str, Tensor]:
    """Name a list of weights to save; nothing when there are none."""
    return {f"{prefix}.{i}": w for i, w in enumerate(weights or [])}


def from_tensors(prefix: str, tensors: dict[str, Tensor]) -> list[torch.Tensor] | None:
    """The inverse of `as_tensors`."""
    found = [tensors[key] for key in sorted((k for k in tensors if k.startswith(f"{prefix}.")),
                                            key=lambda k: int(k.rsplit(".", 1)[1]))]
    return found or None
