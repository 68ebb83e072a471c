"""How the weight of each sentence is shared out among its tokens, in any draw."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from common.arrays import Floats, Integers
from common.contract import STATISTICS
from common.correlations.resampling import Draws, Tokens
from common.correlations.statistics import Regressions

WITHIN = (*STATISTICS, "sentence_spearman")
PAIRS = 2**18
"""Pairs of tokens of one sentence that are compared at once."""


class MeanRho:
    """The mean of Spearman's rho within sentences, of quantities and weights of their tokens.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    quantities, weights
        (quantities, n), (weights, n).

    Attributes
    ----------
    ranked
        Sentences that have a rho for all weights; means are over them, (quantities,).
    """

    def __init__(self, tokens: Tokens, quantities: Floats, weights: Floats) -> None:
        self.tokens = tokens
        rho, influence = rho_and_influence(tokens, quantities, weights)
        known = np.asarray(np.isfinite(rho).all(axis=1))
        self.ranked, self.known = known.sum(axis=1), known.astype(float)
        self.influence = np.where(known[:, None, tokens.sentence], influence, 0)
        # What each sentence adds beside its tokens' influence, so that they add up to its rho.
        of_tokens = [
            [np.bincount(tokens.sentence, row, tokens.sentences) for row in rows]
            for rows in self.influence
        ]
        self.rest = np.where(known[:, None], rho, 0) - np.array(of_tokens)

    def means(self, draws: Draws) -> Floats:
        """Means over the sentences of each draw, (quantities, weights, draws).

        The rho of a sentence answers to the draw of types by the jackknife's linear approximation
        (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, section 6.1): drawn
        literally, few of its tokens would be left, and rho of few tokens is nearer to 0.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self.rest @ draws.sentences + self.influence @ draws.of_tokens(self.tokens)
            means /= (self.known @ draws.sentences)[:, None]
        return means


class WithinSentences:
    """Regressions of shares on quantities, and the mean of Spearman's rho within sentences.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    quantities
        Regressors in nats, (quantities, n).
    shares
        Of the weight of the sentence, (stages, n).

    Attributes
    ----------
    ranked
        Sentences that have a rho for all stages; means are over them, (quantities,).
    """

    def __init__(self, tokens: Tokens, quantities: Floats, shares: Floats) -> None:
        self.tokens = tokens
        self.regressions = Regressions(tokens, quantities, shares)
        self.by_type = self.regressions.by_type
        self.rho = MeanRho(tokens, quantities, shares)
        self.ranked = self.rho.ranked

    def statistics(self, draws: Draws) -> Floats:
        """Statistics (quantities, stages, 5, draws) in the order of `WITHIN`."""
        means = self.rho.means(draws)
        return np.concatenate([self.regressions.statistics(draws), means[:, :, None]], axis=2)

    def permuted(self, i: int, receiver: Integers) -> Floats:
        """Statistics of each permutation of quantity i over the types; as `Regressions.permuted`.

        Within sentences, types of one value stand in the order of their numbers.

        Returns
        -------
        (stages, 5, permutations) in the order of `WITHIN`.
        """
        regressions = self.regressions.permuted(i, receiver)
        value = self.regressions.of_types[i]
        if value is None:
            return np.concatenate([regressions, regressions[:, -1:]], axis=1)
        ranks, of_tokens = self._factors()
        type_, sentence = self.by_type.place, _short(self.tokens.sentence)
        place = _short(np.argsort(np.argsort(value, kind="stable")))
        place_of_type = np.empty_like(place)
        means = np.empty((len(of_tokens), 1, receiver.shape[1]))
        for k, types in enumerate(receiver.T):
            place_of_type[types] = place
            order = np.argsort(place_of_type[type_], kind="stable")
            order = order[np.argsort(sentence[order], kind="stable")]
            means[:, 0, k] = of_tokens.take(order, axis=1) @ ranks
        return np.concatenate([regressions, means], axis=1)

    def _factors(self) -> tuple[Floats, Floats]:
        """Factors whose products add up to the mean rho of a quantity that no two types share.

        Returns
        -------
        Centred ranks of the quantity, in the order of sentence and quantity, (n,). Centred ranks
        of the shares, (stages, n), over the roots of both sums of squares and the number of
        sentences that have a rho; tokens of one sentence and type, which tie, have their mean.
        """
        tokens, shares = self.tokens, self.regressions.y
        length = np.bincount(tokens.sentence, minlength=tokens.sentences)
        within = np.arange(len(tokens)) - np.repeat(np.cumsum(length) - length, length)
        ranks: Floats = within.astype(float) - np.repeat((length - 1) / 2, length)
        _, pair, copies = np.unique(
            tokens.sentence * tokens.types + tokens.type, return_inverse=True, return_counts=True
        )
        squares_x = (
            length**3 - np.bincount(tokens.sentence, copies[pair] ** 2, tokens.sentences)
        ) / 12
        of_shares = np.stack([centred_ranks(tokens, share) for share in shares])
        squares = np.stack(
            [np.bincount(tokens.sentence, row**2, tokens.sentences) for row in of_shares]
        )
        known = (squares > 0).all(axis=0) & (squares_x > 0)
        scale = np.sqrt(squares_x * squares) * known.sum()
        scale = np.where(known, scale, np.inf)[:, tokens.sentence]
        tied = np.stack([np.bincount(pair, row) / copies for row in of_shares])[:, pair]
        return ranks, tied / scale


