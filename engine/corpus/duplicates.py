"""Groups texts that say the same: retweets, copies with another link, cut copies, small edits.

Exact after normalising; near by MinHash and banding (Broder 1997; Leskovec, Rajaraman & Ullman,
*Mining of Massive Datasets*, ch. 3), candidate pairs checked exactly; cut copies by sorted
prefixes. Groups are closed under chains (a ~ b ~ c is one group), so that no near-duplicate pair
that was found can fall into two parts.
"""

from __future__ import annotations

import html
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

import numpy as np
import rensa
from numpy.typing import NDArray

from engine.corpus.cleaning import without_shared, without_tail
from engine.corpus.patterns import ADDRESS, CUT_ADDRESS, HANDLE, LINK_MARK
from engine.progress import Counted

# Texts are near-duplicates from this Jaccard similarity of character 5-grams, or of word pairs.
NEAR = 0.7
WIDTH = 5  # characters in a shingle
BANDS, ROWS = 25, 5  # a pair at 0.7 becomes a candidate with 1 - (1 - 0.7^5)^25 = 99 % probability
GLANCE = (
    0.5  # sketches that agree on less than this cannot be of texts at 0.7 (five standard errors)
)
SEED = 7
BLOCK = 20_000  # texts sketched at once, to bound memory
WORDS = re.compile(r"[^\W_]+")
HELD = 4_000  # texts whose shingles are held for comparing, some 12 KB each
COMPARED = 12  # members of a bucket that a newcomer is compared with, at most
CUT_MARKED, CUT_UNMARKED = 20, 60  # characters a prefix needs, with and without a mark of being cut
QUOTES = "\"”'») "


def normalised(text: str) -> str:
    """A text as it is compared: no retweet prefix, links, account names, `#`, signs or case."""
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "/" in text or "www" in text.lower() or LINK_MARK in text:
        text = ADDRESS.sub(" ", text.replace(LINK_MARK, " "))
    text = without_shared(without_tail(text))
    if "…" in text or "ht" in text[-12:].lower():
        text = CUT_ADDRESS.sub(" ", text)
    if "@" in text or "＠" in text:
        text = HANDLE.sub(" ", text)
    return " ".join(WORDS.findall(text.casefold()))


class DuplicateFinder:
    """Takes texts one after the other, then tells which say the same.

    Holds each different text once, normalised: about 0.6 GB for a million short ones.
    """

    def __init__(self) -> None:
        self._exact: dict[str, int] = {}
        self._unique: list[str] = []
        self._signs: dict[int, str] = {}  # texts that are nothing but signs
        self._cut = bytearray()
        self._place = array("l")

    def __len__(self) -> int:
        return len(self._place)

    def keep(self, count: int) -> None:
        """Forget all texts but the first `count`."""
        del self._place[count:]

    def add(self, text: str) -> None:
        """One more text."""
        key = normalised(text)
        name = key or f"\0{text.strip()}"  # nothing but signs: the same only if identical
        index = self._exact.setdefault(name, len(self._unique))
        if index == len(self._unique):
            self._unique.append(key)
            self._cut.append(0)
            if not key:
                self._signs[index] = text
        if not self._cut[index] and _was_cut(text):
            self._cut[index] = 1
        self._place.append(index)

    def normalised_text(self, place: int) -> str:
        """What was compared of the text added at that place; never empty."""
        index = self._place[place]
        return self._unique[index] or self._signs[index]

    def groups(self, on_progress: Counted | None = None) -> NDArray[np.int64]:
        """The group of each text: numbers from 0 in order of first appearance, shape (texts,)."""
        self._exact.clear()
        forest = _Forest(len(self._unique))
        _join_cut_copies(self._unique, self._cut, forest)
        _join_near(self._unique, forest, on_progress or (lambda _done, _total: None))
        numbers: dict[int, int] = {}
        return np.fromiter((numbers.setdefault(forest.root(index), len(numbers)) for index in self._place),
                           np.int64, len(self._place))


def duplicate_groups(texts: Iterable[str]) -> list[int]:
    """The group of each text: numbers from 0 in order of first appearance."""
    finder = DuplicateFinder()
    for text in texts:
        finder.add(text)
    return finder.groups().tolist()


