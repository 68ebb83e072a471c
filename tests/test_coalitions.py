"""Shapley values of games against brute force, the axioms, and what a sample says of its error."""

import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.weights.coalition_designs import (
    _agreement,
    _deviations,
    _spread_of_shapley,
    choose_coalitions,
    make_design,
    strata,
)
from common.weights.coalitions import (
    MOST_EVALUATIONS,
    Estimate,
    Plan,
    enumerate_coalitions,
    evaluate_plans,
    most_evaluations,
    plan_coalitions,
)

Kind = Callable[[int, int, int], np.ndarray]


class Labels(np.random.Generator):
    """A generator whose only permutation is known."""

    def __init__(self, order: Iterable[int]) -> None:
        super().__init__(np.random.PCG64(0))
        self.order = np.array(order)

    def permutation(self, x: int) -> np.ndarray:  # type: ignore[override]
        return self.order


def sample(
    players: int,
    evaluations: int,
    generator: np.random.Generator | int = 0,
    target_error: float | None = None,
) -> Plan:
    return plan_coalitions(
        players,
        exact_up_to=0,
        evaluations=evaluations,
        target_error=target_error,
        generator=np.random.default_rng(generator),
    )


def play(plan: Plan, game: np.ndarray) -> Estimate:
    """What a plan finds for values [2^n, d] of coalitions by their number."""
    return evaluate_plans([plan], lambda wanted: game[numbers(wanted[0])])[0]


def numbers(coalitions: np.ndarray) -> np.ndarray:
    return coalitions @ (1 << np.arange(coalitions.shape[1]))


def exact(game: np.ndarray) -> np.ndarray:
    return play(enumerate_coalitions(int(np.log2(len(game))), 50), game).shapley


def all_coalitions(players: int) -> np.ndarray:
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def random_game(players: int, seed: int, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2**players, width))


def smooth_game(players: int, seed: int, width: int = 16) -> np.ndarray:
    """Sums that saturate, as those of an encoder do."""
    generator = np.random.default_rng(seed)
    sums = all_coalitions(players) @ generator.normal(size=(players, width))
    return np.tanh(sums + generator.normal(size=width))


def cubic_game(players: int, seed: int, width: int = 16) -> np.ndarray:
    """Products of three players of random sign and size."""
    signs = 2.0 * all_coalitions(players) - 1
    triples = np.array(list(itertools.combinations(range(players), 3)))
    worth = np.random.default_rng(seed).normal(size=(len(triples), width))
    return signs[:, triples].prod(2) @ worth


def by_permutations(game: np.ndarray, players: int) -> np.ndarray:
    orders = list(itertools.permutations(range(players)))
    found = np.zeros((players, game.shape[1]))
    for order in orders:
        number = 0
        for player in order:
            found[player] += game[number | 1 << player] - game[number]
            number |= 1 << player
    return found / len(orders)


def by_antithetic_orders(game: np.ndarray, seed: int) -> np.ndarray:
    """Of 12 players, from 11 random orders and their reverses: at most 244 coalitions."""
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(12) for _ in range(11)]
    orders += [order[::-1] for order in orders]
    gains = [np.diff(game[np.cumsum([0, *(1 << order)])], axis=0) for order in orders]
    return np.mean([gain[np.argsort(o)] for gain, o in zip(gains, orders, strict=True)], 0)


def norm(x: np.ndarray) -> float:
    return float(np.linalg.norm(x))


@pytest.mark.parametrize("players", [1, 2, 4, 5])
@pytest.mark.parametrize("at_once", [1, 7, 32])
def test_exact_equals_all_permutations(players: int, at_once: int) -> None:
    game = random_game(players, players)
    found = play(enumerate_coalitions(players, at_once), game)
    np.testing.assert_allclose(found.shapley, by_permutations(game, players), atol=1e-12)
    assert found.exact
    assert found.error.max() == found.relative_error == 0
    assert found.completeness < 1e-12
    assert found.evaluations == 2**players


@given(st.integers(4, 8), st.integers(0, 1000), st.sampled_from([15, 40, 9999]))
@settings(deadline=None, max_examples=40)
def test_axioms(players: int, seed: int, evaluations: int) -> None:
    one, two = random_game(players, seed), random_game(players, seed + 1)
    a, b, both = (
        play(sample(players, evaluations, seed), game).shapley for game in (one, two, 2 * one - two)
    )
    np.testing.assert_allclose(both, 2 * a - b, atol=1e-9)
    np.testing.assert_allclose(a.sum(0), one[-1] - one[0], atol=1e-9)


@given(st.integers(2, 7), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_exact_values_of_dummies_and_of_players_that_are_alike(players: int, seed: int) -> None:
    game = random_game(players, seed)
    without_first = game[np.arange(2**players) & ~1]
    np.testing.assert_allclose(exact(without_first)[0], 0, atol=1e-12)
    number = np.arange(2**players)
    first, second = number & 1, number >> 1 & 1
    swapped = number & ~3 | first << 1 | second
    alike = exact(game + game[swapped])
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-12)


