"""Whether two models write with the same tokens: only then can one learn the other's, token by token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from engine.records import text_digest

PROBE = ("Flood in Colón: 12 dead, 1,300 displaced — help needed!\n", '{"place": null, "dead": "at least 5"}',
         "Séisme à Port-au-Prince, l’eau manque… ¿dónde? 地震 🌊")


_FILLER = re.compile(r"\[PAD\d+\]")  # what makes a GGUF file's list of tokens as long as its matrix has rows


def token_count(tokens: Mapping[str, int]) -> int:
    """How many rows of the vocabulary matrix stand for tokens; what merely fills it up behind them does not.

    `tokens`: token → its number, as a tokenizer lists them.
    """
    return 1 + max((number for token, number in tokens.items() if not _FILLER.fullmatch(token)), default=-1)


def same_vocabulary(a: Path, b: Path) -> bool:
    """Whether two model folders hold the same tokens under the same numbers, and cut text alike."""
    files = [folder / "tokenizer.json" for folder in (a, b)]
    return len({_name(file, file.stat().st_mtime_ns) for file in files}) == 1


def share_tokens(models: Path, a: str, b: str) -> bool | None:
    """Whether two installed models write with the same tokens; None where one of them is not here."""
    folders = [models / name for name in (a, b)]
    here = all((folder / "tokenizer.json").exists() for folder in folders)
    return same_vocabulary(*folders) if here else None


@lru_cache(maxsize=16)
def _name(file: Path, written: int) -> str:  # noqa: ARG001 - a file written anew is read anew
    tokenizer = Tokenizer.from_file(str(file))
    listed = tokenizer.get_vocab(with_added_tokens=True)
    count = token_count(listed)
    tokens = sorted((item for item in listed.items() if item[1] < count), key=lambda item: item[1])
    cut = [tokenizer.encode(text, add_special_tokens=False).ids for text in PROBE]
    return text_digest(f"{tokens}|{cut}")