def _was_cut(text: str) -> bool:
    if not any(mark in text for mark in ("…", "...", "]", "ore", "ORE")):
        return False  # none of the marks of a cut text can be there
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


def _join_cut_copies(unique: Sequence[str], cut: Sequence[int], forest: _Forest) -> None:
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


def _join_near(unique: Sequence[str], forest: _Forest, on_progress: Counted) -> None:
    indices = [i for i, text in enumerate(unique) if len(text) >= WIDTH]
    if len(indices) < 2:
        return
    steps = BANDS + -(-len(indices) // BLOCK)
    # Kept of each sketch: one number for each band, to find candidates; half of each value, for a glance.
    keys = np.empty((BANDS, len(indices)), np.uint32)
    glances = np.empty((len(indices), BANDS * ROWS), np.uint8)
    for done, start in enumerate(range(0, len(indices), BLOCK)):
        digests = _sketch([unique[i] for i in indices[start : start + BLOCK]])
        keys[:, start : start + BLOCK] = _band_keys(digests)
        glances[start : start + BLOCK] = digests & 0xFF
        on_progress(done, steps)
    compare = _Comparison(unique, indices, glances)
    for band in range(BANDS):
        on_progress(steps - BANDS + band, steps)
        for bucket in _buckets(keys[band]):
            _join_bucket(bucket, compare, forest)


def _band_keys(digests: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """One number for each band of each sketch, shape (BANDS, texts); equal bands give equal numbers."""
    keys = np.zeros((len(digests), BANDS), np.uint64)
    bands = digests.reshape(len(digests), BANDS, ROWS).astype(np.uint64)
    for row in range(ROWS):
        keys = (keys ^ bands[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)  # wraps around on purpose
    return (keys >> np.uint64(32)).astype(np.uint32).T


class _Comparison:
    """Exact similarity of two texts (by position in the sketches), after a glance at their sketches."""

    def __init__(self, unique: Sequence[str], indices: Sequence[int], glances: NDArray[np.uint8]) -> None:
        self.unique, self.indices, self.glances = unique, indices, glances
        self.shingles = lru_cache(maxsize=HELD)(self._shingles)

    def _shingles(self, i: int) -> frozenset[str]:
        text = self.unique[i]
        return frozenset([text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)])

    def _pairs(self, i: int) -> frozenset[tuple[str, str]]:
        words = self.unique[i].split()
        return frozenset(zip(words, words[1:], strict=False))

    def near(self, a: int, b: int) -> bool:
        """Whether the texts are near-duplicates."""
        if np.count_nonzero(self.glances[a] == self.glances[b]) < GLANCE * BANDS * ROWS:
            return False
        a, b = self.indices[a], self.indices[b]
        if _jaccard(self.shingles(a), self.shingles(b)) >= NEAR:
            return True
        pairs = self._pairs(a)
        return len(pairs) >= 4 and _jaccard(pairs, self._pairs(b)) >= NEAR


def _join_bucket(bucket: Sequence[int], compare: _Comparison, forest: _Forest) -> None:
    """Compare each member with one text of each group seen in the bucket, the latest first."""
    index = compare.indices
    first = forest.root(index[bucket[0]])
    if all(forest.root(index[i]) == first for i in bucket):
        return
    seen: dict[int, int] = {}
    for i in bucket:
        if forest.root(index[i]) in seen:
            continue
        joined = False
        for other in list(islice(reversed(seen.values()), COMPARED)):
            if compare.near(i, other):
                forest.join(index[i], index[other])
                joined = True
        if joined:
            seen = {forest.root(index[member]): member for member in seen.values()}
        else:
            seen[forest.root(index[i])] = i


def _jaccard(a: frozenset, b: frozenset) -> float:
    if not a or not b or min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return 0.0
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _buckets(keys: NDArray[np.uint32]) -> Iterator[list[int]]:
    """Positions of equal numbers, where there are at least two."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(keys)]
    many = np.flatnonzero(ends - starts > 1)
    for start, end in zip(starts[many].tolist(), ends[many].tolist(), strict=True):
        yield order[start:end].tolist()


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
