"""Regressions of weights on quantities, rank correlations and means, in any draw."""

import numpy as np
from scipy.sparse import csr_array

from common.arrays import Floats, Integers
from common.correlations.resampling import Draws, Tokens

CONSTANT = 1e-12
"""Share of the sum of squares below which the variance of a draw is rounding error."""


class Ranks:
    """Midranks of the values (n,) of tokens, or types, that are there any number of times."""

    def __init__(self, values: Floats) -> None:
        distinct, self.group = np.unique(values, return_inverse=True)
        n = len(values)
        self._of_group = csr_array(
            (np.ones(n), (self.group, np.arange(n))), shape=(len(distinct), n)
        )

    def centred(self, times: Floats) -> tuple[Floats, Floats]:
        """Rank minus mean rank of each distinct value, and their sum of squares over all copies.

        Parameters
        ----------
        times
            Times that each value is there, (n, draws).

        Returns
        -------
        Ranks (distinct values, draws), lowest value first, and sums (draws,). Both are exact:
        with t copies of each value, the squares of N midranks add up to (N^3 - sum t^3) / 12.
        """
        tied = self.total(times)
        ranks = np.cumsum(tied, axis=0)
        total = ranks[-1].copy()
        squares = (total**3 - np.einsum("gd,gd,gd->d", tied, tied, tied)) / 12
        tied += total
        tied *= 0.5
        ranks -= tied
        return ranks, squares

    def total(self, of_each: Floats) -> Floats:
        """Sums (distinct values, draws) of what is given of each value, (n, draws)."""
        return self._of_group @ of_each


class OfTypes:
    """Tokens summed by their types, of those types that have a token.

    Attributes
    ----------
    present
        Numbers of these types, (present,).
    count
        Tokens of each, (present,).
    """

    def __init__(self, tokens: Tokens) -> None:
        self.present, self.place, self.count = np.unique(
            tokens.type, return_inverse=True, return_counts=True
        )
        n = len(tokens)
        self._of_type = csr_array(
            (np.ones(n), (self.place, np.arange(n))), shape=(len(self.present), n)
        )

    def sums(self, of_tokens: Floats) -> Floats:
        """Sums (present, ...) over the tokens (n, ...) of each type."""
        return self._of_type @ of_tokens

    def values(self, of_tokens: Floats) -> Floats | None:
        """The value of each type, (present,), if all its tokens (n,) have the same, else None."""
        value = np.empty(len(self.present))
        value[self.place] = of_tokens
        return value if np.array_equal(value[self.place], of_tokens) else None


