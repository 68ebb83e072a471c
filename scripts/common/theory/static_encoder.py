"""A static sentence encoder, the sum of its word vectors, and the contrastive loss it minimises.

Of a pair (w, w') of co-occurring words, InfoNCE with dot products and negatives drawn from P
(van den Oord et al. 2018) has in the limit of many negatives the loss

    -sum_{w, w'} P(w, w') log( exp(u_w v_w') / sum_{w''} P(w'') exp(u_w v_w'') ),

u the vectors of words and v those of their contexts (the same if tied). Its minimum is minus the
mutual information of the pair, where u_w v_w' = log P(w' | w) / P(w') + a constant of w.
"""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from common.arrays import Floats

ITERATIONS = 200
"""Of L-BFGS at most; the limit is logged if it is met."""
CURVATURE = 0.05
"""Rough second moment of a coordinate, by which steps of frequent and rare words are scaled."""
PRECISIONS = (10.0, 3.0, 1.0, 0.3, 0.1)
"""Of the Gaussian prior of a coordinate, in the order in which they are tried."""
TOLERANCE = 1e-7
"""Decrease of the loss in a step, in nats, at which the optimum is reached."""
ROUGH = 1e-6
"""The same of fits that only tell penalties apart, by held-out losses 1e-4 apart and more."""


@dataclass(frozen=True)
class Vectors:
    """One vector a word and one a context, each [types, d]; the same where they are tied."""

    words: Floats
    contexts: Floats


class PopulationLoss:
    """The loss of the whole distribution of pairs, a softmax over all types, nothing sampled.

    Parameters
    ----------
    joint
        P(w, w') of an ordered pair, [types, types], summing to one; symmetric.
    """

    def __init__(self, joint: Floats) -> None:
        marginal = joint.sum(axis=1)
        self.joint = torch.tensor(joint, dtype=torch.float32)
        self.marginal = torch.tensor(marginal, dtype=torch.float32)
        self.log_marginal = self.marginal.log()

    def gradients(self, words: Tensor, contexts: Tensor) -> tuple[float, Tensor, Tensor]:
        """The loss in nats, and its gradients by vectors of words and contexts, each [types, d]."""
        scores = words @ contexts.T
        attraction = torch.dot(self.joint.ravel(), scores.ravel())
        scores += self.log_marginal
        highest = scores.amax(dim=1)
        scores.sub_(highest[:, None]).exp_()
        total = scores.sum(dim=1)
        loss = self.marginal.double() @ (total.log() + highest).double() - attraction.double()
        scores.mul_((self.marginal / total)[:, None]).sub_(self.joint)
        return loss.item(), scores @ contexts, scores.T @ words

    def of(self, vectors: Vectors) -> float:
        """The loss in nats."""
        words, contexts = (
            torch.tensor(one, dtype=torch.float32) for one in (vectors.words, vectors.contexts)
        )
        return self.gradients(words, contexts)[0]


