"""Which models write with the same tokens: by what they hold and how they cut, not by what fills them up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from engine.models.vocabularies import same_vocabulary, share_tokens, token_count

WORDS = ("[UNK]", "flood", "fire", "12")
FILLER = tuple(f"[PAD{number}]" for number in range(4, 9))


def write_tokenizer(folder: Path, words: tuple[str, ...], *, whole: bool = False) -> Path:
    """A tokenizer of these words; `whole`: it does not part texts at punctuation."""
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit() if whole else pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize(("other", "same"), [
    ((*WORDS, *FILLER), True),
    ((*WORDS, "[END]"), False),
    ((*WORDS, *FILLER, "[END]"), False),  # a token behind it: then it fills nothing up
    (("[UNK]", "fire", "flood", "12"), False),
    (WORDS[:-1], False),
    ((*WORDS, "[PAD]"), False),  # the padding token of many a tokenizer is one of its own
])
def test_tokens_are_compared_without_what_fills_the_list_up(tmp_path: Path, other: tuple[str, ...],
                                                            same: bool) -> None:
    a, b = write_tokenizer(tmp_path / "a", WORDS), write_tokenizer(tmp_path / "b", other)
    assert same_vocabulary(a, b) is same_vocabulary(b, a) is same
    assert share_tokens(tmp_path, "a", "b") is same and share_tokens(tmp_path, "a", "missing") is None


def test_the_same_tokens_cut_otherwise_are_not_shared(tmp_path: Path) -> None:
    a, b = (write_tokenizer(tmp_path / name, WORDS, whole=name == "b") for name in "ab")
    assert not same_vocabulary(a, b)


def test_only_rows_behind_the_last_token_do_not_count() -> None:
    assert token_count({}) == 0
    assert token_count({word: i for i, word in enumerate((*WORDS, *FILLER))}) == len(WORDS)
    assert token_count({"[PAD0]": 0, "flood": 1}) == 2
