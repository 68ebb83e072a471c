"""Norms of word vectors that approximate the information gain of a word (Oyama et al. 2023).

A model P(w' | w) = P(w') exp(u_w v_w') / Z_w is an exponential family in u with P at u = 0, so to
second order KL(w) = 1/2 u_w' G u_w, where G is the covariance of v under P.
"""

import numpy as np
import polars as pl

from common.arrays import Floats
from common.contract import STATISTICS
from common.correlations.resampling import Tokens, in_sample
from common.correlations.statistics import Regressions


def euclidean_norm(words: Floats, probability: Floats) -> Floats:
    """1/2 |u_w - mean|^2 of vectors [types, d], mean under P [types]; [types]."""
    centred = words - probability @ words
    return (centred**2).sum(axis=1) / 2


def metric_norm(words: Floats, contexts: Floats, probability: Floats) -> Floats:
    """1/2 (u_w - mean)' G (u_w - mean), G the covariance of `contexts` under P; [types]."""
    centred = words - probability @ words
    return np.einsum("wd,de,we->w", centred, covariance(contexts, probability), centred) / 2


def covariance(vectors: Floats, probability: Floats) -> Floats:
    """Covariance [d, d] of vectors [types, d] under P [types]."""
    centred = vectors - probability @ vectors
    return centred.T @ (probability[:, None] * centred)


def model_divergence(words: Floats, contexts: Floats, probability: Floats) -> Floats:
    """KL(w) in nats of P(w' | w) = P(w') exp(u_w v_w') / Z_w from P, to all orders; [types]."""
    scores = words @ contexts.T
    highest = scores.max(axis=1, keepdims=True)
    mass = probability * np.exp(scores - highest)
    total = mass.sum(axis=1, keepdims=True)
    gain = (mass * (scores - highest)).sum(axis=1, keepdims=True) / total - np.log(total)
    return gain[:, 0]


def regress_types(quantity: pl.Series, norm: pl.Series) -> dict[str, float | int | None]:
    """n and `STATISTICS` of the regression of norm on quantity, a type each; null: left out."""
    known = (quantity.is_finite() & norm.is_finite()).fill_null(False)
    n = int(known.sum())
    if n < 3:
        return {"n": n} | dict.fromkeys(STATISTICS)
    x, y = quantity.filter(known).to_numpy(), norm.filter(known).to_numpy()
    own = Tokens(np.arange(n), np.arange(n), n, n)
    fitted = in_sample(Regressions(own, x[None], y[None]))[0, 0]
    values = (float(value) if np.isfinite(value) else None for value in fitted)
    return {"n": n} | dict(zip(STATISTICS, values, strict=True))
