"""What the student learns from, and sentence vectors, as safetensors on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.errors import damage_in_words
from engine.records import FloatArray, ListedTokens, TeacherSignal, WrittenSignal
from engine.workspace import write_atomic

SIGNAL_FILE = "signal.safetensors"  # of a run, and of a phase that asked again


def save_signal(path: Path, signal: TeacherSignal) -> None:
    """Keep a signal beside its run."""
    arrays = {"probs": signal.probs, "stability": signal.stability,
              "asked": signal.asked.astype(np.int64), "depths": np.array(signal.depths),
              "several": np.array([signal.several])}
    if signal.hidden is not None:
        arrays["hidden"] = signal.hidden
    _save(path, arrays)


def load_signal(path: Path) -> TeacherSignal:
    """Read a kept signal."""
    kept = _load(path)
    return TeacherSignal(kept["probs"], kept["stability"], kept["asked"], kept.get("hidden"),
                         tuple(float(d) for d in kept["depths"]), bool(kept["several"][0]))


def save_written(path: Path, signal: WrittenSignal) -> None:
    """Keep answers in writing beside their run; lists of tokens one behind the other."""
    texts = np.frombuffer(json.dumps(signal.texts, ensure_ascii=False).encode(), dtype=np.uint8)
    arrays = {"texts": texts, "sureness": signal.sureness, "asked": signal.asked.astype(np.int64),
              "depths": np.array(signal.depths)}
    if signal.hidden is not None:
        arrays["hidden"] = signal.hidden
    if signal.tokens:
        arrays |= flat_tokens(signal.tokens)
    _save(path, arrays)


def load_written(path: Path) -> WrittenSignal:
    """Read kept answers in writing."""
    kept = _load(path)
    texts = json.loads(kept["texts"].tobytes().decode())
    return WrittenSignal(tuple(texts), kept["sureness"], kept["asked"],
                         listed_tokens(kept) if "token_ids" in kept else (), kept.get("hidden"),
                         tuple(float(d) for d in kept["depths"]))


def flat_tokens(tokens: tuple[ListedTokens | None, ...]) -> dict[str, np.ndarray]:
    """Lists of several answers as arrays; answers without one have length 0."""
    there = [one for one in tokens if one is not None]
    if not there:
        return {}
    return {"token_lengths": np.array([0 if one is None else len(one.written) for one in tokens]),
            "token_ids": np.concatenate([one.ids for one in there]).astype(np.int32),
            "token_log_probs": np.concatenate([one.log_probs for one in there]).astype(np.float16),
            "token_temperatures": np.array(there[0].temperatures),
            "token_normalisers": np.concatenate([one.normalisers for one in there], axis=1),
            "token_written": np.concatenate([one.written for one in there]).astype(np.int32)}


def listed_tokens(kept: dict[str, np.ndarray]) -> tuple[ListedTokens | None, ...]:
    """The inverse of `flat_tokens`."""
    ends = np.cumsum(kept["token_lengths"])
    temperatures = tuple(float(t) for t in kept["token_temperatures"])
    return tuple(
        ListedTokens(kept["token_ids"][a:b], kept["token_log_probs"][a:b], temperatures,
                     kept["token_normalisers"][:, a:b], kept["token_written"][a:b]) if b > a else None
        for a, b in zip(ends - kept["token_lengths"], ends, strict=True))


def _load(path: Path) -> dict[str, np.ndarray]:
    with damage_in_words(path, "Start a new run: it uses the answers that were given already."):
        return load_file(path)


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    # safetensors writes memory as it lies: a view would come back as something else.
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, lambda temporary: save_file(whole, temporary))


def save_vectors(path: Path, vectors: FloatArray) -> None:
    """Keep sentence vectors, (documents, width) float32."""
    write_atomic(path, lambda temporary: save_file({"vectors": np.ascontiguousarray(vectors)}, temporary))


def load_vectors(path: Path) -> FloatArray:
    """Read kept sentence vectors."""
    with damage_in_words(path, "Delete that file, then press Resume: it is made again."):
        return load_file(path)["vectors"]
