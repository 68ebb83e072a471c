"""What each term of a linear model of weight adds to the others: nested models, in any draw."""

import numpy as np
from numpy.typing import NDArray

from common.arrays import Floats
from common.correlations.statistics import variance

COLLINEAR = 1e-10
"""Least eigenvalue of the correlations of the terms below which one is a sum of the others."""
NESTED = ("coefficient", "r_squared_without", "r_squared", "partial_r_squared")


class JointModel:
    """Least squares of weights on several terms at once, with and without each of the terms.

    Parameters
    ----------
    sentence
        Sentence of each token, from 0, (n,).
    terms
        Regressors, (terms, n).
    weights
        Regressands, each with a model of its own, (weights, n).
    sentences
        Number of sentences, those without a token counted in.
    """

    def __init__(
        self, sentence: NDArray[np.intp], terms: Floats, weights: Floats, sentences: int
    ) -> None:
        self.tokens, self.terms = len(sentence), len(terms)
        rows = np.concatenate([terms, weights])
        # Of order one and around zero, the sums of squares lose no digits.
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(float).tiny)
        rows = np.concatenate([np.ones((1, self.tokens)), rows])
        self.products = np.stack(
            [[np.bincount(sentence, a * b, sentences) for b in rows] for a in rows]
        )

    def statistics(self, draws: Floats) -> Floats:
        """What each term adds in each draw.

        With R the correlations of the terms and b the standardised coefficients, leaving term t
        out of the model takes b_t^2 / (R^-1)_tt from its R squared.

        Parameters
        ----------
        draws
            Times that each sentence is drawn, (sentences, draws); ones for the sample itself.

        Returns
        -------
        (weights, terms, 4, draws) in the order of `NESTED`: standardised coefficient, R squared
        of the model without the term, R squared of the model, partial R squared (the share of
        what the other terms leave unexplained). NaN where the draw leaves them undefined (a
        constant term or weight, collinear terms).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            moments = np.moveaxis(self.products @ draws, -1, 0)
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


def _inverse(correlation: Floats) -> Floats:
    """Inverses of matrices (draws, terms, terms); NaN where terms are constant or collinear."""
    known = np.asarray(np.isfinite(correlation).all(axis=(1, 2)))
    identity = np.eye(correlation.shape[1])
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], correlation, identity))
    known &= values[:, 0] > COLLINEAR
    inverse = (vectors / values[:, None]) @ vectors.transpose(0, 2, 1)
    return np.where(known[:, None, None], inverse, np.nan)
