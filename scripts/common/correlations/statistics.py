"""Regressions of weights on quantities, rank correlations, and their bootstrap over sentences."""

import logging
import warnings
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from common.arrays import Floats
from common.progress import progress

CELLS = 2**17
"""Tokens times draws that are worked on at once: small enough for the processor's cache."""
CONSTANT = 1e-12
"""Share of the sum of squares below which the variance of a draw is rounding error."""


class Sample(Protocol):
    """Tokens of sentences, and statistics of any draw of the sentences."""

    tokens: int

    def statistics(self, draws: Floats) -> Floats:
        """Statistics (..., draws) of sentences that are drawn so many times, (sentences, draws)."""


class Ranks:
    """Midranks of the values (n,) of tokens in any draw of their sentences; sorted only once."""

    def __init__(self, sentence: NDArray[np.intp], values: Floats, sentences: int) -> None:
        self.group = np.unique(values, return_inverse=True)[1]
        groups, tokens = self.group.max() + 1, len(values)
        once = np.ones(tokens)
        self._in_sentences = csr_array((once, (self.group, sentence)), shape=(groups, sentences))
        self._of_tokens = csr_array((once, (self.group, np.arange(tokens))), shape=(groups, tokens))

    def centred(self, draws: Floats) -> tuple[Floats, Floats]:
        """Rank minus mean rank of each distinct value, and their sum of squares over the tokens.

        Parameters
        ----------
        draws
            Times that each sentence is drawn, (sentences, draws).

        Returns
        -------
        Ranks (distinct values, draws), lowest value first, and sums (draws,). Both are exact:
        with t tokens of each value, the squares of n midranks add up to (n^3 - sum t^3) / 12.
        """
        tied = self._in_sentences @ draws
        ranks = np.cumsum(tied, axis=0)
        total = ranks[-1].copy()
        squares = (total**3 - np.einsum("gd,gd,gd->d", tied, tied, tied)) / 12
        tied += total
        tied *= 0.5
        ranks -= tied
        return ranks, squares

    def total(self, of_tokens: Floats) -> Floats:
        """Sums over the tokens of each distinct value, (distinct values, draws)."""
        return self._of_tokens @ of_tokens


class Regressions:
    """Least squares of weights on quantities, one on one, and Spearman's rho, in any draw.

    Parameters
    ----------
    sentence
        Sentence of each token, from 0, (n,).
    quantities
        Regressors in nats, (quantities, n).
    weights
        Regressands, (weights, n).
    sentences
        Number of sentences, those without a token counted in.
    """

    def __init__(
        self, sentence: NDArray[np.intp], quantities: Floats, weights: Floats, sentences: int
    ) -> None:
        self.sentence, self.tokens = sentence, len(sentence)
        # The sums of squares lose no digits to a mean that is large beside the spread.
        self.means = quantities.mean(axis=1), weights.mean(axis=1)
        x, y = (
            rows - mean[:, None]
            for rows, mean in zip((quantities, weights), self.means, strict=True)
        )

        def sums(terms: Floats) -> Floats:
            each = [np.bincount(sentence, term, sentences) for term in terms.reshape(-1, len(x[0]))]
            return np.reshape(each, (*terms.shape[:-1], sentences))

        self.sums = [sums(terms) for terms in (np.ones_like(x[0]), x, y, x * x, y * y)]
        self.products = sums(x[:, None] * y)
        self.ranks_x = [Ranks(sentence, row, sentences) for row in quantities]
        self.ranks_y = [Ranks(sentence, row, sentences) for row in weights]

    def statistics(self, draws: Floats) -> Floats:
        """R squared, slope, intercept and Spearman's rho of each draw.

        Parameters
        ----------
        draws
            Times that each sentence is drawn, (sentences, draws); ones for the sample itself.

        Returns
        -------
        (quantities, weights, 4, draws) in the order of `common.contract.STATISTICS`; NaN where a
        draw leaves the statistic undefined (one token, a constant quantity or a constant weight).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            n, x, y, xx, yy = (sums @ draws for sums in self.sums)
            variance_x, variance_y = variance(n, x, xx)[:, None], variance(n, y, yy)
            covariance = self.products @ draws - x[:, None] * y / n
            slope = covariance / variance_x
            mean_x, mean_y = self.means[0][:, None] + x / n, self.means[1][:, None] + y / n
            intercept = mean_y - slope * mean_x[:, None]
            r_squared = np.minimum(covariance**2 / (variance_x * variance_y), 1)
            rho = np.clip(self._spearman(draws), -1, 1)
        return np.stack([r_squared, slope, intercept, rho], axis=2)

    def _spearman(self, draws: Floats) -> Floats:
        copies = draws[self.sentence]
        of_x = [ranks.centred(draws) for ranks in self.ranks_x]
        rho = np.empty((len(self.ranks_x), len(self.ranks_y), draws.shape[1]))
        for j, ranks_y in enumerate(self.ranks_y):
            centred, squares_y = ranks_y.centred(draws)
            of_tokens = centred[ranks_y.group]
            of_tokens *= copies
            for i, (ranks_x, (centred_x, squares_x)) in enumerate(
                zip(self.ranks_x, of_x, strict=True)
            ):
                product = np.einsum("gd,gd->d", centred_x, ranks_x.total(of_tokens))
                rho[i, j] = product / np.sqrt(squares_x * squares_y)
        return rho


class Ratios:
    """Ratios of sums over sentences in any draw: a mean is a total over a number.

    Parameters
    ----------
    totals, numbers
        What each sentence adds above and below, (..., sentences) each.
    """

    def __init__(self, totals: Floats, numbers: Floats) -> None:
        self.totals, self.numbers = totals, numbers
        self.tokens = totals.size // totals.shape[-1]

    def statistics(self, draws: Floats) -> Floats:
        """Ratios (..., draws); NaN where a draw has nothing below."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.totals @ draws) / (self.numbers @ draws)


