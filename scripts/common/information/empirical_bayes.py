"""Information gain KL(w), in nats, by empirical Bayes, for documents whose words come in bursts.

The coordinates of the words (word_coordinates) give a smooth row m(w') of each word. KL(w) is
sum_w' P(w'|w) log(m(w') / P(w')), which takes the counted row as it is, and the residual
KL(P(.|w) || m), which is extrapolated over groups of documents and shrunk as far as those of words
of like frequency are noise: to nothing where m is all there is to know, as in a language of topics.
"""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from common.information.extrapolation import (
    MEMBERS,
    Estimate,
    add_up,
    by_frequency,
    extrapolate,
    sums_of_rows,
    with_interval,
)
from common.information.plug_in import ExpectedCells, independent_information_gain
from common.information.word_coordinates import Coordinates, fit_coordinates, measurable
from common.tokens.pair_counts import GROUP_COLUMNS, pair_halves

FLOOR = 0.02
"""Least m(w') / P(w')."""
WORDS = 256
"""Words at a time, against all others."""


def posterior_information_gain(
    tables: Callable[[], Iterable[pl.DataFrame]],
    gains: np.ndarray,
    totals: np.ndarray,
    tokens: int,
    confidence: float = 0.95,
) -> Estimate:
    """Posterior mean and credible interval of KL(w).

    The residual in a part of the documents is the plug-in estimate, less the sum over m, less what
    independent draws from m would have. Extrapolated, it has a variance v between halves of the
    documents, and a normal prior of mean 0, whose variance t is what the squares of the residuals
    of words of like frequency have beyond v. The share t / (t + v) of the residual is kept.
    The variance of the interval is that of the sum over m, the square of its correction, v and the
    squared fall of the residual as far as they are kept, and the mean square of what is not kept.

    Parameters
    ----------
    tables
        Gives the parts of the PAIR_COUNTS table.
    gains, totals
        As of `gains_of_parts` and `group_totals`.
    tokens
        Tokens of the corpus.
    confidence
        Probability of the interval.
    """
    pairs = totals @ MEMBERS.T
    rows = pairs[:, 0]
    halves = pair_halves(tables(), len(rows))
    known = measurable(halves)
    if not known.any():
        return Estimate(*(np.full(len(rows), np.nan) for _ in range(3)))
    coordinates = fit_coordinates(halves, tokens)
    del halves
    mass, excess = _smooth_rows(coordinates, rows, known)
    toward = _toward(tables(), coordinates, totals.shape) @ MEMBERS.T / np.maximum(pairs, 1)
    toward = np.where((pairs > 0) & known[:, None], toward - np.log(mass)[:, None], np.nan)
    explained = toward[:, 0] - coordinates.variance.sum(axis=1) / 2
    halvings = np.log2(np.maximum(pairs, 1) / np.maximum(rows, 1)[:, None])
    expected = independent_information_gain(pairs) + excess[0][:, None]
    expected += (excess[0] - excess[1])[:, None] * halvings
    residual, fall, variance = extrapolate(gains - expected - toward, pairs)
    residual += toward[:, 0] - explained
    variance, square = by_frequency(rows, variance), by_frequency(rows, residual**2)
    kept = np.maximum(square - variance, 0) / np.maximum(square, 1e-300)
    variance = kept * (variance + fall**2) + (1 - kept) ** 2 * square
    variance += by_frequency(rows, extrapolate(toward, pairs)[2]) + (toward[:, 0] - explained) ** 2
    return with_interval(explained + kept * residual, variance, confidence)


def _ratio(coordinates: Coordinates, block: np.ndarray) -> np.ndarray:
    """m(w') / P(w') of some types, before m is normalised, (block, types)."""
    product = coordinates.mean[block] @ coordinates.functions.T
    product += 1
    return np.maximum(product, FLOOR, out=product)


def _smooth_rows(
    coordinates: Coordinates, rows: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Sum of the row before it is normalised, (types,), and the excess of m's over P's expectation.

    The excess, of independent draws, is in a row of as many pairs and in one of half of them.
    """
    marginal = (rows / rows.sum()).astype(np.float32)
    mass = np.ones(len(rows))
    excess = np.zeros(len(rows)), np.zeros(len(rows))
    expected = ExpectedCells()
    chosen = np.flatnonzero(known)
    for block in np.split(chosen, range(WORDS, len(chosen), WORDS)):
        smooth = _ratio(coordinates, block)
        mass[block] = smooth @ marginal
        smooth *= marginal / mass[block, None].astype(np.float32)
        for size, of_size in zip((1, 2), excess, strict=True):
            number = rows[block] / size
            of_size[block] = expected.gain(smooth, number)
    for size, of_size in zip((1, 2), excess, strict=True):
        of_size[known] -= independent_information_gain(rows[:, None], rows[:, None] / size)[
            known, 0
        ]
    return mass, excess


def _toward(
    tables: Iterable[pl.DataFrame], coordinates: Coordinates, shape: tuple[int, ...]
) -> np.ndarray:
    """Sum over the pairs of log(m(w') / P(w')), m not normalised, of each group."""

    def terms(block: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        row, other = (block[name].to_numpy() for name in ("token_id", "other_id"))
        product = np.einsum("ck,ck->c", coordinates.mean[row], coordinates.functions[other])
        ratio = np.log(np.maximum(1 + product, FLOOR))
        return sums_of_rows(block, block.select(GROUP_COLUMNS).to_numpy() * ratio[:, None])

    return add_up(terms, tables, shape)
