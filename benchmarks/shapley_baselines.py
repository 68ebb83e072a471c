"""Estimators of Shapley values from the literature, of games whose every value is known.

Each takes a game and a number of coalitions with their complements, and gives values [n, d].
"""

import numpy as np
from numpy.random import Generator

from common.weights.coalition_designs import strata


class Game:
    """Values [2^n, d] of all coalitions by their number; counts those that are asked for."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.n = values, int(np.log2(len(values)))
        self.everybody = values[-1] - values[0]
        self.asked = {0, len(values) - 1}
        members = (np.arange(len(values))[:, None] >> np.arange(self.n) & 1).astype(bool)
        last_out = members[~members[:, -1]]  # of a coalition and its complement, one
        half = np.where(2 * last_out.sum(1, keepdims=True) > self.n, ~last_out, last_out)
        self.of_size = [half[half.sum(1) == size] for size in range(1, self.n // 2 + 1)]

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        numbers = coalitions @ (1 << np.arange(self.n))
        self.asked.update(numbers.ravel().tolist())
        return self.values[numbers]

    def odd(self, coalitions: np.ndarray) -> np.ndarray:
        """Half the difference to the complement, less what equal players would make it."""
        split = np.outer(coalitions.mean(1) - 0.5, self.everybody)
        return (self(coalitions) - self(~coalitions)) / 2 - split

    def draw(self, counts: np.ndarray, random: Generator, replace: bool = False) -> np.ndarray:
        groups = zip(self.of_size, counts, strict=True)
        return np.concatenate([random.choice(g, k, replace=replace) for g, k in groups])

    def even_counts(self, pairs: int) -> np.ndarray:
        """So many pairs dealt out to the sizes by their shares."""
        _, shares, population = strata(self.n)
        counts = np.zeros(len(shares), dtype=int)
        for _ in range(min(pairs, int(population.sum()))):
            counts[np.where(counts < population, shares / (counts + 0.5), 0).argmax()] += 1
        return counts


def centred(coalitions: np.ndarray) -> np.ndarray:
    return coalitions - coalitions.mean(1, keepdims=True)


def along(game: Game, orders: list[np.ndarray]) -> np.ndarray:
    """Mean gain of each player along orders and their reverses."""
    gains = []
    for order in [*orders, *(order[::-1] for order in orders)]:
        rank = np.argsort(order)
        gains.append(np.diff(game(rank < np.arange(game.n + 1)[:, None]), axis=0)[rank])
    return np.mean(gains, axis=0)


def permutations(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Mitchell, Cooper, Frank and Holmes 2022; unbiased."""
    orders = max(1, pairs // (game.n - 1))
    return along(game, [random.permutation(game.n) for _ in range(orders)])


def latin_squares(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """The same, of shifts of an order, so that everybody has every place; unbiased."""
    orders = max(1, pairs // (game.n - 1))
    starts = [random.permutation(game.n) for _ in range(0, orders, game.n)]
    return along(game, [np.roll(starts[k // game.n], k) for k in range(orders)])


def regression(game: Game, coalitions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares under the constraint that the values sum to what everybody is worth."""
    root = np.sqrt(weights)[:, None]
    beyond = np.linalg.pinv(root * centred(coalitions)) @ (root * game.odd(coalitions))
    return game.everybody / game.n + beyond


def kernel_sizes(game: Game) -> np.ndarray:
    """Probability of each size under the Shapley kernel, a size standing for its complement."""
    sizes, shares, _ = strata(game.n)
    kernel = shares / (sizes * (game.n - sizes))
    return kernel / kernel.sum()


def kernel_shap(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Lundberg and Lee 2017, with pairs as in Covert and Lee 2021."""
    counts = random.multinomial(50 * pairs, kernel_sizes(game))
    drawn = random.permutation(game.draw(counts, random, replace=True))
    _, first = np.unique(drawn, axis=0, return_index=True)
    last = np.append(np.sort(first), len(drawn))[min(pairs, len(first))]
    coalitions, weights = np.unique(drawn[:last], axis=0, return_counts=True)
    return regression(game, coalitions, weights)


def leverage_shap(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Musco and Witter 2025: sizes in equal shares, each coalition once."""
    sizes, shares, population = strata(game.n)
    rates = np.geomspace(1e-3, 1e6, 10_000)
    expected = np.minimum(population, rates[:, None] * shares)
    likely = expected[np.abs(expected.sum(1) - pairs).argmin()] / population
    counts = random.binomial(population.astype(int), likely)
    weights = shares / population / likely / (sizes * (game.n - sizes))
    return regression(game, game.draw(counts, random), np.repeat(weights, counts))


def unbiased_kernel_shap(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Covert and Lee 2021."""
    likely = kernel_sizes(game)
    coalitions = game.draw(random.multinomial(pairs, likely), random, replace=True)
    sizes = np.arange(1, len(likely) + 1)
    scale = likely @ (sizes * (game.n - sizes)) / game.n / (game.n - 1)
    moment = centred(coalitions).T @ (game(coalitions) - game(~coalitions)) / 2 / pairs
    return game.everybody / game.n + moment / scale


def by_size(game: Game, coalitions: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean over the sizes of the mean of x y / (mean of x^2)."""
    size, shares = coalitions.sum(1), strata(game.n)[1]
    counts = np.bincount(size, minlength=len(shares) + 1)
    rates = shares[size - 1] / counts[size] * game.n / (size * (game.n - size))
    return (rates[:, None] * centred(coalitions)).T @ y


def complements(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Complementary contributions by size, after Zhang et al. 2023; unbiased."""
    drawn = game.draw(game.even_counts(pairs), random)
    return game.everybody / game.n + by_size(game, drawn, (game(drawn) - game(~drawn)) / 2)


def adjusted(game: Game, pairs: int, random: Generator) -> np.ndarray:
    """Regression-adjusted, two folds, after Witter, Liu and Musco 2025; unbiased."""
    halves = [game.draw(game.even_counts(k), random) for k in (pairs // 2, pairs - pairs // 2)]
    found = []
    for fitted, other in (halves, halves[::-1]):
        slope = np.linalg.pinv(centred(fitted)) @ game.odd(fitted)
        found.append(slope + by_size(game, other, game.odd(other) - centred(other) @ slope))
    return game.everybody / game.n + np.mean(found, axis=0)


BASELINES = {
    "antithetic permutations": permutations,
    "shifted permutations": latin_squares,
    "KernelSHAP, paired": kernel_shap,
    "Leverage SHAP": leverage_shap,
    "unbiased KernelSHAP": unbiased_kernel_shap,
    "complementary contributions": complements,
    "regression-adjusted": adjusted,
}
