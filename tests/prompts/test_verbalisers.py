"""One token a label, none twice, and the best one each can have."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.prompts.verbalisers import assign
from engine.tasks.presets import preset, preset_titles

KNOWN = {f" {w}": [i] for i, w in enumerate(("flood", "fire", "storm", "no", "other", "needs",
                                             *string.ascii_uppercase))}


def encode(text: str) -> list[int]:
    """Known words are one token; others are their letters, 1000 on."""
    return KNOWN.get(text, [1000 + ord(c) for c in text.strip()])


def test_the_name_then_a_word_of_it_then_its_first_piece_then_a_letter() -> None:
    made = assign(("flood", "no crisis", "zebra", "zoo"), encode)
    assert made.tokens == (0, 3, 1000 + ord("z"), KNOWN[" A"][0])
    assert made.words == ("flood", "no", "zebra…", "A")


def test_a_whole_name_is_not_taken_by_a_longer_one_before_it() -> None:
    made = assign(("storm surge", "storm"), encode)
    assert made.words == ("storm surge…", "storm") and made.tokens[1] == KNOWN[" storm"][0]


@given(st.lists(st.sampled_from(("flood", "fire", "no fire", "fire storm", "other needs", "Zoo", "zebra",
                                 "é", "other", "storm", "no", "a", "flood fire", "B", "C")),
                min_size=2, max_size=12, unique=True))
def test_tokens_are_unique_and_written_as_told(labels: list[str]) -> None:
    made = assign(labels, encode)
    assert len(set(made.tokens)) == len(labels) == len(made.words)
    for token, word in zip(made.tokens, made.words, strict=True):
        assert encode(f" {word.removesuffix('…')}")[0] == token


@given(st.lists(st.sampled_from(("storm surge", "storm warning", "storm", "no fire", "fire no", "zebra",
                                 "zoo", "zone", "other needs", "needs other")), min_size=2, unique=True),
       st.randoms())
def test_the_order_of_the_labels_changes_no_token(labels: list[str], chance: random.Random) -> None:
    """An answer is kept under the names as they were shown, whichever order the task has them in."""
    mixed = labels[:]
    chance.shuffle(mixed)
    one, two = assign(labels, encode), assign(mixed, encode)
    assert dict(zip(labels, one.tokens, strict=True)) == dict(zip(mixed, two.tokens, strict=True))


def test_more_categories_than_letters_are_refused_in_words_if_at_all() -> None:
    known = KNOWN | {f" zone {i}": [5000 + i] for i in range(35)}
    names = [*(f"zone {i}" for i in range(35)), "zebra", "zoo"]
    made = assign(names, lambda text: known.get(text, encode(text)))
    assert len(set(made.tokens)) == 37 and made.words[35:] == ("zebra…", "A")
    with pytest.raises(SettingsError, match="no token of its own"):
        assign([f"x{i}" for i in range(40)], encode)


def test_a_tokenizer_without_room_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="b"):
        assign(("a", "b"), lambda _: [7])


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"])
@pytest.mark.parametrize("task", [t for t in preset_titles() if preset(t).kind == "single_label"])
def test_shipped_questions_have_words_in_real_models(models_home, name: str, task: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path = models_home / "models" / name / "tokenizer.json"
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    made = assign(preset(task).names, lambda t: tokenizer.encode(t, add_special_tokens=False).ids)
    assert len(set(made.tokens)) == len(made.tokens)
    assert not set(made.words) & set(string.ascii_uppercase)  # a word each: no letter is needed
