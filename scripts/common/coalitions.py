"""Shapley values of a vector-valued game: which coalitions to evaluate, and what follows.

Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions" (2017); antithetic
permutations after Mitchell, Cooper, Frank and Holmes, "Sampling Permutations for Shapley Value
Estimation" (2022).
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

FEWEST_PAIRS = 2


@dataclass(frozen=True)
class Exact:
    """All 2^n coalitions of n players: `coalitions` [2^n, n], nobody first, everybody last."""

    coalitions: np.ndarray

    def solve(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shapley values [n, d] of values [2^n, d], and the relative efficiency error [n]."""
        shapley = _kernel(self.coalitions.shape[1]) @ values
        total = values[-1] - values[0]
        gap = np.linalg.norm(shapley.sum(0) - total) / max(float(np.linalg.norm(total)), 1e-30)
        return shapley, np.full(len(shapley), gap)


@dataclass(frozen=True)
class Sampled:
    """Random orders of the players in antithetic pairs, one the reverse of the other.

    `orders` [pairs, 2, n] holds players; `coalitions` [m, n] the distinct coalitions that grow
    along the orders, and `chains` [pairs, 2, n + 1] the place of each among them.
    """

    coalitions: np.ndarray
    orders: np.ndarray
    chains: np.ndarray

    def solve(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unbiased Shapley values [n, d] of coalitions' values [m, d], and standard errors [n].

        The standard error is the root of the variance of the mean over pairs, summed over
        dimensions.
        """
        gains = values[self.chains[..., 1:]] - values[self.chains[..., :-1]]
        by_player = np.take_along_axis(gains, np.argsort(self.orders)[..., None], axis=2)
        pairs = by_player.mean(1)
        variance = pairs.var(0, ddof=1).sum(-1) / len(pairs)
        return pairs.mean(0), np.sqrt(variance)


def plan_coalitions(
    players: int, *, exact_up_to: int, evaluations: int, generator: np.random.Generator
) -> Exact | Sampled:
    """Coalitions to evaluate: all of them up to `exact_up_to` players, a sample above.

    A sample has as many antithetic pairs as `evaluations` coalitions allow, and at least two, which
    its standard error needs.
    """
    if players <= max(exact_up_to, 1):
        return Exact(_all_coalitions(players))
    pairs = max(FEWEST_PAIRS, (evaluations - 2) // (2 * (players - 1)))
    forward = generator.permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
    orders = np.stack([forward, forward[:, ::-1]], axis=1)
    ranks = np.argsort(orders)
    grown = ranks[:, :, None, :] < np.arange(players + 1)[:, None]
    coalitions, chains = np.unique(grown.reshape(-1, players), axis=0, return_inverse=True)
    return Sampled(coalitions, orders, chains.reshape(pairs, 2, players + 1))


@cache
def _all_coalitions(players: int) -> np.ndarray:
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


@cache
def _kernel(players: int) -> np.ndarray:
    """Matrix [n, 2^n] from values to Shapley values: |S|! (n - |S| - 1)! / n! with signs."""
    coalitions = _all_coalitions(players)
    others = coalitions.sum(1) - coalitions.T
    table = [1 / (players * math.comb(players - 1, size)) for size in range(players)] + [0.0]
    return np.where(coalitions.T, 1, -1) * np.array(table)[others]
