"""The information gain KL(w), in nats, extrapolated over groups of documents.

The plug-in estimate is too high, the more so the less text there is. How much it falls from halves
of the documents to all of them tells how much is left to fall (Strong et al. 1998), and knows that
words of a document are no independent draws, as the expectation under shuffling does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.linalg import hadamard
from scipy.stats import norm

from common.information.plug_in import independent_information_gain
from common.threads import on_threads
from common.tokens.pair_counts import GROUP_COLUMNS, GROUPS

SPLITS = hadamard(GROUPS)[1:] > 0
"""Which groups are in the first half, of each way to halve them; the ways are orthogonal."""
MEMBERS = np.concatenate([np.ones((1, GROUPS)), SPLITS, ~SPLITS])
"""Which groups are in each part: all of them, the first halves, the second halves."""
STEP = 1.5
"""What is left to fall, over the fall from halves to the whole. A bias in proportion to n^-0.74 has
1.5, one in proportion to 1/n has 1; real text and the generated language choose it."""
BLOCK = 2**17
"""Rows of a table at a time."""
NEIGHBOURS = 25
"""Words of like frequency on either side of a word, which share their variance."""


@dataclass(frozen=True)
class Estimate:
    """KL(w) of every type, nats: mean and ends of the interval; NaN where it is unknown."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def group_totals(tables: Iterable[pl.DataFrame], types: int) -> np.ndarray:
    """Pairs of each type in each group, (types, GROUPS), from parts of a PAIR_COUNTS table."""

    def counts(block: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return sums_of_rows(block, block.select(GROUP_COLUMNS).to_numpy().astype(float))

    return add_up(counts, tables, (types, GROUPS))


def gains_of_parts(tables: Iterable[pl.DataFrame], totals: np.ndarray) -> np.ndarray:
    """Plug-in KL(w) in each of the `MEMBERS`, (types, parts); NaN where a part lacks the type.

    Parameters
    ----------
    tables
        Parts of a PAIR_COUNTS table.
    totals
        As of `group_totals`.
    """
    rows = totals @ MEMBERS.T
    log_rows = np.log(np.maximum(rows, 1))
    log_marginal = log_rows - np.log(np.maximum(rows.sum(axis=0), 1))

    def terms(block: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        cells = block.select(GROUP_COLUMNS).to_numpy() @ MEMBERS.T
        logs = np.log(np.maximum(cells, 1))
        logs -= log_marginal[block["other_id"].to_numpy()]
        return sums_of_rows(block, np.multiply(cells, logs, out=cells))

    gains = add_up(terms, tables, rows.shape)
    return np.where(rows > 0, np.maximum(gains / np.maximum(rows, 1) - log_rows, 0), np.nan)


def add_up(
    compute: Callable[[pl.DataFrame], tuple[np.ndarray, np.ndarray]],
    tables: Iterable[pl.DataFrame],
    shape: tuple[int, ...],
) -> np.ndarray:
    """Sum, of this shape, of what is computed of blocks of a table: rows, and what they get."""
    sums = np.zeros(shape)
    blocks = (block for table in tables for block in table.iter_slices(BLOCK))
    for rows, values in on_threads(compute, blocks):
        sums[rows] += values
    return sums


def sums_of_rows(block: pl.DataFrame, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Types whose rows are in a block, and the sums of `values`, (cells, columns), of each."""
    row = block["token_id"].to_numpy()
    begins = np.flatnonzero(np.diff(row, prepend=-1))
    return row[begins], np.add.reduceat(values, begins, axis=0)


def extrapolated_information_gain(
    gains: np.ndarray, totals: np.ndarray, confidence: float = 0.95
) -> Estimate:
    """KL(w) and a confidence interval: `extrapolate` of what `independent_information_gain` leaves.

    The interval takes the variance of words of like frequency, and the square of what is
    extrapolated, because how the estimate goes on to fall is an assumption.

    Parameters
    ----------
    gains, totals
        As of `gains_of_parts` and `group_totals`.
    confidence
        Probability of the interval.
    """
    pairs = totals @ MEMBERS.T
    mean, fall, variance = extrapolate(gains - independent_information_gain(pairs), pairs)
    variance = by_frequency(pairs[:, 0], variance)
    return with_interval(mean, variance + (STEP * fall) ** 2, confidence)


def extrapolate(values: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a biased estimate would be on endless text, its fall, and its variance, each (types,).

    The fall is from halves to the whole: the mean over the two halves, each weighted by its share
    of the word's pairs, and over `SPLITS`, less the value of the whole. The estimate is the whole
    less `STEP` times that. The variance is that of the whole, from how halves differ: with a share
    s of the pairs in the first one, s (1 - s) (first - second)^2, mean of `SPLITS`.

    Parameters
    ----------
    values
        The estimate in each of the `MEMBERS`, (types, parts); NaN where a part lacks the type.
    pairs
        Pairs of each type in each of them, (types, parts).
    """
    share = pairs / np.maximum(pairs[:, :1], 1)
    weighted = np.where(share > 0, values * share, 0)
    first, second = (slice(k, k + len(SPLITS)) for k in (1, 1 + len(SPLITS)))
    fall = (weighted[:, first] + weighted[:, second]).mean(axis=1) - values[:, 0]
    apart = share[:, first] * share[:, second] * (values[:, first] - values[:, second]) ** 2
    known = np.isfinite(apart)
    variance = np.where(known, apart, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    variance = np.where(known.any(axis=1), variance, np.nan)
    return values[:, 0] - STEP * fall, fall, variance


def with_interval(mean: np.ndarray, variance: np.ndarray, confidence: float) -> Estimate:
    """The estimate and its normal interval, both at 0 or above."""
    reach = norm.ppf((1 + confidence) / 2) * np.sqrt(variance)
    ends = (np.maximum(mean + side * reach, 0) for side in (-1, 1))
    return Estimate(np.maximum(mean, 0), *ends)


def by_frequency(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of noisy `values` of words of like frequency; NaN among them is left out.

    Parameters
    ----------
    rows
        Pairs of each type, (types,).
    """
    order = np.argsort(rows, kind="stable")
    known = np.isfinite(values[order]) & (rows[order] > 0)
    sums, many = (
        np.concatenate([[0], np.cumsum(np.where(known, x, 0))]) for x in (values[order], known)
    )
    edges = np.flatnonzero(known)
    mean = np.full(len(rows), np.nan)
    if len(edges):
        rank = np.clip(many[1:] - 1, 0, None)
        low = edges[np.maximum(rank - NEIGHBOURS, 0)]
        high = edges[np.minimum(rank + NEIGHBOURS, len(edges) - 1)] + 1
        mean[order] = (sums[high] - sums[low]) / (many[high] - many[low])
    return mean