def in_sample(sample: Sample, sentences: int) -> Floats:
    """Statistics (...) of the sample itself: every sentence once."""
    return sample.statistics(np.ones((sentences, 1)))[..., 0]


def bootstrap(samples: Sequence[Sample], sentences: int, draws: int, seed: int) -> list[Floats]:
    """Statistics of `draws` resamples of the sentences, the same resamples for all samples.

    Sentences are drawn with replacement and keep their tokens (Efron and Tibshirani 1993, a
    bootstrap of clusters).

    Returns
    -------
    Statistics (..., draws) of each sample.
    """
    generator = np.random.default_rng(seed)
    chunk = max(1, CELLS // max(sentences, *(one.tokens for one in samples)))
    found: list[list[Floats]] = [[] for _ in samples]
    with progress("bootstrap", draws, "draws") as bar:
        for start in range(0, draws, chunk):
            drawn = draw_sentences(sentences, min(chunk, draws - start), generator)
            for one, parts in zip(samples, found, strict=True):
                parts.append(one.statistics(drawn))
            bar.update(drawn.shape[1])
    joined = [np.concatenate(parts, axis=-1) for parts in found]
    lost = [np.isnan(one).reshape(-1, draws).any(axis=0) for one in joined]
    if undefined := int(np.any(lost, axis=0).sum()):
        logging.info(
            "%d draws leave a statistic undefined and its interval without them", undefined
        )
    return joined


def draw_sentences(sentences: int, draws: int, generator: np.random.Generator) -> Floats:
    """Times that each sentence is drawn with replacement, (sentences, draws)."""
    chosen = generator.integers(sentences, size=(draws, sentences))
    chosen += sentences * np.arange(draws)[:, None]
    times = np.bincount(chosen.ravel(), minlength=draws * sentences)
    return times.reshape(draws, sentences).T.astype(np.float64, order="C")


def percentile_interval(values: Floats, confidence: float) -> Floats:
    """Lower and upper end, (2, ...), along the last axis of `values`; undefined draws left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        return np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=-1)


def with_intervals(
    names: Iterable[str], points: Floats, drawn: Floats, confidence: float
) -> dict[str, float]:
    """Columns of statistics (k,) by name, each with _low and _high by its draws (k, draws)."""
    ends = zip(points, *percentile_interval(drawn, confidence), strict=True)
    return {
        f"{name}{end}": value
        for name, values in zip(names, ends, strict=True)
        for end, value in zip(("", "_low", "_high"), values, strict=True)
    }


def variance(n: Floats, total: Floats, squares: Floats) -> Floats:
    """Sum of squared distances from the mean; NaN where it is rounding error."""
    around = squares - total**2 / n
    return np.where(around > CONSTANT * squares, around, np.nan)
