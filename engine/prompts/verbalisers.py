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
    """A token the model already knows for each label; each token is used once.

    First choice is the whole name, then one word of it (“no” for “no crisis”), then the first piece of
    the name, then a letter. `encode` gives the ids of a text without special tokens.

    Raises:
        SettingsError: the tokenizer leaves no token of its own for some label.
    """
    tokens: list[int] = []
    words: list[str] = []
    for i, name in enumerate(labels):
        parts = [part for part in name.replace("-", " ").replace("_", " ").split() if part.isalpha()]
        whole = [ids for word in (name, *parts) if len(ids := list(encode(f" {word}"))) == 1]
        pieces = [list(encode(f" {name}"))[:1]]
        letters = [list(encode(f" {letter}")) for letter in (LETTERS[i], *LETTERS)]
        free = (ids[0] for ids in (*whole, *pieces, *letters) if len(ids) == 1 and ids[0] not in tokens)
        token = next(free, None)
        if token is None:
            raise SettingsError(f"The model has no token of its own for the category “{name}”.",
                                "Rename it to a common word, or choose another model.")
        tokens.append(token)
        words.append(next((w for w in (name, *parts) if list(encode(f" {w}")) == [token]), name))
    return Verbalisers(tuple(tokens), tuple(words))
