"""Which token stands for which label: one token a label, read in a single forward pass. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import SettingsError
from engine.tasks.definition import LETTERS


@dataclass(frozen=True, slots=True)
class Verbalisers:
    """`tokens[i]` is the id whose score stands for label i; `words[i]` is how it is written."""

    tokens: tuple[int, ...]
    words: tuple[str, ...]


def assign(labels: Sequence[str], encode: Callable[[str], Sequence[int]]) -> Verbalisers:
    """A word the student already knows for each label: its name, else one word of it, else a letter.

    A known word lets pre-training help from the first step on. Each token is used once. `encode` gives
    the ids of a text without special tokens.

    Raises:
        SettingsError: the tokenizer leaves no single token for some label.
    """
    tokens: list[int] = []
    words: list[str] = []
    for i, name in enumerate(labels):
        parts = [part for part in name.replace("-", " ").replace("_", " ").split() if part.isalpha()]
        for word in (name, *parts, LETTERS[i], *LETTERS):
            ids = list(encode(f" {word}"))
            if len(ids) == 1 and ids[0] not in tokens:
                tokens.append(ids[0])
                words.append(word)
                break
        else:
            raise SettingsError(f"The small model has no single token for the category “{name}”.",
                                "Rename it to a common word, or choose another small model.")
    return Verbalisers(tuple(tokens), tuple(words))
