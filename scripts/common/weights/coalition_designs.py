"""Which coalitions to sample, and the weights that turn their values into Shapley values.

A coalition S of n players is evaluated with its complement, and y(S) is half the difference of
their values, less what equal players would make it. Interactions of two players cancel in it, and
for additive games y(S) = x(S) . phi with x_i(S) = [i in S] - |S| / n. Shapley values are the mean
over the sizes 1 to n - 1 of the slope of y on x among all coalitions of the size. If the players
are relabelled at random, the part along x(S) is what remains on average of the weights L(S) in an
estimate sum_S L(S) y(S). So it is unbiased, whatever the game, if and only if the sum of
L(S) . x(S) over the sampled coalitions of size s is 2 for each s < n / 2, and 1 for s = n / 2.
Of all such weights, those here are exact for additive games and have the least variance where what
a game adds to that is noise and a random polynomial of the players and the size.

Pairs after Covert and Lee, "Improving KernelSHAP" (2021); equal shares of the sizes and no
replacement after Musco and Witter, "Provably Accurate Shapley Value Estimation via Leverage Score
Sampling" (2025); components of variance after Rao, "Minimum variance quadratic unbiased estimation
of variance components" (1971).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import null_space, solve_triangular
from scipy.optimize import nnls
from scipy.special import comb
from scipy.stats import hypergeom

DEVIATION = 8.0
"""Prior variance of each kind of deviation from additivity; noise has 1."""
VAGUE = 100.0
"""Prior variance of what the weights are exact for, while coalitions are chosen."""
CANDIDATES = 32


@dataclass(frozen=True)
class Design:
    """Coalitions [m, n], their weights L [m, n], and what the variance of the estimate needs.

    Noise (k = 0) and each of the four kinds of deviation have a covariance K_k, `covariances`
    [5, m, m], and an unknown scale s_k >= 0. With R = `residuals` [m, m] the scales solve, by least
    squares, sum_l E_kl s_l = (R y)' K_k (R y), E = `expected` [5, 5]. Summed over the players the
    variance of the estimate is then sum_k v_k s_k, v = `variances` [5], of which `shares` [n] fall
    on each.
    """

    coalitions: np.ndarray
    weights: np.ndarray
    residuals: np.ndarray
    covariances: np.ndarray
    expected: np.ndarray
    variances: np.ndarray
    shares: np.ndarray

    def estimate(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What Shapley values [n, d] are beyond an equal split, of y [m, d], and variances [n].

        Variances are summed over dimensions.
        """
        left = self.residuals @ y
        products = (self.covariances * (left @ left.T)).sum((1, 2))
        scale = max(products[0], np.finfo(float).tiny)
        each = scale * nnls(self.expected, products / scale)[0]
        return self.weights.T @ y, self.variances @ each * self.shares


@lru_cache(maxsize=12)
def make_design(players: int, pairs: int) -> Design:
    """The design of so many pairs; a larger one begins with the coalitions of a smaller one."""
    coalitions = choose_coalitions(players, pairs)
    sizes, shares, _ = strata(players)
    x = coalitions - coalitions.mean(1, keepdims=True)
    basis = null_space(np.ones((1, players)))
    known = np.column_stack([x @ basis, _skewness(coalitions)])
    covariances = np.stack([np.eye(pairs), *_deviations(*_agreement(coalitions, coalitions))])
    prior = covariances[0] + DEVIATION * covariances[1:].sum(0)
    precision = np.linalg.inv(prior)
    slopes = precision @ known @ np.linalg.inv(known.T @ precision @ known)
    residuals = precision - slopes @ known.T @ precision
    weights = slopes[:, :-1] @ basis.T

    of_size = (coalitions.sum(1)[:, None] == sizes).astype(float)
    coupling = of_size.T @ (residuals * (x @ x.T)) @ of_size
    lacking = shares - of_size.T @ (weights * x).sum(1)
    more = np.linalg.pinv(coupling, rcond=1e-9, hermitian=True) @ lacking
    weights += residuals @ ((of_size @ more)[:, None] * x)

    smoothed = covariances @ residuals
    spread = [((covariance @ weights) * weights).sum() for covariance in covariances]
    by_player = ((prior @ weights) * weights).sum(0)
    return Design(
        coalitions,
        weights,
        residuals,
        covariances,
        np.einsum("kst,lts->kl", smoothed, smoothed, optimize=True),
        np.maximum(spread - _spread_of_shapley(players), 0),
        by_player / by_player.sum(),
    )


