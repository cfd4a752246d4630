"""Sentences and pieces of long texts: where they are cut, and that nothing is lost."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.sentences import chunks, sentences

PARTS = st.sampled_from(
    ["Water ", "rose. ", "No. ", "5 ", "p.m. ", "Help!", "? ", "\n", "\n\n", "  ", "- ", "نحتاج ماء", "؟ ",
     "水位上升。", "पानी।", "e\u0301", "x" * 30, "...", "\u2029", "\r\n", "”", "😀"]
)
TEXTS = st.one_of(st.lists(PARTS, max_size=60).map("".join), st.text(max_size=200))


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The bridge fell. Two are missing! Where is help? Here", 4),
        ("Dr. Amir reached No. 5 Market Road at 3.5 km, approx. 40 people, e.g. Families.", 1),
        ("The U.N. Secretary and J. R. Smith spoke. It rained.", 2),
        ("They left at 5 p.m. The road was open.", 2),
        ("Ask the U.S. Army at 5 p.m. Friday.", 1),
        ("Is it safe? No. We stay.", 3),
        ("1. Water\n2. Food\n- Shelter\nend", 4),
        ("“Help!” he said. “We wait.” Then nothing.", 3),
        ("About 3.5 million. See http://a.org/x?y=1.2 for more.", 2),
        ("الطريق مقطوع؟ نعم. نحتاج ماء۔ شكرا", 4),
        ("قال د. أحمد إن الماء وصل. نحتاج المزيد", 2),
        ("पुल टूट गया। मदद चाहिए। धन्यवाद", 3),
        ("大雨。道路不通！「快来！」需要水？是", 5),
        ("Well... maybe it holds. Wait... Nobody knows.", 3),
        ("Heading\n\nText of it.", 2),
        ("El Sr. Pérez vive en la Av. Central núm. 12. Llegó ayer.", 2),
        ("We need 12. The rest is here.", 2),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: int) -> None:
    found = sentences(text)
    assert len(found) == expected, found
    assert "".join(found) == text


def test_white_space_stays_at_the_end_of_its_sentence() -> None:
    assert sentences("  One.  Two.\n\n Three") == ["  One.  ", "Two.\n\n ", "Three"]
    assert sentences("") == []
    assert sentences(" \n ") == [" \n "]


@given(TEXTS)
def test_sentences_joined_are_the_text(text: str) -> None:
    found = sentences(text)
    assert "".join(found) == text
    assert all(found)


@given(TEXTS, st.integers(1, 60))
def test_pieces_fit_and_lose_nothing(text: str, size: int) -> None:
    pieces = chunks(text, lambda piece: len(piece) <= size)
    assert bare("".join(pieces)) == bare(text)
    assert all(piece and piece == piece.strip() and len(piece) <= size for piece in pieces)
    place = 0
    for piece in pieces:
        place = text.index(piece, place) + len(piece)


@given(st.text(max_size=80), st.integers(2, 5))
def test_pieces_fit_even_by_a_measure_that_is_not_length(text: str, every: int) -> None:
    """Single characters fit, and otherwise what fits has nothing to do with what its parts do."""

    def fits(piece: str) -> bool:
        return len(piece) == 1 or len(piece) % every == 0

    pieces = chunks(text, fits)
    assert bare("".join(pieces)) == bare(text)
    assert all(map(fits, pieces))


def test_what_fits_stays_whole_and_blank_gives_nothing() -> None:
    assert chunks(" One.\n\nTwo. ", lambda piece: True) == ["One.\n\nTwo."]
    assert chunks(" \n\t ", lambda piece: True) == []


def test_paragraphs_are_kept_before_sentences_and_sentences_before_words() -> None:
    paragraphs = ["First of all. " * 6, "Second to it. " * 6, "Third of them. " * 6]
    text = "\n\n".join(paragraph.strip() for paragraph in paragraphs)
    assert chunks(text, lambda piece: len(piece) <= 120) == [p.strip() for p in paragraphs]
    for piece in chunks(text, lambda piece: len(piece) <= 50):
        assert piece.endswith(".")
    for piece in chunks("several words without any stop " * 5, lambda piece: len(piece) <= 40):
        assert set(piece.split()) <= {"several", "words", "without", "any", "stop"}
    assert all(len(piece) <= 10 for piece in chunks("x" * 95, lambda piece: len(piece) <= 10))


def test_a_tiny_last_piece_is_avoided() -> None:
    text = " ".join(f"Sentence number {i:03} stands here." for i in range(21))
    sizes = [len(piece) for piece in chunks(text, lambda piece: len(piece) <= 340)]
    assert len(sizes) == 3
    assert min(sizes) > 0.7 * max(sizes)


def test_letters_keep_the_signs_that_belong_to_them() -> None:
    pieces = chunks("e\u0301" * 20, lambda piece: len(piece) <= 5)
    assert all(piece.startswith("e") for piece in pieces)


@pytest.mark.parametrize(
    "unit",
    ["." * 9, ".)", "\n ", " ", "(", "a. ", "”", "word ", "x", "No. ", "\r\n", "。", "e\u0301", "The end. "],
)
def test_time_grows_with_the_length_not_its_square(unit: str) -> None:
    def seconds(size: int) -> float:
        text = "a" + unit * (size // len(unit)) + "b"
        started = time.process_time()
        sentences(text)
        chunks(text, lambda piece: len(piece) <= 2000)
        return time.process_time() - started

    seconds(1_000)
    small, large = (min(seconds(size) for _ in range(2)) for size in (10_000, 160_000))
    assert large < 60 * max(small, 0.005)  # 16 times the length; its square would take 256 times as long


def test_asking_whether_a_piece_fits_is_rare() -> None:
    asked = 0

    def fits(piece: str) -> bool:
        nonlocal asked
        asked += len(piece)
        return len(piece) <= 2000

    text = "\n\n".join(" ".join(["The water rose again in the valley."] * 9) for _ in range(400))
    pieces = chunks(text, fits)
    assert len(pieces) > 50
    assert asked < 25 * len(text)
    assert all(len(before) + len(after) > 1200 for before, after in pairwise(pieces))
