"""The bag of words that always stands beside the student: TF-IDF and a linear SVM.

It is what an analyst could have instead, so it is made as strong as it honestly can be: words,
pieces of words or both, and the SVM's C, are chosen by cross-validation with balanced classes. It
learns from the large model's labels, like the student. Does not: see gold, know word order beyond
two words, give probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from engine.metrics.checking import label_indices
from engine.metrics.scores import macro_f1

Kind = Literal["word", "char", "both", "constant"]
Indices = NDArray[np.integer]

PARTS: dict[Kind, tuple[str, ...]] = {
    "word": ("word",), "char": ("char",), "both": ("word", "char"),
}
IN_WORDS: dict[Kind, str] = {
    "word": "words and word pairs", "char": "pieces of words (2–5 letters)",
    "both": "words and pieces of words",
}
ANALYSERS: dict[str, dict[str, object]] = {
    "word": {"analyzer": "word", "ngram_range": (1, 2)},
    "char": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}
USUAL: tuple[Kind, float] = ("both", 1.0)  # where nothing can be compared

# Time follows characters, not documents. Up to SMALL (some 1,400 posts) the whole grid is tried.
SMALL = 200_000
SEARCHED, SEARCHED_AT_LEAST = 800_000, 100  # characters; documents, however long
FULL_GRID, FULL_FOLDS = (0.1, 0.3, 1.0, 3.0, 10.0), 5
SHORT_GRID, SHORT_FOLDS = (0.1, 0.3, 1.0), 3


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A fitted bag of words; of kind "constant" it gives the one label there was to learn.

    c         the SVM's C (None for "constant")
    cv_score  macro-F1 against the large model's labels on documents left out in turn; its n is
              `searched`. The best of a grid, so slightly flattering. None if nothing was compared.
    n         documents it was fitted on
    """

    kind: Kind
    c: float | None
    because: str
    cv_score: float | None
    n: int
    searched: int
    _model: Pipeline | int = field(repr=False)

    def predict(self, texts: Sequence[str]) -> Indices:
        """A label index for each text, shape (texts,)."""
        if isinstance(self._model, int) or not len(texts):
            return np.full(len(texts), self._model if isinstance(self._model, int) else 0, np.int64)
        return self._model.predict(texts)


def fit_baseline(
    texts: Sequence[str], labels: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0
) -> Baseline:
    """Choose and fit the bag of words on the large model's `labels`, never on gold.

    labels  (texts,) label indices; not every label need occur
    groups  (texts,) names of near-duplicate groups: never split between learning and checking,
            else the search would reward learning copies by heart

    Deterministic for a seed. Above `SMALL` characters the grid is short, has fewer folds, and drops
    pieces seen in one document only; above `SEARCHED` it is searched on a random sample and then
    fitted on everything. Raises ValueError if texts, labels and groups do not match.
    """
    chosen_by = label_indices(labels)
    names = np.arange(len(texts)) if groups is None else np.asarray(groups)
    if not len(texts) == len(chosen_by) == len(names):
        raise ValueError(f"{len(texts)} texts, {len(chosen_by)} labels, {len(names)} groups")
    n, sizes = len(texts), np.array([len(text) for text in texts])
    if len(np.unique(chosen_by)) == 1:
        return _constant(chosen_by, "The large model gave every document the same label.")

    small = bool(sizes.sum() <= SMALL)
    rows = _sample(sizes, seed)
    sample = [texts[i] for i in rows]
    min_df = 1 if small else 2
    counts = {part: table for part in ANALYSERS
              if (table := _count(part, sample, min_df)) is not None}
    kinds = [kind for kind, parts in PARTS.items() if all(part in counts for part in parts)]
    if not kinds:
        return _constant(chosen_by, "The documents hold no words: the most common label is given.")

    folds = list(_folds(chosen_by[rows], names[rows], FULL_FOLDS if small else SHORT_FOLDS, seed))
    grid = FULL_GRID if small else SHORT_GRID
    scores = _search(counts, kinds, chosen_by[rows], folds, grid, min_df)
    if scores:
        kind, c = max(scores, key=lambda key: scores[key])  # of equals the first, the simplest
        because = _reason(scores, kind, c, len(folds), len(rows), n, groups is not None)
    else:
        kind, c = USUAL if USUAL[0] in kinds else (kinds[0], USUAL[1])
        because = (f"Reads {IN_WORDS[kind]}, C = {c:g}: the usual setting, since {n} documents "
                   "without two independent groups cannot be split to compare settings.")
    features = FeatureUnion([
        (part, TfidfVectorizer(sublinear_tf=True, min_df=min_df, **ANALYSERS[part]))
        for part in PARTS[kind]
    ])
    svm = _fit_svm(features.fit_transform(texts), chosen_by, c)
    model = Pipeline([("features", features), ("svm", svm)])
    return Baseline(kind, c, because, scores.get((kind, c)), n, len(rows) if scores else 0, model)


def _constant(labels: Indices, because: str) -> Baseline:
    most_common = int(np.bincount(labels).argmax())
    return Baseline("constant", None, because, None, len(labels), 0, most_common)