@pytest.mark.parametrize(("players", "evaluations"), [(4, 14), (5, 18), (5, 26), (6, 20)])
def test_a_sample_is_unbiased_over_all_orders_of_the_players(
    players: int, evaluations: int
) -> None:
    game = random_game(players, 3)
    orders = list(itertools.permutations(range(players)))
    found = [play(sample(players, evaluations, Labels(order)), game) for order in orders]
    assert {one.evaluations for one in found} == {evaluations}
    truth = by_permutations(game, players)
    assert norm(found[0].shapley - truth) > 0.1 * norm(truth)
    np.testing.assert_allclose(np.mean([one.shapley for one in found], 0), truth, atol=1e-10)


@pytest.mark.parametrize(("players", "evaluations"), [(8, 32), (8, 60), (11, 100), (11, 256)])
@pytest.mark.parametrize("kind", [smooth_game, cubic_game, random_game])
def test_a_sample_is_unbiased_and_knows_its_error(
    players: int, evaluations: int, kind: Kind
) -> None:
    game = kind(players, 3, 16)
    truth = exact(game)
    runs = [play(sample(players, evaluations, seed), game) for seed in range(400)]
    misses = np.stack([run.shapley for run in runs]) - truth
    spread = np.sqrt((misses**2).sum(-1).mean(0))
    assert (np.linalg.norm(misses.mean(0), axis=1) < 4 * spread / np.sqrt(len(runs))).all()
    claimed = np.mean([run.error**2 for run in runs], 0)
    assert claimed.sum() == pytest.approx((spread**2).sum(), rel=0.2)
    np.testing.assert_allclose(np.sqrt(claimed), spread, rtol=0.2)


@pytest.mark.parametrize("players", [9, 12])
def test_games_without_interactions_of_three_need_no_luck(players: int) -> None:
    generator = np.random.default_rng(players)
    here = all_coalitions(players).astype(float)
    pairs = generator.normal(size=(players, players, 4))
    game = np.einsum("sa,abd,sb->sd", here, pairs, here, optimize=True)
    found = play(sample(players, 60), game)
    np.testing.assert_allclose(found.shapley, (pairs.sum(1) + pairs.sum(0)) / 2, atol=1e-9)
    assert found.error.max() < 1e-9


@pytest.mark.parametrize("kind", [smooth_game, cubic_game, random_game])
def test_a_sample_beats_antithetic_permutations(kind: Kind) -> None:
    misses = np.zeros((20, 2))
    for seed in range(20):
        game = kind(12, seed, 16)
        truth = exact(game)
        found = play(sample(12, 256, seed), game).shapley
        misses[seed] = norm(found - truth), norm(by_antithetic_orders(game, seed) - truth)
    ours, theirs = misses.mean(0)
    assert ours < 0.5 * theirs


