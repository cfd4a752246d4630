"""Groups texts that say the same: retweets, copies with another link, cut copies, small edits.

Exact after normalising; near by MinHash and banding (Broder 1997; Leskovec, Rajaraman & Ullman,
*Mining of Massive Datasets*, ch. 3), candidate pairs checked exactly; cut copies by sorted
prefixes. Groups are closed under chains (a ~ b ~ c is one group), so that no near-duplicate pair
that was found can fall into two parts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import rensa
from numpy.typing import NDArray

from engine.corpus.cleaning import (
    ADDRESS,
    CUT_ADDRESS,
    HANDLE,
    LINK_MARK,
    without_shared,
    without_tail,
)

# Texts are near-duplicates from this Jaccard similarity of character 5-grams, or of word pairs.
NEAR = 0.7
WIDTH = 5  # characters in a shingle
BANDS, ROWS = 25, 5  # a pair at 0.7 becomes a candidate with 1 - (1 - 0.7^5)^25 = 99 % probability
GLANCE = (
    0.5  # sketches that agree on less than this cannot be of texts at 0.7 (five standard errors)
)
SEED = 7
BLOCK = 20_000  # texts sketched at once, to bound memory
COMPARED = 12  # members of a bucket that a newcomer is compared with, at most
CUT_MARKED, CUT_UNMARKED = 20, 60  # characters a prefix needs, with and without a mark of being cut
QUOTES = "\"”'») "


def normalised(text: str) -> str:
    """A text as it is compared: no retweet prefix, links, account names, `#`, signs or case."""
    if "&" in text:
        text = html.unescape(html.unescape(text))
    text = ADDRESS.sub(" ", text.replace(LINK_MARK, " "))
    text = without_shared(without_tail(text))
    text = CUT_ADDRESS.sub(" ", text)
    text = HANDLE.sub(" ", text)
    return " ".join(re.sub(r"[^\w]+|_+", " ", text.casefold()).split())


def duplicate_groups(texts: Sequence[str]) -> list[int]:
    """The group of each text: numbers from 0 in order of first appearance.

    100,000 short texts took 14 s of one core, and well under 1 GB.
    """
    exact: dict[str, int] = {}
    unique: list[str] = []
    cut: list[bool] = []
    place: list[int] = []
    for text in texts:
        key = normalised(text)
        name = key or f"\0{text.strip()}"  # nothing but signs: the same only if identical
        if name not in exact:
            exact[name] = len(unique)
            unique.append(key)
            cut.append(False)
        index = exact[name]
        cut[index] = cut[index] or _was_cut(text)
        place.append(index)
    forest = _Forest(len(unique))
    _join_cut_copies(unique, cut, forest)
    _join_near(unique, forest)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(forest.root(index), len(numbers)) for index in place]


def _was_cut(text: str) -> bool:
    bare = ADDRESS.sub("", text).rstrip().rstrip(QUOTES)
    return without_tail(bare) != bare


class _Forest:
    """Union-find: which texts have been joined so far."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def root(self, i: int) -> int:
        parent = self.parent
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    def join(self, a: int, b: int) -> None:
        a, b = self.root(a), self.root(b)
        if a != b:
            self.parent[max(a, b)] = min(a, b)


def _join_cut_copies(unique: Sequence[str], cut: Sequence[bool], forest: _Forest) -> None:
    """In sorted order, all texts that continue a text stand directly behind it."""
    order = sorted(range(len(unique)), key=unique.__getitem__)
    beginnings: list[
        tuple[str, int]
    ] = []  # texts that the current one may continue, shortest first
    for i in order:
        text = unique[i]
        while beginnings and not text.startswith(beginnings[-1][0]):
            beginnings.pop()
        for _, beginning in beginnings:
            forest.join(beginning, i)
        stem = text
        if cut[i] and " " in text:
            stem = text.rsplit(" ", 1)[0]  # the last word may be half a word
            _join_continuations(stem, i, unique, order, forest)
        if len(text) >= (CUT_MARKED if cut[i] else CUT_UNMARKED):
            beginnings.append((text, i))


