"""What each term of a linear model of weight adds to the others: nested models, in any draw."""

import numpy as np

from common.arrays import Floats, Integers
from common.correlations.resampling import Draws, Tokens
from common.correlations.statistics import OfTypes, variance

COLLINEAR = 1e-10
"""Least eigenvalue of the correlations of the terms below which one is a sum of the others."""
NESTED = ("coefficient", "r_squared_without", "r_squared", "partial_r_squared")


class JointModel:
    """Least squares of weights on several terms at once, with and without each of the terms.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    terms
        Regressors, (terms, n): of the type, of the token, or of the sentence, as its length is.
    weights
        Regressands, (weights, n), each with a model of its own.
    """

    def __init__(self, tokens: Tokens, terms: Floats, weights: Floats) -> None:
        self.tokens, self.terms = tokens, len(terms)
        rows = np.concatenate([terms, weights])
        # Of order one and around zero, the sums of squares lose no digits.
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(float).tiny)
        self.x, self.y = np.split(rows, [len(terms)])
        rows = np.concatenate([np.ones((1, len(tokens))), rows])
        size = len(rows)
        # No model has two weights.
        self.pairs = np.array(
            [(i, j) for i in range(size) for j in range(i, size) if i <= len(terms) or i == j]
        ).T
        self.products = rows[self.pairs[0]] * rows[self.pairs[1]]
        self.by_type = OfTypes(tokens)

    def statistics(self, draws: Draws) -> Floats:
        """What each term adds in each draw.

        With R the correlations of the terms and b the standardised coefficients, leaving term t
        out of the model takes b_t^2 / (R^-1)_tt from its R squared.

        Returns
        -------
        (weights, terms, 4, draws) in the order of `NESTED`: standardised coefficient, R squared
        of the model without the term, R squared of the model, partial R squared (the share of
        what the other terms leave unexplained). NaN where the draw leaves them undefined (a
        constant term or weight, collinear terms).
        """
        sums = (self.products @ draws.of_tokens(self.tokens)).T
        moments = np.full((len(sums), *[1 + self.terms + len(self.y)] * 2), np.nan)
        moments[:, self.pairs[0], self.pairs[1]] = moments[:, self.pairs[1], self.pairs[0]] = sums
        with np.errstate(invalid="ignore", divide="ignore"):
            n, totals = moments[:, :1, 0], moments[:, 0, 1:]
            squares = np.diagonal(moments, axis1=1, axis2=2)[:, 1:]
            spread = np.sqrt(variance(n, totals, squares))
            covariance = moments[:, 1:, 1:] - totals[:, :, None] * totals[:, None] / n[:, :, None]
            correlation = covariance / (spread[:, :, None] * spread[:, None])
            among = correlation[:, : self.terms, : self.terms]
            with_weight = correlation[:, : self.terms, self.terms :]
            inverse = _inverse(among)
            coefficient = inverse @ with_weight
            r_squared = np.minimum((coefficient * with_weight).sum(axis=1, keepdims=True), 1)
            added = coefficient**2 / np.diagonal(inverse, axis1=1, axis2=2)[:, :, None]
            without = np.maximum(r_squared - added, 0)
            partial = np.minimum(added / (1 - without), 1)
        r_squared = np.broadcast_to(r_squared, coefficient.shape)
        return np.stack([coefficient, without, r_squared, partial]).transpose(3, 2, 0, 1)

    def permuted(self, i: int, receiver: Integers) -> Floats:
        """What a term adds when what the others do not say of it is permuted over the types.

        The term is split into its regression, over types, on the other terms' means of each type,
        which stays, and the residual, which is permuted: the association of the terms with each
        other is kept (Smith's method in Winkler et al. 2014, NeuroImage 92, 381-397).

        Parameters
        ----------
        i
            Number of the term.
        receiver
            Which of the types present gets the residual of each of them, (present, permutations).

        Returns
        -------
        (weights, 4, permutations) in the order of `NESTED`, but the partial correlation in place
        of its square, and NaN in place of the R squared of both models; all NaN if the term
        belongs to the token, or to the sentence, and not to the type.
        """
        undefined = np.full((len(self.y), receiver.shape[1]), np.nan)
        value = self.by_type.values(self.x[i])
        if value is None:
            return np.stack([undefined] * 4, axis=1)
        count = self.by_type.count.astype(float)
        others = np.concatenate([np.ones((1, len(self.tokens))), np.delete(self.x, i, axis=0)])
        means = self.by_type.sums(others.T) / count[:, None]
        root = np.sqrt(count)
        kept = means @ np.linalg.lstsq(root[:, None] * means, root * value)[0]
        residual = value - kept
        # What the other terms span, and the weights without it.
        _, sizes, span = np.linalg.svd(others, full_matrices=False)
        span = span[sizes > sizes[0] * np.sqrt(COLLINEAR)]
        rest = self.y - (self.y @ span.T) @ span
        of_span, of_rest = self.by_type.sums(span.T).T, self.by_type.sums(rest.T).T
        squares = 2 * residual @ (count * kept).take(receiver) + residual**2 @ count.take(receiver)
        squares += count @ kept**2
        for sums in of_span:
            squares -= (sums @ kept + residual @ sums.take(receiver)) ** 2
        added = np.stack([sums @ kept + residual @ sums.take(receiver) for sums in of_rest])
        with np.errstate(invalid="ignore", divide="ignore"):
            squares = np.where(squares > COLLINEAR * (count @ value**2), squares, np.nan)
            spread = [variance(len(y), y.sum(), y @ y) for y in self.y]
            scale = np.sqrt(count @ value**2 / np.array(spread))[:, None]
            unexplained = np.einsum("wn,wn->w", rest, rest)[:, None]
            partial = added / np.sqrt(squares * unexplained)
            coefficient = np.where(np.isfinite(partial), added / squares * scale, np.nan)
        return np.stack([coefficient, undefined, undefined, partial], axis=1)


def _inverse(correlation: Floats) -> Floats:
    """Inverses of matrices (draws, terms, terms); NaN where terms are constant or collinear."""
    known = np.asarray(np.isfinite(correlation).all(axis=(1, 2)))
    identity = np.eye(correlation.shape[1])
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], correlation, identity))
    known &= values[:, 0] > COLLINEAR
    inverse = (vectors / values[:, None]) @ vectors.transpose(0, 2, 1)
    return np.where(known[:, None, None], inverse, np.nan)