class Regressions:
    """Least squares of weights on quantities, one on one, and Spearman's rho, in any draw.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    quantities
        Regressors in nats, (quantities, n).
    weights
        Regressands, (weights, n).
    """

    def __init__(self, tokens: Tokens, quantities: Floats, weights: Floats) -> None:
        self.tokens, self.by_type = tokens, OfTypes(tokens)
        # The sums of squares lose no digits to a mean that is large beside the spread.
        self.means = quantities.mean(axis=1), weights.mean(axis=1)
        self.x, self.y = (
            rows - mean[:, None]
            for rows, mean in zip((quantities, weights), self.means, strict=True)
        )
        products = (self.x[:, None] * self.y).reshape(-1, len(tokens))
        ones = np.ones((1, len(tokens)))
        self.terms = np.concatenate([ones, self.x, self.y, self.x**2, self.y**2, products])
        self.of_types = [self.by_type.values(row) for row in self.x]
        self.ranks_x = [
            Ranks(row if value is None else value)
            for row, value in zip(self.x, self.of_types, strict=True)
        ]
        self.ranks_y = [Ranks(row) for row in self.y]

    def statistics(self, draws: Draws) -> Floats:
        """R squared, slope, intercept and Spearman's rho of each draw.

        Returns
        -------
        (quantities, weights, 4, draws) in the order of `common.contract.STATISTICS`; NaN where a
        draw leaves the statistic undefined (one token, a constant quantity or a constant weight).
        """
        times = draws.of_tokens(self.tokens)
        sizes = [1, len(self.x), len(self.y), len(self.x), len(self.y)]
        with np.errstate(invalid="ignore", divide="ignore"):
            n, x, y, xx, yy, xy = np.split(self.terms @ times, np.cumsum(sizes))
            variance_x, variance_y = variance(n, x, xx)[:, None], variance(n, y, yy)
            covariance = xy.reshape(len(x), len(y), -1) - x[:, None] * y / n
            slope = covariance / variance_x
            mean_x, mean_y = self.means[0][:, None] + x / n, self.means[1][:, None] + y / n
            intercept = mean_y - slope * mean_x[:, None]
            r_squared = np.minimum(covariance**2 / (variance_x * variance_y), 1)
            rho = np.clip(self._spearman(times), -1, 1)
        return np.stack([r_squared, slope, intercept, rho], axis=2)

    def _spearman(self, times: Floats) -> Floats:
        rho = np.empty((len(self.x), len(self.y), times.shape[1]))
        of_types = self.by_type.sums(times)
        of_x = [
            ranks.centred(times if value is None else of_types)
            for ranks, value in zip(self.ranks_x, self.of_types, strict=True)
        ]
        for j, ranks_y in enumerate(self.ranks_y):
            centred, squares_y = ranks_y.centred(times)
            of_tokens = centred.take(ranks_y.group, axis=0)
            of_tokens *= times
            of_types = self.by_type.sums(of_tokens)
            for i, (centred_x, squares_x) in enumerate(of_x):
                of_each = of_tokens if self.of_types[i] is None else of_types
                product = np.einsum("gd,gd->d", centred_x, self.ranks_x[i].total(of_each))
                rho[i, j] = product / np.sqrt(squares_x * squares_y)
        return rho

    def permuted(self, i: int, receiver: Integers) -> Floats:
        """Statistics of each permutation of quantity i over the types.

        Parameters
        ----------
        i
            Number of the quantity.
        receiver
            Which of the types present gets the value of each of them, (present, permutations).

        Returns
        -------
        (weights, 4, permutations) in the order of `common.contract.STATISTICS`, but Pearson's r
        in place of its square, and NaN in place of the intercept; all NaN if the quantity belongs
        to the token and not to its type.
        """
        shape = (len(self.y), receiver.shape[1])
        undefined = np.full(shape, np.nan)
        value = self.of_types[i]
        if value is None:
            return np.stack([undefined] * 4, axis=1)
        count = self.by_type.count.astype(float).take(receiver)
        correlation, slope, rho = (np.empty(shape) for _ in range(3))
        ranks, squares = self.ranks_x[i].centred(count)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = variance(len(self.tokens), value @ count, value**2 @ count)
            for j, (y, ranks_y) in enumerate(zip(self.y, self.ranks_y, strict=True)):
                covariance = value @ self.by_type.sums(y).take(receiver)
                correlation[j] = covariance / np.sqrt(spread * variance(len(y), y.sum(), y @ y))
                slope[j] = np.where(np.isnan(correlation[j]), np.nan, covariance / spread)
                of_tokens, squares_y = ranks_y.centred(np.ones((len(y), 1)))
                of_types = self.by_type.sums(of_tokens[ranks_y.group, 0]).take(receiver)
                product = np.einsum("gd,gd->d", ranks, self.ranks_x[i].total(of_types))
                rho[j] = product / np.sqrt(squares * squares_y)
        return np.stack([correlation, slope, undefined, rho], axis=1)


class Ratios:
    """Ratios of sums over tokens in any draw: a mean is a total over a number.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    totals, numbers
        What each token adds above and below, (..., n) each.
    """

    def __init__(self, tokens: Tokens, totals: Floats, numbers: Floats) -> None:
        self.tokens, self.totals, self.numbers = tokens, totals, numbers

    def statistics(self, draws: Draws) -> Floats:
        """Ratios (..., draws); NaN where a draw has nothing below."""
        times = draws.of_tokens(self.tokens)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.totals @ times) / (self.numbers @ times)


def variance(n: Floats | int, total: Floats, squares: Floats) -> Floats:
    """Sum of squared distances from the mean; NaN where it is rounding error."""
    around = squares - total**2 / n
    return np.where(around > CONSTANT * squares, around, np.nan)
