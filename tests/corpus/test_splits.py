"""Parts: deterministic, near the shares, groups whole, never empty."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.splits import FEWEST_DOCUMENTS, split
from engine.errors import InputError, SettingsError
from engine.records import PARTS, Corpus, Document, Parts


def a_corpus(*sizes: int) -> Corpus:
    documents = [
        Document(f"{g}-{k}", f"text {g} {k}", f"text {g} {k}", f"group-{g}")
        for g, size in enumerate(sizes)
        for k in range(size)
    ]
    return Corpus("test", tuple(documents))


def sizes_of(parts: Parts) -> tuple[int, ...]:
    return tuple(len(parts.named(part)) for part in PARTS)


def test_shares_seed_and_order() -> None:
    corpus = a_corpus(*[1] * 200)
    first, again, other = split(corpus, seed=1), split(corpus, seed=1), split(corpus, seed=2)
    assert first == again != other
    assert sizes_of(first) == (130, 30, 40)
    assert list(first.learn) == sorted(first.learn)


def test_the_same_documents_in_another_order_keep_their_parts() -> None:
    corpus = a_corpus(*[1] * 80)
    turned = Corpus("test", corpus.documents[::-1])
    kept = {corpus.documents[i].id for i in split(corpus, seed=4).kept_aside}
    assert kept == {turned.documents[i].id for i in split(turned, seed=4).kept_aside}


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=60).filter(lambda s: sum(s) >= FEWEST_DOCUMENTS),
    seed=st.integers(0, 9),
)
def test_groups_stay_whole_and_nothing_is_lost(sizes: list[int], seed: int) -> None:
    corpus = a_corpus(*sizes)
    parts = split(corpus, seed=seed)
    assert sorted(parts.learn + parts.steer + parts.kept_aside) == list(range(len(corpus)))
    assert min(sizes_of(parts)) > 0
    groups = [{corpus.documents[i].group for i in parts.named(part)} for part in PARTS]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    for found, share in zip(groups, (0.65, 0.15, 0.20), strict=True):
        assert abs(len(found) - share * len(sizes)) <= 2


def test_what_is_forwarded_often_fills_no_part() -> None:
    parts = split(a_corpus(120, 110, 100, 90, 80, 60, 50, 40, 30, 20, *[1] * 300), seed=0)
    corpus = a_corpus(120, 110, 100, 90, 80, 60, 50, 40, 30, 20, *[1] * 300)
    texts = [len({corpus.documents[i].group for i in parts.named(part)}) for part in PARTS]
    assert texts == [202, 46, 62]  # 310 different ones
    assert len(parts.steer) == 46 and len(parts.kept_aside) == 62  # copies are in *learn*


def test_every_piece_of_a_long_document_counts() -> None:
    long = tuple(Document(f"a/{k}", f"piece {k}", f"piece {k}", "a", parent="a") for k in range(30))
    short = tuple(Document(f"s{k}", f"text {k}", f"text {k}", f"s{k}") for k in range(70))
    parts = split(Corpus("test", (*long, *short)), seed=0)
    assert sizes_of(parts) == (65, 15, 20) and set(range(30)) <= set(parts.learn)


def test_too_little_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="too few"):
        split(a_corpus(*[1] * (FEWEST_DOCUMENTS - 1)), seed=0)
    with pytest.raises(InputError, match="only 2 different texts"):
        split(a_corpus(40, 40), seed=0)
    with pytest.raises(SettingsError):
        split(a_corpus(*[1] * 30), seed=0, shares=(0.8, 0.2, 0.0))
