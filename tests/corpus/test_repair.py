"""Letters that were encoded twice: all mended, and correct text of many languages left alone."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.repair import looks_doubled, mend

ORDINARY = [
    "Inundación en Mérida: ¡ayuda! Ñandú, pingüino, 20 € y 30 £",
    "L’été dernier, où « ça » coûte 5 € à Noël… cœur, ÉVACUÉS À L’ÂGE",
    "São Tomé, AÇÃO, coração, JOÃO, às 10º",
    "Überschwemmung, Straße, Ärger – “so”",
    "جسر مكسور في حلب، نحتاج ماء ٢٠",
    "बाढ़ में फंसे लोग",
    "İstanbul'da sel, yardım çağrısı ığşçöü",
    "Привет, нужна помощь №5",
    "洪水です 🌊👩‍👩‍👧 ok ❤️",
    "Tiếng Việt: lũ lụt ở Quảng Nam",
    "5°C, ±2, 3 × 4, ½, §7, ©, ®, ™ — fine",
    "&amp;eacute; “quotes” ﬁ ＡＢ　x",
]
WORDS = st.text(
    st.sampled_from("abcdeghilmnoprstuvàâçéèêëîïôùûüñáíóúãõäöß") | st.sampled_from("ابتثجحخدرسعفقكلمنهوي"),
    min_size=2,
    max_size=8,
)
MARKS = st.sampled_from([" ", ", ", " – ", "… ", "’", " « ", " » ", " “", "” ", " 20 € ", " 🌊 ", "، ", "\n"])
SENTENCES = st.lists(st.tuples(WORDS | WORDS.map(str.capitalize), MARKS), max_size=8).map(
    lambda pairs: "".join(word + mark for word, mark in pairs)
)


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("CafÃ©", "Café"),
        ("donâ€™t", "don’t"),
        ("InundaciÃ³n en MÃ©rida", "Inundación en Mérida"),
        ("NiÃ±o", "Niño"),
        ("help ðŸŒŠ", "help 🌊"),
        ("Â£30 million", "£30 million"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("godâ\x80\x99s", "god’s"),
        ("Italy\x92s toll", "Italy’s toll"),
        ("CafÃ\x83Â©", "Café"),  # three times over
    ],
)
def test_letters_encoded_twice_are_mended(broken: str, whole: str) -> None:
    assert mend(broken) == whole
    assert mend(whole) == whole


@pytest.mark.parametrize("text", ["سلام عليكم", "बाढ़", "洪水です", "Zażółć gęślą jaźń", "Größe"])
def test_a_real_round_through_the_wrong_encoding_is_undone(text: str) -> None:
    assert mend(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert mend(text) == text


@settings(deadline=None)
@given(SENTENCES)
def test_words_of_real_letters_stay(text: str) -> None:
    assert mend(text) == text


@settings(deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_at_all_is_taken(text: str) -> None:
    assert isinstance(mend(text), str)


@pytest.mark.parametrize("text", ["\x89ÛÒ fire", "we\x89Ûªre here", "Caf� closed"])
def test_what_lost_letters_on_the_way_is_left_alone(text: str) -> None:
    assert mend(text) == text


def test_only_letters_are_touched() -> None:
    assert mend("“CafÃ©” &amp; ﬁ ＡＢ 'x'\r\n") == "“Café” &amp; ﬁ ＡＢ 'x'\r\n"


def test_a_sample_says_how_many_and_shows_three() -> None:
    texts = [f"{'a ' * 200}CafÃ© {i} {'b ' * 200}" for i in range(5)] + ["fine"] * 5
    told = looks_doubled(texts)
    assert told is not None
    assert (told.sampled, told.changed, len(told.examples)) == (10, 5, 3)
    for before, after in told.examples:
        assert "CafÃ©" in before and "Café" in after and "Ã" not in after
        assert len(before) <= 202 and before.startswith("…") and before.endswith("…")
    assert looks_doubled(["fine", "été", ""]) is None
    assert looks_doubled([]) is None


def test_the_same_example_is_shown_once() -> None:
    told = looks_doubled(["CafÃ©"] * 9)
    assert told is not None and told.changed == 9 and told.examples == (("CafÃ©", "Café"),)


def test_sampling_two_thousand_texts_costs_little() -> None:
    texts = [f"{i} {ORDINARY[i % len(ORDINARY)]} {'word ' * 20}" for i in range(2000)]
    looks_doubled(texts[:10])  # the first call loads the library
    start = time.process_time()
    assert looks_doubled(texts) is None
    assert time.process_time() - start < 0.5  # measured: about 10 ms


def test_real_posts_are_left_alone_but_for_the_few_that_are_broken(shared_data: Path) -> None:
    path = next((shared_data / "crisislex_t26").glob("2012_Guatemala*.csv"))
    with open(path, encoding="utf-8", newline="", errors="replace") as table:
        texts = [cell for row in csv.reader(table) for cell in row]
    assert sum(not text.isascii() for text in texts) > 100
    told = looks_doubled(texts)
    assert told is None or told.changed < 10
