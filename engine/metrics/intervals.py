"""How far a number could be off: intervals by resampling documents, and by paired seeds.

Does not: correct for looking at many numbers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_FINITE = 0.5  # with fewer resamples than this that give a number, there is no interval


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its interval and its n. `low` and `high` are NaN where there is none to give.

    `n` counts documents (or paired seeds); `groups` the independent units among them, if grouped.
    """

    value: float
    low: float
    high: float
    n: int
    level: float = 0.95
    groups: int | None = None

    def as_json(self) -> dict[str, float | int | None]:
        """Plain values; NaN, which JSON lacks, as None."""
        return {key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in asdict(self).items()}


def bootstrap_interval(
    statistic: Callable[..., float],
    arrays: Sequence[ArrayLike],
    *,
    groups: ArrayLike | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap of `statistic(*arrays)` over documents, or over whole groups of them.

    arrays     each (documents, ...): rows are resampled together
    groups     (documents,) names, e.g. near-duplicates or chunks of one document. Whole groups are
               then drawn (cluster bootstrap): documents that repeat each other are not independent,
               and counting them so makes intervals too narrow. Below some 20 groups it is rough.

    Resamples without a value (NaN: say no actionable document was drawn) are left out; if more than
    half have none, or there is one unit only, `low` and `high` are NaN. The interval is widened to
    hold `value` where resampling is skewed. It cannot see what never happened: 20 of 20 right gives
    1..1. Same seed, same interval.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13; for groups:
    Davison and Hinkley, "Bootstrap Methods and their Application" (1997), ch. 3.8.
    """
    columns = [np.asarray(array) for array in arrays]
    n = _common_length(columns)
    value = float(statistic(*columns))
    codes = None if groups is None else _codes(groups, n)
    units = n if codes is None else int(codes.max()) + 1
    n_groups = None if codes is None else units
    if units > 1 and not math.isnan(value):
        draws = np.array([statistic(*(column[rows] for column in columns))
                          for rows in _resamples(n, codes, n_resamples, seed)], dtype=np.float64)
        finite = draws[np.isfinite(draws)]
        if finite.size > FEWEST_FINITE * n_resamples:
            tail = (1.0 - level) / 2.0
            low, high = np.quantile(finite, [tail, 1.0 - tail])
            low, high = min(float(low), value), max(float(high), value)
            return Interval(value, low, high, n, level, n_groups)
    return Interval(value, float("nan"), float("nan"), n, level, n_groups)


def paired_difference(
    statistic: Callable[[NDArray, NDArray], float],
    a: ArrayLike,
    b: ArrayLike,
    gold: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """`statistic(gold, a) - statistic(gold, b)` with its bootstrap interval; > 0: `a` is better.

    Both models are scored on the same resample each time (paired), so that what is hard for both
    cancels out. Other arguments as in `bootstrap_interval`. Source: Berg-Kirkpatrick, Burkett and
    Klein, "An empirical investigation of statistical significance in NLP" (EMNLP 2012).
    """
    return bootstrap_interval(lambda truth, x, y: statistic(truth, x) - statistic(truth, y),
                              (gold, a, b), groups=groups, n_resamples=n_resamples, seed=seed,
                              level=level)


def paired_t_interval(differences: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean of a few paired differences (one a seed) with Student's t interval; `n` counts pairs.

    Shape: (pairs,), at least two, else ValueError. Five seeds of one corpus share their documents:
    the interval speaks of the seeds, not of other corpora.
    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    from scipy.special import stdtrit  # half a second to import, and only benchmarks come here

    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"two or more finite differences are needed, got {values!r}")
    n, mean = values.size, float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n)
    reach = float(stdtrit(n - 1, (1.0 + level) / 2.0)) * error
    return Interval(mean, mean - reach, mean + reach, n, level)


def paired_standard_error(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """Standard error of share(a) - share(b) on the same documents; what a phase may lose by chance.

    Shapes: (documents,) booleans. Only documents on which the two differ count: with b right in one
    way and c in the other of n, √(b + c - (b - c)²/n) / n (McNemar's variance).

    Half a document is added to each of the four cells before. Without that, losing *one* document
    with nothing else changed is always more than the error (√(1 - 1/n)/n < 1/n), and with no change
    at all the error is 0: a gate would roll back on a coin toss. Source: Agresti and Min, "Simple
    improved confidence intervals for comparing matched proportions", Stat. Med. 24 (2005).
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(f"the same documents are needed, at least one: {a.shape}, {b.shape}")
    only_a, only_b = float((a & ~b).sum()) + 0.5, float((b & ~a).sum()) + 0.5
    n = a.size + 2
    return math.sqrt(only_a + only_b - (only_a - only_b) ** 2 / n) / n


def paired_mean_error(a: ArrayLike, b: ArrayLike) -> float:
    """Standard error of mean(a) - mean(b) over the same documents, where each has a share, not a yes or no.

    Shapes: (documents,), values 0..1; at least two, else ValueError.
    """
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    if differences.ndim != 1 or differences.size < 2:
        raise ValueError(f"two or more documents are needed, got shape {differences.shape}")
    return float(differences.std(ddof=1)) / math.sqrt(differences.size)


def _common_length(columns: Sequence[NDArray]) -> int:
    lengths = {column.shape[0] for column in columns if column.ndim}
    if len(lengths) != 1 or 0 in lengths or any(not column.ndim for column in columns):
        raise ValueError(f"arrays must hold the same documents, at least one: "
                         f"{[column.shape for column in columns]}")
    return lengths.pop()


def _codes(groups: ArrayLike, n: int) -> NDArray[np.intp]:
    names = np.asarray(groups)
    if names.shape != (n,):
        raise ValueError(f"one group per document is needed: {names.shape} for {n}")
    return np.unique(names, return_inverse=True)[1]


def _resamples(
    n: int, codes: NDArray[np.intp] | None, n_resamples: int, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Row indices of each resample; one at a time, so that memory stays flat for large corpora."""
    rng = np.random.default_rng(seed)
    if codes is None:
        for _ in range(n_resamples):
            yield rng.integers(n, size=n)
        return
    rows = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    for _ in range(n_resamples):
        drawn = rng.integers(sizes.size, size=sizes.size)
        lengths = sizes[drawn]
        ends = np.cumsum(lengths)
        # position inside its group, added to where the group starts: no loop over groups
        yield rows[np.arange(ends[-1]) + np.repeat(starts[drawn] - (ends - lengths), lengths)]