def choose_coalitions(players: int, pairs: int) -> np.ndarray:
    """Coalitions [pairs, n] of at most half the players, no two alike or each other's complement.

    Each has the size that lacks most of its share, and is of `CANDIDATES` random ones the one whose
    value has the largest variance under the prior, given the values of those before it.
    """
    generator = np.random.default_rng(players)
    sizes, shares, population = strata(players)
    taken = np.zeros(len(sizes))
    chosen = np.zeros((pairs, players), dtype=bool)
    factor = np.zeros((pairs, pairs))
    seen: set[bytes] = set()
    for k in range(pairs):
        size = sizes[np.where(taken < population, shares / (taken + 0.5), -1).argmax()]
        taken[size - 1] += 1
        fresh: list[np.ndarray] = []
        while not fresh:
            drawn = generator.random((CANDIDATES, players)).argsort(axis=1) < size
            drawn ^= (2 * size == players) & ~drawn[:, :1]
            fresh = [row for row in drawn if row.tobytes() not in seen]
        candidates = np.array(fresh)
        explained = solve_triangular(
            factor[:k, :k], _prior(chosen[:k], candidates), lower=True, check_finite=False
        )
        best = (explained**2).sum(0).argmin()
        chosen[k], factor[k, :k] = candidates[best], explained[:, best]
        variance = 1 + _prior(chosen[k : k + 1], chosen[k : k + 1])[0, 0]
        factor[k, k] = np.sqrt(variance - explained[:, best] @ explained[:, best])
        seen.add(chosen[k].tobytes())
    return chosen


def strata(players: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sizes of coalitions that pairs of one and its complement are drawn from.

    Returns
    -------
    Each an array of shape (floor(n / 2),): the sizes s = 1 ... n / 2; how many of the sizes
    1 ... n - 1 each stands for (s and n - s: 2; s = n / 2: 1); and the number of its pairs, C(n, s)
    or, of s = n / 2, half of that.
    """
    sizes = np.arange(1, players // 2 + 1)
    shares = np.where(2 * sizes == players, 1, 2)
    return sizes, shares, comb(players, sizes) * shares / 2


def _prior(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    agreement, expected = _agreement(left, right)
    vague = agreement - expected + np.outer(_skewness(left), _skewness(right))
    return VAGUE * vague + DEVIATION * sum(_deviations(agreement, expected))


def _skewness(coalitions: np.ndarray) -> np.ndarray:
    """The cubic of the size that is 0 for nobody, half and everybody."""
    surplus = 2 * coalitions.mean(1) - 1
    return surplus**3 - surplus


def _agreement(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How coalitions agree about the players, from -1 to 1 [a, b], and would by their sizes."""
    signs, others = 2.0 * left - 1, 2.0 * right - 1
    return signs @ others.T / left.shape[1], np.outer(signs.mean(1), others.mean(1))


def _deviations(agreement: np.ndarray, expected: np.ndarray) -> list[np.ndarray]:
    """Covariances of random polynomials that change their sign with the complement.

    They are products of three players; of two, of one, and of four players with the size.
    """
    square = agreement * agreement
    pairs = square * expected
    return [square * agreement, pairs, agreement * expected * expected, square * pairs]


def _spread_of_shapley(players: int) -> np.ndarray:
    """Variance, summed over players, of the Shapley values of noise and of each kind alone.

    The spread of an estimate beyond it is error.
    """
    n = players
    sizes, shares, population = strata(n)
    noise = (shares**2 * n / (sizes * (n - sizes) * population)).sum()
    one, other, both = np.ogrid[1:n, 1:n, 0:n]
    probability = hypergeom.pmf(both, n, one, other)
    agreement = 1 - 2 * (one + other - 2 * both) / n
    expected = (2 * one / n - 1) * (2 * other / n - 1)
    slope = n**3 * (agreement - expected) / (4 * one * (n - one) * other * (n - other))
    weighted = [(probability * slope * part).sum() for part in _deviations(agreement, expected)]
    return np.array([noise, *weighted])