def _fit_svm(features: csr_matrix, labels: Indices, c: float) -> LinearSVC:
    # Both solvers find the same plane. The dual one is two to three times faster, but the passes it
    # needs grow with C, to a thousand on contradicting copies at C = 10; the primal one needs tens.
    svm = LinearSVC(C=c, class_weight="balanced", dual=c <= 1.0, tol=1e-3, max_iter=10_000,
                    random_state=0)
    # The primal solver's many short vector sums are not worth sharing: on a busy machine threads
    # that wait for each other made it ten times slower.
    with threadpool_limits(1, user_api="blas"):
        return svm.fit(features, labels)


def _sample(sizes: Indices, seed: int) -> Indices:
    """Rows to search on: all, or the random ones that `SEARCHED` characters allow; in order."""
    if sizes.sum() <= SEARCHED:
        return np.arange(len(sizes))
    order = np.random.default_rng(seed).permutation(len(sizes))
    allowed = int((np.cumsum(sizes[order]) <= SEARCHED).sum())
    return np.sort(order[:max(allowed, SEARCHED_AT_LEAST)])


def _count(part: str, texts: Sequence[str], min_df: int) -> csr_matrix | None:
    """Counts of each word or piece, once for all folds; None if there is nothing to count."""
    counter = CountVectorizer(**ANALYSERS[part])
    analyse = counter.build_analyzer()
    if not any(analyse(text) for text in texts):
        return None
    counts = counter.fit_transform(texts).tocsr()
    return counts if _common(counts, min_df).any() else None


def _common(counts: csr_matrix, min_df: int) -> NDArray[np.bool_]:
    return np.bincount(counts.indices, minlength=counts.shape[1]) >= min_df


def _folds(
    labels: Indices, groups: NDArray, wanted: int, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    """(learn, check) rows of each fold: labels spread evenly, groups whole. None: one group."""
    n_groups = len(np.unique(groups))
    n_folds = min(wanted, n_groups)
    if n_folds < 2:
        return
    alone = n_groups == len(groups)
    splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(
        n_folds, shuffle=True, random_state=seed)
    strata = _strata(labels, n_folds)
    for learn, check in splitter.split(labels, strata, None if alone else groups):
        if len(learn) and len(check):  # a few large groups can leave a fold empty
            yield learn, check


def _strata(labels: Indices, n_folds: int) -> Indices:
    """Labels, for spreading only: one with fewer documents than folds joins the smallest enough."""
    counts = np.bincount(labels)
    enough = np.flatnonzero(counts >= n_folds)
    if not len(enough):
        return np.zeros_like(labels)
    home = enough[counts[enough].argmin()]
    return np.where(counts[labels] >= n_folds, labels, home)


def _search(
    counts: dict[str, csr_matrix], kinds: Sequence[Kind], labels: Indices,
    folds: Sequence[tuple[Indices, Indices]], grid: Sequence[float], min_df: int,
) -> dict[tuple[Kind, float], float]:
    """Macro-F1 of each (kind, C) over all left-out documents together; empty without folds.

    Pooled rather than averaged over folds: a rare label may be missing from a fold.
    """
    if not folds:
        return {}
    answers = {(kind, c): np.full(len(labels), -1) for kind in kinds for c in grid}
    for learn, check in folds:
        tables = {part: _weighted(table, learn, check, min_df) for part, table in counts.items()}
        for kind in kinds:
            seen, unseen = (hstack([tables[part][side] for part in PARTS[kind]], format="csr")
                            for side in (0, 1))
            for c in grid:
                answers[kind, c][check] = _fit_predict(seen, labels[learn], unseen, c)
    checked = np.concatenate([check for _, check in folds])
    n_labels = int(labels.max()) + 1
    return {key: macro_f1(labels[checked], guess[checked], n_labels)
            for key, guess in answers.items()}


def _weighted(
    counts: csr_matrix, learn: Indices, check: Indices, min_df: int
) -> tuple[csr_matrix, csr_matrix]:
    """TF-IDF of both sides, as if only the `learn` rows had ever been seen."""
    seen = counts[learn]
    kept = _common(seen, min_df)
    seen, unseen = seen[:, kept], counts[check][:, kept]
    if not kept.any():
        return seen.astype(float), unseen.astype(float)
    weights = TfidfTransformer(sublinear_tf=True).fit(seen)
    return weights.transform(seen), weights.transform(unseen)


def _fit_predict(seen: csr_matrix, labels: Indices, unseen: csr_matrix, c: float) -> Indices:
    if seen.shape[1] == 0 or len(np.unique(labels)) == 1:
        return np.full(unseen.shape[0], np.bincount(labels).argmax())
    return _fit_svm(seen, labels, c).predict(unseen)


def _reason(
    scores: dict[tuple[Kind, float], float], kind: Kind, c: float,
    n_folds: int, searched: int, n: int, grouped: bool,
) -> str:
    best = {k: max(score for (other, _), score in scores.items() if other == k)
            for k in dict.fromkeys(k for k, _ in scores)}
    compared = "; ".join(f"{IN_WORDS[k]} {score:.2f}" for k, score in best.items())
    of = f"{searched} documents" if searched == n else f"a random {searched} of {n} documents"
    together = ", near-duplicates kept together" if grouped else ""
    return (f"Reads {IN_WORDS[kind]}, C = {c:g}: best of {len(scores)} settings by macro-F1 "
            f"against the large model's labels, each document checked by a fit that had not seen "
            f"it ({n_folds} folds, {of}{together}). Best of each kind: {compared}.")
