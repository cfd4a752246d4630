"""Likeliest tokens of answers that were asked before: shards of many answers, found by what was answered.

    <folder>/about.json                what these were made with, in full
    <folder>/shard-<keys>.safetensors  keys, lists one behind the other, states; a digest of what is in it

A folder belongs to one large model, tokenizer, way of decoding, set of temperatures and depths. Rows are
found by the key of prompt and answer, never by place, so they cannot drift out of line; a shard of another
making is refused, not mended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from engine.cache.signals import flat_tokens, listed_tokens
from engine.errors import RunError, disk_errors_in_words
from engine.records import FloatArray, ListedTokens, text_digest
from engine.workspace import read_json, write_atomic, write_json

Listing = tuple[ListedTokens, FloatArray | None]
KEY = 32  # letters of a key


@dataclass(slots=True, eq=False)
class TokenShards:
    """One folder of shards. `about`: everything that decides what is in it."""

    folder: Path
    about: Mapping[str, object]
    _where: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def within(cls, cache: Path, about: Mapping[str, object]) -> TokenShards:
        """The shards of this making below a workspace's cache; none yet is fine.

        Raises:
            RunError: what lies there was made otherwise, or cannot be read.
        """
        made = cls(cache / "tokens" / _digest(about)[:16], about)
        kept = made.folder / "about.json"
        if not kept.exists():
            return made
        if read_json(kept) != json.loads(json.dumps(dict(about))):
            raise made._refused("its description is another one")
        for path in sorted(made.folder.glob("shard-*.safetensors")):
            try:
                with safe_open(path, framework="numpy") as shard:
                    if (shard.metadata() or {}).get("made") != _digest(about):
                        raise made._refused(f"{path.name} was made with other settings")
                    keys = shard.get_tensor("keys")
            except (OSError, SafetensorError) as error:
                raise made._refused(f"{path.name} cannot be read ({error})") from error
            made._where |= dict.fromkeys(_in_letters(keys), path)
        return made

    def get(self, keys: Sequence[str]) -> dict[str, Listing]:
        """The lists that are there; keys without one are left out."""
        by_shard: dict[Path, list[str]] = {}
        for key in keys:
            if key in self._where:
                by_shard.setdefault(self._where[key], []).append(key)
        found: dict[str, Listing] = {}
        for path, wanted in by_shard.items():
            with safe_open(path, framework="numpy") as shard:
                kept = {name: shard.get_tensor(name) for name in shard.keys()}  # noqa: SIM118 - no mapping
                whole = (shard.metadata() or {}).get("content") == _content(kept)
            rows = {key: row for row, key in enumerate(_in_letters(kept["keys"]))} if whole else {}
            if any(key not in rows for key in wanted):
                raise self._refused(f"{path.name} was changed")
            lists = listed_tokens(kept)
            for key in wanted:
                row = rows[key]
                listed = lists[row]
                if listed is not None:
                    found[key] = (listed, kept["hidden"][row] if "hidden" in kept else None)
        return found

    def put(self, made: Mapping[str, Listing]) -> None:
        """Keep lists as one more shard."""
        if not made:
            return
        arrays = flat_tokens(tuple(listed for listed, _ in made.values()))
        arrays["keys"] = np.array([list(key.encode()) for key in made], dtype=np.uint8)
        hidden = [state for _, state in made.values() if state is not None]
        if hidden:
            arrays["hidden"] = np.stack(hidden)
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        # Named by what is in it: two runs that write at once do not write over each other.
        path = self.folder / f"shard-{text_digest(' '.join(made))[:16]}.safetensors"
        with disk_errors_in_words("the large model's likeliest words"):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (self.folder / "about.json").exists():
                write_json(self.folder / "about.json", dict(self.about))
            write_atomic(path, lambda file: save_file(whole, file, metadata={
                "made": _digest(self.about), "content": _content(whole)}))
        self._where |= dict.fromkeys(made, path)

    def _refused(self, why: str) -> RunError:
        return RunError(f"The large model's kept words in {self.folder} do not belong to this run: {why}.",
                        "Delete that folder: the large model then reads its answers once more.",
                        "Documents, instructions and finished runs are safe.")


def _in_letters(keys: np.ndarray) -> list[str]:
    return [bytes(key).decode("ascii", "replace") for key in keys]


def _content(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    return digest.hexdigest()


def _digest(about: Mapping[str, object]) -> str:
    return text_digest(json.dumps(dict(about), sort_keys=True, ensure_ascii=False))
