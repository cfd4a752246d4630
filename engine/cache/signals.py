"""What the student learns from, and sentence vectors, as safetensors on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.records import FloatArray, TeacherSignal
from engine.workspace import write_atomic


def save_signal(path: Path, signal: TeacherSignal) -> None:
    """Keep a signal beside its run."""
    arrays = {"probs": signal.probs, "stability": signal.stability,
              "asked": signal.asked.astype(np.int64), "depths": np.array(signal.depths)}
    if signal.hidden is not None:
        arrays["hidden"] = signal.hidden
    # safetensors writes memory as it lies: a view would come back as something else.
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, lambda temporary: save_file(whole, temporary))


def load_signal(path: Path) -> TeacherSignal:
    """Read a kept signal."""
    kept = load_file(path)
    return TeacherSignal(kept["probs"], kept["stability"], kept["asked"], kept.get("hidden"),
                         tuple(float(d) for d in kept["depths"]))


def save_vectors(path: Path, vectors: FloatArray) -> None:
    """Keep sentence vectors, (documents, width) float32."""
    write_atomic(path, lambda temporary: save_file({"vectors": np.ascontiguousarray(vectors)}, temporary))


def load_vectors(path: Path) -> FloatArray:
    """Read kept sentence vectors."""
    return load_file(path)["vectors"]