def rho_and_influence(tokens: Tokens, quantities: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Spearman's rho of quantities and weights within each sentence, and what each token does.

    Returns
    -------
    Rho (quantities, weights, sentences), NaN where it is undefined: a sentence of fewer than two
    tokens, of equal quantities or of equal weights. Influence (quantities, weights, n): rho less
    the rho of the sentence without the token (0 if undefined).
    """
    shape = len(quantities), len(weights)
    rho = np.full((*shape, tokens.sentences), np.nan)
    influence = np.zeros((*shape, len(tokens)))
    order = np.argsort(tokens.sentence, kind="stable")
    lengths = np.bincount(tokens.sentence, minlength=tokens.sentences)
    starts = np.cumsum(lengths) - lengths
    for length in np.unique(lengths[lengths > 1]):
        alike = np.flatnonzero(lengths == length)
        for some in np.array_split(alike, -(-len(alike) * length**2 // PAIRS)):
            rows = order[starts[some][:, None] + np.arange(length)]
            of_x, of_y = ([_ranks(values[rows]) for values in v] for v in (quantities, weights))
            for i, (x, x_without) in enumerate(of_x):
                for j, (y, y_without) in enumerate(of_y):
                    rho[i, j, some] = whole = _correlation(x, y)
                    without = _correlation(x_without, y_without)
                    influence[i, j, rows] = whole[:, None] - np.nan_to_num(without)
    return rho, influence


def _ranks(values: Floats) -> tuple[Floats, Floats]:
    """Centred midranks in sentences of one length; of all tokens, and of those but each.

    Parameters
    ----------
    values
        (sentences, length).

    Returns
    -------
    (sentences, length), and (sentences, left out, length), where that left out is 0.
    """
    above = np.sign(values[:, None, :] - values[:, :, None]) / 2
    ranks = above.sum(axis=1)
    without = ranks[:, None] - above
    without[:, *np.diag_indices(values.shape[1])] = 0
    return ranks, without


def _correlation(x: Floats, y: Floats) -> Floats:
    """Correlation of centred values along the last axis; NaN where either is constant."""
    xy, xx, yy = (np.einsum("...i,...i->...", *pair) for pair in ((x, y), (x, x), (y, y)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(xy / np.sqrt(xx * yy), -1, 1)


def centred_ranks(tokens: Tokens, values: Floats) -> Floats:
    """Midranks of values (n,) within their sentences less the mean midrank there, (n,)."""
    frame = pl.DataFrame({"sentence": tokens.sentence, "value": values})
    ranks = pl.col("value").rank("average").over("sentence")
    centred = ranks - (pl.len().over("sentence") + 1) / 2
    return frame.select(centred).to_series().to_numpy()


def _short(numbers: Integers) -> NDArray[np.uint16] | Integers:
    """Numbers from 0 in 16 bits, if they fit: numpy sorts those in linear time."""
    return numbers.astype(np.uint16) if numbers.max() < 2**16 else numbers