def _join_continuations(
    stem: str, i: int, unique: Sequence[str], order: Sequence[int], forest: _Forest
) -> None:
    """Join a cut text with the neighbours that share all but its last, perhaps halved, word."""
    if len(stem) < CUT_UNMARKED // 2:
        return
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        if unique[order[middle]] < stem:
            low = middle + 1
        else:
            high = middle
    for other in order[low : low + COMPARED]:
        if not unique[other].startswith(stem):
            break
        forest.join(i, other)


def _join_near(unique: Sequence[str], forest: _Forest) -> None:
    indices = [i for i, text in enumerate(unique) if len(text) >= WIDTH]
    if len(indices) < 2:
        return
    digests = np.concatenate(
        [
            _sketch([unique[i] for i in indices[start : start + BLOCK]])
            for start in range(0, len(indices), BLOCK)
        ]
    )

    compare = _Comparison(unique, dict(zip(indices, digests, strict=True)))
    for band in range(BANDS):
        rows = np.ascontiguousarray(digests[:, band * ROWS : (band + 1) * ROWS])
        for bucket in _buckets(rows):
            _join_bucket([indices[j] for j in bucket], compare, forest)


class _Comparison:
    """Exact similarity of two texts, after a glance at their sketches."""

    def __init__(self, unique: Sequence[str], digests: dict[int, NDArray[np.uint32]]) -> None:
        self.unique, self.digests = unique, digests
        self.shingles = lru_cache(maxsize=50_000)(self._shingles)

    def _shingles(self, i: int) -> frozenset[str]:
        text = self.unique[i]
        return frozenset([text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)])

    def _pairs(self, i: int) -> frozenset[tuple[str, str]]:
        words = self.unique[i].split()
        return frozenset(zip(words, words[1:], strict=False))

    def near(self, a: int, b: int) -> bool:
        """Whether the texts are near-duplicates."""
        if np.count_nonzero(self.digests[a] == self.digests[b]) < GLANCE * BANDS * ROWS:
            return False
        if _jaccard(self.shingles(a), self.shingles(b)) >= NEAR:
            return True
        pairs = self._pairs(a)
        return len(pairs) >= 4 and _jaccard(pairs, self._pairs(b)) >= NEAR


def _join_bucket(bucket: Sequence[int], compare: _Comparison, forest: _Forest) -> None:
    """Compare each member with one text of each group seen in the bucket, the latest first."""
    first = forest.root(bucket[0])
    if all(forest.root(i) == first for i in bucket):
        return
    seen: dict[int, int] = {}
    for i in bucket:
        if forest.root(i) in seen:
            continue
        joined = False
        for other in list(seen.values())[-COMPARED:]:
            if compare.near(i, other):
                forest.join(i, other)
                joined = True
        if joined:
            seen = {forest.root(member): member for member in seen.values()}
        else:
            seen[forest.root(i)] = i


def _jaccard(a: frozenset, b: frozenset) -> float:
    if not a or not b or min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return 0.0
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _buckets(rows: NDArray[np.unsignedinteger]) -> Iterator[list[int]]:
    """Positions of equal rows, where there are at least two."""
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    order = np.argsort(keys, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(rows)]
    positions = order.tolist()
    for k in np.flatnonzero(ends - starts > 1).tolist():
        yield positions[starts[k] : ends[k]]


def _sketch(texts: Sequence[str]) -> NDArray[np.uint32]:
    """MinHash digests, shape (texts, BANDS * ROWS), from hashed character shingles."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    hashed = np.zeros(len(codes) - WIDTH + 1, dtype=np.uint64)
    for k in range(WIDTH):  # polynomial over code points; wraps around on purpose
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + codes[k : len(codes) - WIDTH + 1 + k]
    hashed ^= hashed >> np.uint64(29)
    hashed *= np.uint64(0xBF58476D1CE4E5B9)
    within = np.ones(len(hashed), dtype=bool)  # shingles that do not reach into the next text
    for k in range(1, WIDTH):
        at = ends[:-1] - k
        within[at[at < len(hashed)]] = False
    counts = lengths - WIDTH + 1
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.uint64)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        hashed[within], offsets, BANDS * ROWS, SEED
    )
    return np.asarray(matrix.to_rows(), dtype=np.uint32)
