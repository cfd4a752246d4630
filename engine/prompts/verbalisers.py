"""Which token stands for which label: one token a label, read in a single forward pass. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import SettingsError
from engine.tasks.definition import LETTERS, Task

NONE = "none"  # the word that each of several labels is scored against


@dataclass(frozen=True, slots=True)
class Verbalisers:
    """`tokens[i]` is the id whose score stands for label i; `words[i]` is how it is written.

    A word that ends in … is known by its first piece only.
    """

    tokens: tuple[int, ...]
    words: tuple[str, ...]


def scored_names(task: Task) -> tuple[str, ...]:
    """The names that a small model needs a word for: the categories, “none” where several may apply.

    None for answers in writing.
    """
    if task.kind == "multi_label":
        return (*task.names, NONE)
    return task.names if task.kind == "single_label" else ()


def assign(labels: Sequence[str], encode: Callable[[str], Sequence[int]]) -> Verbalisers:
    """A token the model already knows for each label; each token is used once.

    First choice is the whole name, then one word of it (“no” for “no crisis”), then the first piece of
    the name, then a letter. Of two that want the same one, the first by the alphabet gets it: the order of
    the labels changes nothing, so answers kept under their names are always answers by the same tokens.
    `encode` gives the ids of a text without special tokens.

    Raises:
        SettingsError: the tokenizer leaves no token of its own for some label.
    """
    found: dict[int, tuple[int, str]] = {}
    by_name = sorted(enumerate(labels), key=lambda one: one[1])
    for i, name in by_name:  # whole names first: “storm surge” must not take “storm” away
        ids = list(encode(f" {name}"))
        if len(ids) == 1 and ids[0] not in {token for token, _ in found.values()}:
            found[i] = (ids[0], name)
    for i, name in by_name:
        if i in found:
            continue
        parts = [part for part in name.replace("-", " ").replace("_", " ").split() if part.isalpha()]
        singles = [(list(encode(f" {word}")), word) for word in (*parts, *LETTERS)]
        singles.insert(len(parts), (list(encode(f" {name}"))[:1], f"{name}…"))
        taken = {token for token, _ in found.values()}
        free = ((ids[0], word) for ids, word in singles if len(ids) == 1 and ids[0] not in taken)
        if (first := next(free, None)) is None:
            raise SettingsError(f"The model has no token of its own for the category “{name}”.",
                                "Rename it to a common word, or choose another model.")
        found[i] = first
    ordered = [found[i] for i in range(len(labels))]
    return Verbalisers(tuple(token for token, _ in ordered), tuple(word for _, word in ordered))
