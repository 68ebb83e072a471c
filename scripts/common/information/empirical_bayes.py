"""Information gain KL(w), in nats, by empirical Bayes from the pair counts of two half corpora.

The coordinates of the words (word_coordinates) give a smooth row m(w') of each word, which is the
mean of the Dirichlet prior of its row of C.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import digamma, gammaln
from scipy.stats import norm

from common.information.word_coordinates import (
    BLOCK,
    Coordinates,
    Halves,
    fit_coordinates,
    measurable,
    mixture,
    row_means,
    row_sums,
)

FLOOR = 0.02
"""Least m(w') / P(w')."""
CONCENTRATIONS = np.geomspace(1, 1e8, 33)
BINS = 10
"""Groups of words of like frequency, each with a design effect and a discrepancy of its own."""


@dataclass(frozen=True)
class Posterior:
    """KL(w) of every type, nats: mean and ends of the interval; NaN for too few pairs."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def posterior_information_gain(halves: Halves, tokens: int, confidence: float = 0.95) -> Posterior:
    """Posterior mean and credible interval of KL(w).

    KL(w) = sum_w' P(w'|w) log(m(w') / P(w')) + KL(P(.|w) || m). The first term takes the counted
    row, less half the posterior variance of g, by which m follows that row (a one-step estimate);
    the second is its posterior mean when the row is multinomial with a Dirichlet prior of mean m
    and of the concentration that maximises its Polya likelihood (Wolpert and Wolf 1995).

    The interval is KL(w) +- z sqrt(d V(w) + r KL(w)^2). V(w) is the sampling variance of the
    one-step estimate for independent pairs, d their design effect between the halves. The second
    term stands for what the method has not yet learnt: r = mean (h(w) - KL(w))^2 / mean KL(w)^2, h
    the mean of both halves' own estimates. d and r are means over words of like frequency.

    Parameters
    ----------
    halves
        C of each half of the corpus, shape (types, types).
    tokens
        Tokens of the corpus.
    confidence
        Probability of the interval.
    """
    pairs = csr_array(halves[0] + halves[1])
    rows = row_sums(pairs)
    if not measurable(halves).any():
        unknown = np.full(len(rows), np.nan)
        return Posterior(unknown, unknown, unknown)
    gain, spread, effect = _one_step(halves, pairs, tokens)
    in_halves = np.mean([_one_step(halves, half, tokens / 2)[0] for half in halves], axis=0)
    known = np.where(np.isfinite(in_halves), gain, np.nan)
    discrepancy = _by_frequency(rows, (in_halves - known) ** 2)
    discrepancy = discrepancy / np.maximum(_by_frequency(rows, known**2), 1e-300) * gain**2
    spread = spread * _by_frequency(rows, effect) + discrepancy
    reach = norm.ppf((1 + confidence) / 2) * np.sqrt(spread)
    return Posterior(*(np.maximum(x, 0) for x in (gain, gain - reach, gain + reach)))