@given(st.integers(1, 40), st.integers(8, 400), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_coalitions_are_distinct_and_within_the_budget(
    players: int, evaluations: int, seed: int
) -> None:
    asked = []

    def values(wanted: dict[int, np.ndarray]) -> np.ndarray:
        asked.append(wanted[0])
        return wanted[0] @ np.ones((players, 1))

    estimate = evaluate_plans([sample(players, evaluations, seed)], values)[0]
    coalitions = np.concatenate(asked)
    assert len(np.unique(coalitions, axis=0)) == len(coalitions) == estimate.evaluations
    assert len(coalitions) <= most_evaluations(players, evaluations)
    assert most_evaluations(players, evaluations) <= max(evaluations, 3 * players + 3)
    complements = {row.tobytes() for row in ~coalitions}
    assert complements == {row.tobytes() for row in coalitions}
    assert (~coalitions.any(1)).sum() == 1
    assert estimate.exact == (len(coalitions) == 2**players)


@pytest.mark.parametrize(
    ("players", "exact_up_to", "evaluations", "target_error", "expected"),
    [
        (10, 10, 8, None, 1024),
        (10, 10, 8, 0.5, 1024),
        (10, 0, 1023, None, 1022),
        (10, 0, 1024, None, 1024),
        (10, 0, 1024, 0.5, 32),
        (10, 0, 8, None, 32),
        (10, 0, 8, 1e-9, 32),
        (3, 0, 8, 0.5, 8),
        (1, 0, 8, None, 2),
        (13, 0, 10**6, None, 8192),
    ],
)
def test_what_is_cheaper_exact_is_not_sampled(
    players: int,
    exact_up_to: int,
    evaluations: int,
    target_error: float | None,
    expected: int,
) -> None:
    plan = plan_coalitions(
        players,
        exact_up_to=exact_up_to,
        evaluations=evaluations,
        target_error=target_error,
        generator=np.random.default_rng(0),
    )
    found = play(plan, all_coalitions(players) @ np.eye(players))
    assert found.evaluations == expected
    assert found.exact == (expected == 2**players)


@pytest.mark.parametrize("target_error", [0.3, 0.1, 0.03])
def test_the_target_error_is_reached_and_true(target_error: float) -> None:
    game = smooth_game(12, 5)
    truth, total = exact(game), norm(game[-1] - game[0])
    runs = [play(sample(12, 1000, seed, target_error), game) for seed in range(60)]
    assert all(run.relative_error <= target_error for run in runs)
    assert all(run.relative_error == pytest.approx(norm(run.error) / total) for run in runs)
    assert max(run.evaluations for run in runs) < 1000
    missed = [norm(run.shapley - truth) / total for run in runs]
    assert np.sqrt(np.mean(np.square(missed))) < 1.1 * target_error


def test_a_target_that_cannot_be_reached_takes_what_there_is() -> None:
    game = random_game(12, 0)
    found = play(sample(12, 300, 0, target_error=1e-3), game)
    assert found.evaluations == 300
    assert found.relative_error > 1e-3
    whole = play(sample(7, 127, 0, target_error=1e-3), game[: 2**7])
    assert whole.evaluations == 126
    everything = play(sample(7, 999, 0, target_error=1e-9), game[: 2**7])
    assert everything.evaluations == 128
    assert everything.relative_error < 1e-6
    np.testing.assert_allclose(everything.shapley, exact(game[: 2**7]), atol=1e-9)


def test_plans_side_by_side_find_what_they_find_alone() -> None:
    games = [smooth_game(9, 1), random_game(4, 2, 16), cubic_game(11, 3)]
    sizes = []

    def plans() -> list[Plan]:
        return [
            sample(9, 100, 1, target_error=0.1),
            enumerate_coalitions(4, 5),
            sample(11, 80, 3),
        ]

    def values(wanted: dict[int, np.ndarray]) -> np.ndarray:
        sizes.append({number: len(coalitions) for number, coalitions in wanted.items()})
        return np.concatenate([games[k][numbers(part)] for k, part in wanted.items()])

    together = evaluate_plans(plans(), values)
    for plan, game, one in zip(plans(), games, together, strict=True):
        alone = play(plan, game)
        np.testing.assert_array_equal(one.shapley, alone.shapley)
        np.testing.assert_array_equal(one.error, alone.error)
    assert sizes[0] == {0: 30, 1: 5, 2: 80}
    assert [size[1] for size in sizes[:4]] == [5, 5, 5, 1]
    assert all(2 not in size for size in sizes[1:])
    assert evaluate_plans([], values) == []


def test_a_budget_has_a_least_and_a_most() -> None:
    assert most_evaluations(12, 8) == 38
    assert most_evaluations(13, 8) == 42
    assert most_evaluations(13, 43) == 43
    assert most_evaluations(13, 10**6) == MOST_EVALUATIONS


def test_a_sample_depends_on_its_seed_alone() -> None:
    game = random_game(11, 0)
    one, again, other = (play(sample(11, 100, seed), game).shapley for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("players", [4, 7, 12, 25, 40])
def test_weights_of_each_size_sum_to_its_share(players: int) -> None:
    sizes, shares, population = strata(players)
    assert shares.sum() == players - 1
    assert population.sum() == 2 ** (players - 1) - 1
    for pairs in {(3 * players + 1) // 2, 2 * players, 127} - {2 * players if players < 5 else 0}:
        if pairs > population.sum():
            continue
        design = make_design(players, pairs)
        x = design.coalitions - design.coalitions.mean(1, keepdims=True)
        along = (design.weights * x).sum(1)
        of_size = design.coalitions.sum(1)
        found = [along[of_size == size].sum() for size in sizes]
        np.testing.assert_allclose(found, shares, atol=1e-8)
        np.testing.assert_allclose(design.weights.T @ x, np.eye(players) - 1 / players, atol=1e-8)


@pytest.mark.parametrize("players", [8, 9])
def test_designs_continue_one_another_evenly_and_end_with_all(players: int) -> None:
    sizes, shares, population = strata(players)
    whole = choose_coalitions(players, int(population.sum()))
    np.testing.assert_array_equal(choose_coalitions(players, 20), whole[:20])
    counts = [(whole[:20].sum(1) == size).sum() for size in sizes]
    np.testing.assert_allclose(counts, np.minimum(20 * shares / shares.sum(), population), atol=1)
    assert len(np.unique(np.concatenate([whole, ~whole]), axis=0)) == 2**players - 2


@pytest.mark.parametrize("players", [4, 7])
def test_spread_of_shapley_values_of_random_games(players: int) -> None:
    """Against enumeration of games whose covariance over all coalitions is each kind's."""
    here = all_coalitions(players)
    odd = np.eye(2**players) - np.eye(2**players)[::-1]
    proper = np.ones(2**players)
    proper[[0, -1]] = 0
    centre = np.eye(players) - 1 / players
    kinds = [odd, *_deviations(*_agreement(here, here))]
    inside = [np.outer(proper, proper) * kind for kind in kinds]
    found = [np.trace(centre @ exact(exact(kind).T) @ centre) for kind in inside]
    np.testing.assert_allclose(found, _spread_of_shapley(players), rtol=1e-9)
