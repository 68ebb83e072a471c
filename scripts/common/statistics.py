"""Regression of weight on quantity, rank correlation, and their bootstrap over sentences."""

import warnings

import numpy as np
from numpy.typing import NDArray

from common.progress import progress

CELLS = 2**20
"""Tokens times draws that are worked on at once: small enough for the processor's cache."""
CONSTANT = 1e-12
"""Share of the sum of squares below which the variance of a draw is rounding error."""

Floats = NDArray[np.float64]


class Midranks:
    """Ranks of `values` (n,) in any draw of them, ties at their mean rank; sorted only once."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(values, kind="stable")
        new = np.concatenate([[True], np.diff(values[self.order]) > 0])
        self.first = np.flatnonzero(new)
        self.group = np.empty(len(values), np.intp)
        self.group[self.order] = np.cumsum(new) - 1

    def centred(self, copies: Floats) -> Floats:
        """Rank minus mean rank (n, draws) of values that occur `copies` (n, draws) times each."""
        tied = np.add.reduceat(copies[self.order], self.first, axis=0)
        above = np.cumsum(tied, axis=0)
        return (above - (tied + above[-1]) / 2)[self.group]


class Regression:
    """Least squares of weight on quantity, and Spearman's rho, in any draw of the sentences.

    Parameters
    ----------
    sentence
        Sentence of each token, from 0, (n,).
    quantity
        Regressor in nats, (n,).
    weight
        Regressand, a norm, (n,).
    sentences
        Number of sentences, those without a token counted in.
    """

    def __init__(
        self, sentence: NDArray[np.intp], quantity: Floats, weight: Floats, sentences: int
    ) -> None:
        self.sentence, self.tokens = sentence, len(sentence)
        # The sums of squares lose no digits to a mean that is large beside the spread.
        self.means = quantity.mean(), weight.mean()
        x, y = quantity - self.means[0], weight - self.means[1]
        terms = (np.ones_like(x), x, y, x * x, x * y, y * y)
        self.sums = np.stack([np.bincount(sentence, term, sentences) for term in terms])
        self.ranks = Midranks(quantity), Midranks(weight)

    def statistics(self, draws: Floats) -> Floats:
        """R squared, slope, intercept and Spearman's rho of each draw.

        Parameters
        ----------
        draws
            Times that each sentence is drawn, (sentences, draws); ones for the sample itself.

        Returns
        -------
        (4, draws) in the order of `common.contract.STATISTICS`; NaN where a draw leaves the
        statistic undefined (one token, a constant quantity or a constant weight).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            n, x, y, xx, xy, yy = self.sums @ draws
            variance_x, variance_y = _variance(n, x, xx), _variance(n, y, yy)
            covariance = xy - x * y / n
            slope = covariance / variance_x
            intercept = self.means[1] + y / n - slope * (self.means[0] + x / n)
            r_squared = np.minimum(covariance**2 / (variance_x * variance_y), 1)
            copies = draws[self.sentence]
            of_x, of_y = (ranks.centred(copies) for ranks in self.ranks)
            copies_x = copies * of_x
            rho = np.einsum("nd,nd->d", copies_x, of_y) / np.sqrt(
                np.einsum("nd,nd->d", copies_x, of_x) * np.einsum("nd,nd,nd->d", copies, of_y, of_y)
            )
        return np.stack([r_squared, slope, intercept, np.clip(rho, -1, 1)])


def bootstrap(regressions: list[Regression], sentences: int, draws: int, seed: int) -> Floats:
    """Statistics of `draws` resamples of the sentences, the same resamples for all regressions.

    Sentences are drawn with replacement and keep their tokens (Efron and Tibshirani 1993, a
    bootstrap of clusters).

    Returns
    -------
    (regressions, 4, draws), statistics in the order of `common.contract.STATISTICS`.
    """
    generator = np.random.default_rng(seed)
    chunk = max(1, CELLS // max(sentences, *(one.tokens for one in regressions)))
    found = np.empty((len(regressions), 4, draws))
    with progress("bootstrap", draws, "draws") as bar:
        for start in range(0, draws, chunk):
            drawn = draw_sentences(sentences, min(chunk, draws - start), generator)
            for i, one in enumerate(regressions):
                found[i, :, start : start + chunk] = one.statistics(drawn)
            bar.update(drawn.shape[1])
    return found


def draw_sentences(sentences: int, draws: int, generator: np.random.Generator) -> Floats:
    """Times that each sentence is drawn with replacement, (sentences, draws)."""
    shares = np.full(sentences, 1 / sentences)
    return generator.multinomial(sentences, shares, draws).T.astype(np.float64, order="C")


def percentile_interval(values: Floats, confidence: float) -> Floats:
    """Lower and upper end, (2, ...), along the last axis of `values`; undefined draws left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        return np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=-1)


def _variance(n: Floats, total: Floats, squares: Floats) -> Floats:
    variance = squares - total**2 / n
    return np.where(variance > CONSTANT * squares, variance, np.nan)
