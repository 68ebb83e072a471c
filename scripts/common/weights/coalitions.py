"""Plans of which coalitions of a vector-valued game to evaluate for its Shapley values.

Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions" (2017).
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from common.weights.coalition_designs import make_design

MOST_EVALUATIONS = 4096
"""Of a sample; its design takes the cube of it in time."""


@dataclass(frozen=True)
class Estimate:
    """Shapley values [n, d] of n players, and how far they may be from the truth.

    `error` [n] is the standard error of each, the root of the variance summed over dimensions: 0
    where the values are `exact`, NaN where it is not known. `relative_error` is the root of its
    summed squares over the norm of what all players are worth; `completeness` the norm of what the
    values miss of that, relative to it.
    """

    shapley: np.ndarray
    error: np.ndarray
    relative_error: float
    completeness: float
    evaluations: int
    exact: bool


Plan = Generator[np.ndarray, np.ndarray, Estimate]
"""Gives coalitions [k, n] to evaluate, wants their values [k, d], and ends with the estimate."""


def plan_coalitions(
    players: int,
    *,
    exact_up_to: int,
    evaluations: int,
    target_error: float | None,
    generator: np.random.Generator,
    at_once: int = 16_384,
) -> Plan:
    """The plan for a game: enumeration, or a sample where that takes fewer evaluations.

    All coalitions are evaluated up to `exact_up_to` players, and where `evaluations` allow it. A
    sample takes `most_evaluations` or, if a `target_error` is given, as many of them as its
    relative error takes to get there; then that is tried before enumeration. Enumerated coalitions
    come `at_once` in a round.
    """
    most = most_evaluations(players, evaluations)
    sampled = max(most, evaluations) if target_error is None else most_evaluations(players, 0)
    if players <= exact_up_to or 2**players <= sampled:
        return enumerate_coalitions(players, at_once)
    return sample_coalitions(players, most // 2 - 1, target_error, generator)


def most_evaluations(players: int, evaluations: int) -> int:
    """Coalitions that a sample takes at most, given a budget.

    That is the budget, but MOST_EVALUATIONS at most, and three a player and two or three at least.
    """
    return max(min(evaluations, MOST_EVALUATIONS), 2 * _fewest_pairs(players) + 2)


def evaluate_plans(
    plans: Sequence[Plan], evaluate: Callable[[dict[int, np.ndarray]], np.ndarray]
) -> list[Estimate]:
    """The estimates of `plans` that go on side by side, one call of `evaluate` a round.

    It is given the coalitions that plans want, by their number, and gives the values of all, one
    after the other.
    """
    wanted = {number: next(plan) for number, plan in enumerate(plans)}
    estimates: dict[int, Estimate] = {}
    while wanted:
        ends = np.cumsum([len(coalitions) for coalitions in wanted.values()])[:-1]
        values = dict(zip(wanted, np.split(evaluate(wanted), ends), strict=True))
        wanted = {}
        for number, part in values.items():
            try:
                wanted[number] = plans[number].send(part)
            except StopIteration as end:
                estimates[number] = end.value
    return [estimates[number] for number in range(len(plans))]


def enumerate_coalitions(players: int, at_once: int) -> Plan:
    """Exact values from all 2^n coalitions, so many at once."""
    coalitions, kernel = _all_coalitions(players), _kernel(players)
    values = yield coalitions[:at_once]
    nobody, shapley = values[0], kernel[:, :at_once] @ values
    for k in range(at_once, len(coalitions), at_once):
        values = yield coalitions[k : k + at_once]
        shapley += kernel[:, k : k + at_once] @ values
    total = values[-1] - nobody
    gap = _ratio(shapley.sum(0) - total, total)
    return Estimate(shapley, np.zeros(players), 0.0, gap, len(coalitions), exact=True)


def sample_coalitions(
    players: int, most_pairs: int, target_error: float | None, generator: np.random.Generator
) -> Plan:
    """Unbiased values from at most so many coalitions and their complements, besides everybody.

    The sample is a fixed design whose players are relabelled at random. With a `target_error`, it
    grows by half until it gets there.
    """
    labels = generator.permutation(players)
    most = min(most_pairs, 2 ** (players - 1) - 1)
    pairs = most if target_error is None else min(most, _fewest_pairs(players))
    halves: list[np.ndarray] = []
    while True:
        design = make_design(players, pairs)
        nobody = np.zeros((1, players), dtype=bool)
        coalitions = np.concatenate([nobody, design.coalitions[:, labels]])
        new = coalitions[len(halves) :]
        values = yield np.concatenate([new, ~new])
        halves.extend((values[: len(new)] - values[len(new) :]) / 2)
        nothing, *rest = halves
        equal_split = np.outer(1 - 2 * coalitions[1:].mean(1), nothing)
        beyond, variances = design.estimate(np.array(rest) - equal_split)
        relative_error = _ratio(np.sqrt(variances), 2 * nothing)
        if pairs == most or (target_error is not None and relative_error <= target_error):
            break
        pairs = min(most, pairs * 3 // 2)
    shapley = beyond[labels] - 2 * nothing / players
    error = np.sqrt(variances[labels])
    gap = _ratio(shapley.sum(0) + 2 * nothing, 2 * nothing)
    return Estimate(shapley, error, relative_error, gap, 2 * len(halves), exact=False)


def _ratio(part: np.ndarray, whole: np.ndarray) -> float:
    return float(np.linalg.norm(part)) / max(float(np.linalg.norm(whole)), 1e-30)


def _fewest_pairs(players: int) -> int:
    return (3 * players + 1) // 2


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