def fit(
    joint: Floats,
    dimension: int,
    *,
    tied: bool,
    penalty: float = 0.0,
    start: Vectors | None = None,
    tolerance: float = TOLERANCE,
) -> Vectors:
    """Vectors of the least loss (L-BFGS), in coordinates that the loss leaves open and P fixes.

    Parameters
    ----------
    joint
        P(w, w') of an ordered pair, [types, types], summing to one; symmetric, no row of zeros.
    dimension
        d.
    tied
        Contexts have the vectors of the words.
    penalty
        Adds penalty / 2 times the squared norms of all vectors (a Gaussian prior, the same for
        every word however often it was seen).
    start
        Vectors of at least d dimensions to start from.
    tolerance
        Decrease of the loss in a step, in nats, at which to stop.

    Returns
    -------
    See `canonical`.
    """
    loss, marginal = PopulationLoss(joint), joint.sum(axis=1)
    begin = start or _first_guess(joint, dimension)
    blocks = [begin.words] if tied else [begin.words, begin.contexts]
    scale = np.sqrt(CURVATURE * marginal + penalty)[:, None]
    shape = (len(blocks), len(joint), dimension)

    def objective(flat: Floats) -> tuple[float, Floats]:
        vectors = flat.reshape(shape) / scale
        words, contexts = (torch.tensor(vectors[k], dtype=torch.float32) for k in (0, -1))
        value, *both = loss.gradients(words, contexts)
        slopes = [both[0] + both[1]] if tied else both
        gradient = np.stack([one.double().numpy() for one in slopes]) + penalty * vectors
        return value + penalty / 2 * (vectors**2).sum(), (gradient / scale).ravel()

    optimum = minimize(
        objective,
        np.stack([block[:, :dimension] * scale for block in blocks]).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "ftol": tolerance, "gtol": 0.0, "maxcor": 20},
    )
    if optimum.nit >= ITERATIONS:
        logging.warning("%d steps did not reach the optimum to %.0e", ITERATIONS, tolerance)
    fitted = list(optimum.x.reshape(shape) / scale)
    return canonical(Vectors(fitted[0], fitted[-1]), marginal)


def canonical(vectors: Vectors, probability: Floats) -> Vectors:
    """The same scores, up to constants of w, in coordinates of their own.

    Scores u_w v_w' are the same for u M and v M^-T with any invertible M. Contexts are centred
    under P and M is chosen so that the second moments of u and v under P are one diagonal matrix,
    largest first. Tied vectors are rotated only, to a diagonal second moment.
    """
    weight = np.sqrt(probability)[:, None]
    if vectors.words is vectors.contexts:
        _, _, axes = np.linalg.svd(weight * vectors.words, full_matrices=False)
        rotated = vectors.words @ axes.T
        return Vectors(rotated, rotated)
    contexts = vectors.contexts - probability @ vectors.contexts
    left, right = weight * vectors.words, weight * contexts
    (left, first), (right, second) = np.linalg.qr(left), np.linalg.qr(right)
    one, size, other = np.linalg.svd(first @ second.T)
    return Vectors(left @ one * size**0.5 / weight, right @ other.T * size**0.5 / weight)


def choose_penalty(
    halves: tuple[Floats, Floats], tokens: int, dimension: int, *, tied: bool
) -> float:
    """The penalty, for the pairs of both halves, that a cross-validation between them asks for.

    Vectors are fitted to the first half with ever smaller penalties, until the loss on the second
    rises. A penalty is a precision of the prior by the number of tokens, so that half of it weighs
    as much on the whole.

    Parameters
    ----------
    halves
        Counts of pairs in each half of the documents, [types, types]; no row of zeros in either.
    tokens
        Of both halves.
    """
    first, second = (half / half.sum() for half in halves)
    other = PopulationLoss(second)
    best, chosen, vectors = np.inf, PRECISIONS[0], None
    for precision in PRECISIONS:
        prior = 2 * precision / tokens
        vectors = fit(first, dimension, tied=tied, penalty=prior, start=vectors, tolerance=ROUGH)
        held_out = other.of(vectors)
        logging.info("prior of precision %g: held-out loss %.5f nats", precision, held_out)
        if held_out > best:
            break
        best, chosen = held_out, precision
    return chosen / tokens


def _first_guess(joint: Floats, dimension: int) -> Vectors:
    """Singular vectors of the logarithm of (1 + P(w, w') / P(w) P(w')) / 2."""
    marginal = joint.sum(axis=1)
    weight = np.sqrt(marginal)[:, None]
    ratio = np.log((1 + joint / np.outer(marginal, marginal)) / 2)
    size, axes = np.linalg.eigh(weight * ratio * weight.T)
    largest = np.argsort(-abs(size))[:dimension]
    words = axes[:, largest] * np.sqrt(abs(size[largest])) / weight
    return Vectors(words, words * np.sign(size[largest]))
