"""Duplicates: what is the same is grouped, what differs is not, and it is fast."""

from __future__ import annotations

import random
import time

import pytest

from engine.corpus.duplicates import NEAR, duplicate_groups, normalised

BASE = "The dam above Selmor is leaking, people in the lower town should leave now"
DIFFERENT = (
    "Volunteers are cooking for four hundred people at the old station",
    "The dam above Lurino holds, engineers say there is no danger tonight",
    "Insulin is running out at the clinic on Orchard Street",
    "We lost the roof but everyone is alive, thank you for asking",
)


@pytest.mark.parametrize(
    "copy",
    [
        BASE.upper(),
        f"RT @desk: {BASE}",
        f"{BASE} https://t.co/a9",
        f"{BASE}!!! #Selmor",
        BASE.replace("leaking", "leaking badly"),
        BASE.replace("&", "&amp;"),
        BASE[:52] + "…",
        f"RT @a: {BASE[:48]} ...",
        BASE[:60] + " [+912 chars]",
    ],
)
def test_copies_are_one_group(copy: str) -> None:
    assert duplicate_groups([BASE, DIFFERENT[0], copy]) == [0, 1, 0]
    assert duplicate_groups([copy, DIFFERENT[0], BASE]) == [0, 1, 0]


def test_different_texts_stay_apart() -> None:
    assert duplicate_groups([BASE, *DIFFERENT]) == [0, 1, 2, 3, 4]


def test_texts_of_signs_only_are_the_same_only_if_identical() -> None:
    assert duplicate_groups(["😭😭", "🔥", "😭😭", ""]) == [0, 1, 0, 2]
    assert duplicate_groups([]) == []


def test_normalised() -> None:
    assert (
        normalised("RT @a: Fire &amp; SMOKE in #Sel_mor https://t.co/x") == "fire smoke in sel mor"
    )


def test_the_banding_misses_hardly_any_pair_above_the_threshold() -> None:
    """Against all pairs compared one by one, on texts edited at random."""
    rng = random.Random(3)
    words = [
        f"{a}{b}"
        for a in ("ka", "lo", "mi", "ru", "te")
        for b in ("son", "var", "dim", "pel", "gor")
    ]
    texts = []
    for _ in range(60):
        text = [rng.choice(words) for _ in range(14)]
        texts.append(" ".join(text))
        for _ in range(3):
            edited = list(text)
            for _ in range(rng.randint(0, 3)):
                edited[rng.randrange(len(edited))] = rng.choice(words)
            texts.append(" ".join(edited))
    shingles = [{t[i : i + 5] for i in range(len(t) - 4)} for t in texts]
    groups = duplicate_groups(texts)
    close = [
        (i, j)
        for i in range(len(texts))
        for j in range(i)
        if len(shingles[i] & shingles[j]) >= NEAR * len(shingles[i] | shingles[j])
    ]
    assert len(close) > 100
    together = sum(groups[i] == groups[j] for i, j in close)
    assert together >= 0.98 * len(close)
    assert len(set(groups)) > 50  # and not everything in one


def test_twenty_thousand_texts_are_quick() -> None:
    rng = random.Random(5)
    words = [
        "".join(rng.choices("abcdefghiklmnoprstuvw", k=rng.randint(2, 9))) for _ in range(4_000)
    ]
    texts = [" ".join(rng.choices(words, k=16)) for _ in range(10_000)]
    start = time.process_time()
    groups = duplicate_groups(texts + [f"RT @x: {text} #add" for text in texts])
    assert time.process_time() - start < 20  # about 3 s; the limit is for slow machines
    assert groups[:10_000] == groups[10_000:]
    assert len(set(groups)) == 10_000