def _one_step(
    halves: Halves, pairs: csr_array, tokens: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """KL(w) from `pairs`, its variance for independent pairs, and its own design effect."""
    rows = row_sums(pairs)
    gain, spread, effect = (np.full(len(rows), np.nan) for _ in range(3))
    marginal = rows / rows.sum()
    coordinates = fit_coordinates(halves, pairs, tokens)
    known = np.flatnonzero(measurable(halves) & (rows > 0))
    blocks = [known[start : start + BLOCK] for start in range(0, len(known), BLOCK)]
    likelihood = [_polya_likelihood(pairs[b], _smooth(b, marginal, coordinates)) for b in blocks]
    chosen = mixture(np.concatenate(likelihood)).argmax(axis=1)
    concentration = np.zeros(len(rows))
    concentration[known] = CONCENTRATIONS[chosen]
    for b in blocks:
        smooth = _smooth(b, marginal, coordinates)
        gain[b], terms = _row_gain(pairs[b], marginal, smooth, concentration[b, None])
        spread[b], effect[b] = _row_noise((halves[0][b], halves[1][b]), terms)
    gain -= coordinates.variance.sum(axis=1) / 2
    follows = coordinates.mean + (row_means(pairs, coordinates.functions) - coordinates.mean) * (
        coordinates.variance / coordinates.noise
    )
    of_mean = (coordinates.noise * coordinates.mean**2).sum(axis=1)
    spread *= (coordinates.noise * follows**2).sum(axis=1) / np.maximum(of_mean, 1e-300)
    spread = spread / np.maximum(rows, 1) + (coordinates.variance**2).sum(axis=1) / 2
    return np.maximum(gain, 0), spread, effect


def _smooth(block: np.ndarray, marginal: np.ndarray, coordinates: Coordinates) -> np.ndarray:
    """m of some types, shape (block, types)."""
    ratio = np.maximum(1 + coordinates.mean[block] @ coordinates.functions.T, FLOOR)
    smooth = ratio * marginal
    return smooth / smooth.sum(axis=1, keepdims=True)


def _polya_likelihood(pairs: csr_array, smooth: np.ndarray) -> np.ndarray:
    """Log-likelihood of rows of C at each of `CONCENTRATIONS`, shape (rows, concentrations)."""
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    mean = smooth[row, pairs.indices]
    rows = row_sums(pairs)
    # gamma(1 + x) / gamma(x) = x: most cells count one pair, and need no gamma function
    once = pairs.data == 1
    singles = np.bincount(row[once], minlength=len(rows))
    of_singles = np.bincount(row[once], np.log(mean[once]), minlength=len(rows))
    row, mean, counts = row[~once], mean[~once], pairs.data[~once]
    cells = [
        np.bincount(row, gammaln(counts + a * mean) - gammaln(a * mean), minlength=len(rows))
        + (of_singles + singles * np.log(a))
        for a in CONCENTRATIONS
    ]
    return np.stack(cells, 1) + gammaln(CONCENTRATIONS) - gammaln(rows[:, None] + CONCENTRATIONS)


def _row_gain(
    pairs: csr_array, marginal: np.ndarray, smooth: np.ndarray, concentration: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """KL(w) of rows of C, and its terms log(P(w'|w) / P(w')), which have mean 0 in the row."""
    counts = pairs.toarray()
    rows = counts.sum(axis=1, keepdims=True)
    mass, total = counts + concentration * smooth, rows + concentration
    log_smooth, log_marginal = (
        np.log(x, where=x > 0, out=np.zeros_like(x)) for x in (smooth, marginal)
    )
    residual = (mass * (digamma(mass + 1) - log_smooth)).sum(axis=1, keepdims=True) / total
    residual = np.maximum(residual - digamma(total + 1), 0)
    gain = (counts * (log_smooth - log_marginal)).sum(axis=1, keepdims=True) / rows + residual
    terms = np.log(mass / total, where=mass > 0, out=np.zeros_like(mass)) - log_marginal
    return gain[:, 0], terms - (counts * terms).sum(axis=1, keepdims=True) / rows


def _row_noise(halves: Halves, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance of `terms` over the pairs of a row, and its design effect between the halves."""
    first, second = (half.toarray() for half in halves)
    many, others = first.sum(axis=1), second.sum(axis=1)
    spread = ((first + second) * terms**2).sum(axis=1) / (many + others)
    between = (first * terms).sum(axis=1) / many - (second * terms).sum(axis=1) / others
    expected = spread * (1 / many + 1 / others)
    effect = np.divide(between**2, expected, out=np.full_like(spread, np.nan), where=expected > 0)
    return spread, effect


def _by_frequency(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of noisy `values` of words of like frequency; NaN among them is left out."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.ones(len(rows))
    bins = np.array_split(known[np.argsort(rows[known], kind="stable")], min(BINS, len(known)))
    centres = [np.log(rows[one]).mean() for one in bins]
    return np.interp(np.log(np.maximum(rows, 1)), centres, [values[one].mean() for one in bins])
