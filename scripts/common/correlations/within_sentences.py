"""How the weight of each sentence is shared out among its tokens, in any draw."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from common.arrays import Floats, Integers
from common.contract import STATISTICS
from common.correlations.resampling import Draws, Tokens
from common.correlations.statistics import Regressions

WITHIN = (*STATISTICS, "sentence_spearman")


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
        shape = (len(quantities), len(shares))
        rho = np.empty((*shape, tokens.sentences))
        influence = np.empty((*shape, len(tokens)))
        for i, x in enumerate(quantities):
            for j, y in enumerate(shares):
                rho[i, j], influence[i, j] = rho_and_influence(tokens, x, y)
        known = np.asarray(np.isfinite(rho).all(axis=1))
        self.ranked, self.known = known.sum(axis=1), known.astype(float)
        self.rho = np.where(known[:, None], rho, 0)
        self.influence = np.where(known[:, None, tokens.sentence], influence, 0)

    def statistics(self, draws: Draws) -> Floats:
        """Statistics (quantities, stages, 5, draws) in the order of `WITHIN`.

        The rho of a sentence answers to the draw of types to first order: drawn literally, few of
        the tokens of a short sentence would be left, and rho of few tokens is smaller.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self.rho @ draws.sentences + self.influence @ draws.of_tokens(self.tokens)
            means /= (self.known @ draws.sentences)[:, None]
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


def rho_and_influence(tokens: Tokens, quantity: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Spearman's rho of quantity and weight (n,) within each sentence, and its derivatives.

    Returns
    -------
    Rho (sentences,), NaN where it is undefined: a sentence of fewer than two tokens, of equal
    quantities or of equal weights. The derivative of the rho of its sentence by the times that
    each token is there, (n,); they sum to 0 in each sentence, as all tokens twice have the same
    rho.
    """
    own = tokens.sentence
    x, y = centred_ranks(tokens, quantity), centred_ranks(tokens, weight)
    xx, xy, yy = (np.bincount(own, term, tokens.sentences) for term in (x * x, x * y, y * y))
    by_xy = x * y + _by_move(own, x, y) + _by_move(own, y, x)
    by_xx, by_yy = x * x + 2 * _by_move(own, x, x), y * y + 2 * _by_move(own, y, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.clip(xy / np.sqrt(xx * yy), -1, 1)
        influence = by_xy / np.sqrt(xx * yy)[own]
        influence -= rho[own] / 2 * (by_xx / xx[own] + by_yy / yy[own])
    return rho, influence


def centred_ranks(tokens: Tokens, values: Floats) -> Floats:
    """Midranks of values (n,) within their sentences less the mean midrank there, (n,)."""
    frame = pl.DataFrame({"sentence": tokens.sentence, "value": values})
    ranks = pl.col("value").rank("average").over("sentence")
    centred = ranks - (pl.len().over("sentence") + 1) / 2
    return frame.select(centred).to_series().to_numpy()


def _by_move(sentence: Integers, ranks: Floats, others: Floats) -> Floats:
    """Derivatives of sum `ranks` x `others` by the times of each token, through `ranks` alone.

    One more token moves those above it up by half a place and those below it down; as `others`
    sum to 0 in a sentence, that is - (sum of `others` below it + half of those at its place).
    """
    frame = pl.DataFrame({"sentence": sentence, "rank": ranks, "other": others})
    places = frame.group_by("sentence", "rank").agg(pl.col("other").sum()).sort("sentence", "rank")
    below = pl.col("other").cum_sum().over("sentence") - pl.col("other") / 2
    moves = places.select("sentence", "rank", move=-below)
    joined = frame.join(moves, ["sentence", "rank"], how="left", maintain_order="left")
    return joined["move"].to_numpy()


def _short(numbers: Integers) -> NDArray[np.uint16] | Integers:
    """Numbers from 0 in 16 bits, if they fit: numpy sorts those in linear time."""
    return numbers.astype(np.uint16) if numbers.max() < 2**16 else numbers
