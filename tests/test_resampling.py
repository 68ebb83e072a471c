"""Draws of sentences and types against rows literally repeated; coverage in a known population."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.api
from hypothesis import given, settings
from hypothesis import strategies as st

from common.correlations.nested_models import JointModel
from common.correlations.resampling import (
    LEAST_FREEDOM,
    Draws,
    Tokens,
    bootstrap,
    draw,
    freedom_of,
    in_sample,
    percentile_interval,
)
from common.correlations.statistics import Ratios, Regressions
from common.correlations.within_sentences import (
    WithinSentences,
    rho_and_influence,
)

SENTENCES, TYPES = 30, 25
SLOPES = ((0.2, 1.0), (0.6, 0.8))
"""Slope and noise of the two weights of `simulated`."""


def crossed(seed, ties=True):
    """Tokens of 1 to 6 a sentence, a quantity of their types and one of their own, two weights."""
    generator = np.random.default_rng(seed)
    sentence = np.repeat(np.arange(SENTENCES), generator.integers(1, 7, SENTENCES))
    type_ = generator.choice(TYPES - 1, len(sentence))  # the last has no token
    quantities = np.stack(
        [generator.gamma(2, 2, TYPES)[type_], generator.gamma(2, 2, len(sentence))]
    )
    own = generator.normal(0, 0.5, SENTENCES)[sentence]
    weight = 100 + 0.3 * quantities.sum(axis=0) + own + generator.normal(size=len(sentence))
    if ties:
        quantities, weight = quantities.round(), weight.round(1)
    weights = np.stack([weight, weight - 2 * quantities[0] + 1e3])
    return Tokens(sentence, type_, SENTENCES, TYPES), quantities, weights


def drawn_once(seed):
    generator = np.random.default_rng(seed)
    return Draws(draw(SENTENCES, 1, generator), draw(TYPES, 1, generator))


def repeated(tokens, draws):
    """Rows of the tokens, each as often as its sentence's times by its type's."""
    times = draws.sentences[tokens.sentence, 0] * draws.types[tokens.type, 0]
    return np.repeat(np.arange(len(tokens)), times.astype(int))


def judged(quantity, weight):
    """R squared, slope, intercept and rho by statsmodels and scipy."""
    fit = statsmodels.api.OLS(weight, statsmodels.api.add_constant(quantity)).fit()
    return [fit.rsquared, fit.params[1], fit.params[0], scipy.stats.spearmanr(quantity, weight)[0]]


def judged_terms(terms, weight):
    """Coefficient, R squared without and with, partial R squared of each term by statsmodels."""
    standard = np.stack([scipy.stats.zscore(term) for term in terms])
    fit = statsmodels.api.OLS(scipy.stats.zscore(weight), standard.T).fit()
    whole = statsmodels.api.OLS(weight, statsmodels.api.add_constant(terms.T)).fit()
    rows = []
    for i in range(len(terms)):
        rest = statsmodels.api.add_constant(np.delete(terms, i, axis=0).T)
        without = statsmodels.api.OLS(weight, rest).fit()
        partial = (without.ssr - whole.ssr) / without.ssr
        rows.append([fit.params[i], without.rsquared, whole.rsquared, partial])
    return np.array(rows)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_draw_equals_statsmodels_and_scipy_on_the_tokens_repeated(seed, ties):
    tokens, quantities, weights = crossed(seed, ties)
    sample, draws = Regressions(tokens, quantities, weights), drawn_once(seed)
    rows = repeated(tokens, draws)
    for statistics, chosen in (
        (in_sample(sample), slice(None)),
        (sample.statistics(draws)[..., 0], rows),
    ):
        expected = [[judged(x[chosen], y[chosen]) for y in weights] for x in quantities]
        assert statistics == pytest.approx(np.array(expected), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_nested_models_and_means_equal_those_of_the_tokens_repeated(seed):
    tokens, quantities, weights = crossed(seed)
    length = np.bincount(tokens.sentence)[tokens.sentence].astype(float)  # of the sentence
    terms = np.concatenate([quantities, length[None]])
    draws = drawn_once(seed)
    rows = repeated(tokens, draws)
    of_terms = JointModel(tokens, terms, weights).statistics(draws)[..., 0]
    for statistics, weight in zip(of_terms, weights, strict=True):
        expected = judged_terms(terms[:, rows], weight[rows])
        assert statistics == pytest.approx(expected, rel=1e-9, abs=1e-12)
    members = np.stack([tokens.type < 9, tokens.type >= 9]).astype(float)
    means = Ratios(tokens, members * weights[0], members).statistics(draws)[:, 0]
    kept = members[:, rows].astype(bool)
    assert means == pytest.approx([weights[0, rows][one].mean() for one in kept])


def test_a_term_alone_has_its_r_squared_and_correlation():
    tokens, quantities, weights = crossed(1)
    statistics = in_sample(JointModel(tokens, quantities[1:], weights[:1]))[0, 0]
    correlation = scipy.stats.pearsonr(quantities[1], weights[0])[0]
    assert statistics == pytest.approx([correlation, 0, correlation**2, correlation**2])


def test_the_bootstrap_draws_sentences_and_types_alike_for_all_samples_in_any_chunks(monkeypatch):
    tokens, quantities, weights = crossed(5)
    samples = [
        Regressions(tokens, quantities, weights),
        WithinSentences(tokens, quantities, weights),
        JointModel(tokens, quantities, weights),
        Ratios(tokens, weights, np.ones_like(weights)),
    ]
    together = bootstrap(samples, 40, seed=5)
    generators = [np.random.default_rng([5, factor]) for factor in range(2)]
    draws = Draws(draw(SENTENCES, 40, generators[0]), draw(TYPES, 40, generators[1]))
    monkeypatch.setattr("common.correlations.resampling.CELLS", 700)
    for sample, whole, parts in zip(samples, together, bootstrap(samples, 40, 5), strict=True):
        assert parts == pytest.approx(whole, rel=1e-9, abs=1e-12)
        for k in range(40):
            one = Draws(draws.sentences[:, [k]], draws.types[:, [k]])
            alone = sample.statistics(one)[..., 0]
            assert whole[..., k] == pytest.approx(alone, rel=1e-9, abs=1e-12)
    rows = repeated(tokens, one)
    assert together[0][0, 1, :, -1] == pytest.approx(judged(quantities[0, rows], weights[1, rows]))
    assert len(np.unique(together[0][0, 0, 0])) == 40
    assert not np.allclose(bootstrap(samples, 40, seed=6)[0], together[0])


def test_draws_are_of_as_many_with_replacement():
    drawn = draw(40, 2000, np.random.default_rng(0))
    assert (drawn.sum(axis=0) == 40).all()
    assert drawn.var() == pytest.approx(1 - 1 / 40, abs=0.02)


def judged_rho(x, y):
    """Spearman's rho by scipy; NaN where it is undefined."""
    return scipy.stats.spearmanr(x, y)[0] if len(x) > 1 and np.ptp(x) and np.ptp(y) else np.nan


@pytest.mark.parametrize("ties", [True, False])
def test_rho_within_sentences_with_and_without_each_token_equals_scipy(ties, monkeypatch):
    monkeypatch.setattr("common.correlations.within_sentences.PAIRS", 40)
    tokens, quantities, weights = crossed(6, ties)
    shuffled = np.random.default_rng(6).permutation(len(tokens))  # in any order of the tokens
    tokens = Tokens(tokens.sentence[shuffled], tokens.type[shuffled], SENTENCES, TYPES)
    rho, influence = rho_and_influence(tokens, quantities, weights)
    for sentence in range(SENTENCES):
        own = np.flatnonzero(tokens.sentence == sentence)
        for i, x in enumerate(quantities[:, own]):
            for j, y in enumerate(weights[:, own]):
                whole = judged_rho(x, y)
                assert rho[i, j, sentence] == pytest.approx(whole, nan_ok=True)
                without = [judged_rho(np.delete(x, k), np.delete(y, k)) for k in range(len(own))]
                expected = whole - np.nan_to_num(without)
                if np.isfinite(whole):
                    assert influence[i, j, own] == pytest.approx(expected)


def test_rho_of_the_shortest_and_of_constant_sentences():
    sentence = np.array([0, 1, 1, 2, 2, 3, 3, 3, 5, 5, 5])
    quantity = np.array([1.0, 1, 2, 2, 1, 4, 4, 4, 1, 2, 2])
    weight = np.array([1.0, 3, 5, 3, 5, 1, 2, 3, 1, 1, 3])
    tokens = Tokens(sentence, np.arange(11), 6, 11)
    rho = rho_and_influence(tokens, quantity[None], weight[None])[0][0, 0]
    assert rho == pytest.approx([np.nan, 1, -1, np.nan, np.nan, 0.5], nan_ok=True)


def test_the_mean_rho_is_that_of_sentences_drawn_and_moves_by_the_influence_of_types_drawn():
    tokens, quantities, weights = crossed(7)
    sample, draws = WithinSentences(tokens, quantities, weights), drawn_once(7)
    rho, influence = rho_and_influence(tokens, quantities, weights)
    known = np.flatnonzero(np.isfinite(rho[0]).all(axis=0))
    assert sample.ranked[0] == len(known) < SENTENCES
    times = draws.sentences[known, 0]
    whole = Draws(draws.sentences, np.ones((TYPES, 1)))
    of_sentences = np.average(rho[0][:, known], axis=1, weights=times)
    assert sample.statistics(whole)[0, :, 4, 0] == pytest.approx(of_sentences)
    moved = [
        rho[0, :, s] + influence[0][:, own] @ (draws.types[tokens.type[own], 0] - 1)
        for s in known
        for own in [tokens.sentence == s]
    ]
    expected = np.average(moved, axis=0, weights=times)
    assert sample.statistics(draws)[0, :, 4, 0] == pytest.approx(expected)


floats = st.floats(-50, 50).map(lambda value: round(value, 2))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(floats, floats), min_size=3, max_size=30),
    st.floats(0.1, 10) | st.floats(-10, -0.1),
    st.floats(-100, 100),
)
def test_r_squared_is_blind_to_affine_maps_and_spearman_to_monotone_ones(pairs, scale, shift):
    quantity, weight = np.array(pairs).T
    if np.ptp(quantity) == 0 or np.ptp(weight) == 0:
        return
    own = np.arange(len(pairs))
    tokens = Tokens(own, own, len(own), len(own))
    weights = np.stack([weight, scale * weight + shift, np.arctan(weight / 50)])
    plain, affine, monotone = in_sample(Regressions(tokens, quantity[None], weights))[0]
    assert affine[0] == pytest.approx(plain[0], rel=1e-6, abs=1e-9)
    assert affine[1] == pytest.approx(scale * plain[1], rel=1e-6, abs=1e-9)
    assert affine[3] == pytest.approx(np.sign(scale) * plain[3], abs=1e-9)
    assert monotone[3] == pytest.approx(plain[3], abs=1e-9)
    assert 0 <= plain[0] <= 1
    assert plain[3] == pytest.approx(scipy.stats.spearmanr(quantity, weight)[0], abs=1e-9)


def test_draws_that_are_constant_leave_their_statistics_undefined():
    quantity = np.array([1.1, 1.1, 1.1, 2.3, 7.0])
    weight = np.array([0.1, 0.3, 0.7, 0.7, 0.7])
    tokens = Tokens(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 2, 3, 4]), 3, 5)
    sentences = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1], [1, 1, 1]], float)
    types = np.array([[1] * 5, [1] * 5, [1] * 5, [1] * 5, [1] * 5, [1, 2, 1, 0, 0]], float)
    sample = Regressions(tokens, quantity[None], weight[None])
    statistics = sample.statistics(Draws(sentences.T, types.T))[0, 0]
    assert np.isnan(statistics[:, 0]).all()  # one quantity only
    assert np.isnan(statistics[[0, 3], 1]).all()  # one weight only
    assert statistics[1:3, 1] == pytest.approx([0, 0.7])
    assert np.isnan(statistics[:, 2]).all()  # one token only
    assert np.isnan(statistics[:, 3]).all()  # no token at all
    assert np.isfinite(statistics[:, 4]).all()
    assert np.isnan(statistics[:, 5]).all()  # types of one quantity only
    assert np.isfinite(percentile_interval(statistics, 0.5)).all()
    assert np.isnan(percentile_interval(np.full((1, 3), np.nan), 0.5)).all()


def test_intervals_are_quantiles_that_lie_further_out_with_few_degrees_of_freedom():
    drawn = np.random.default_rng(0).normal(size=(2, 3, 101))
    drawn[0, 1, 7] = drawn[1, 1, :90] = np.nan
    expected = np.nanquantile(drawn, [0.05, 0.95], axis=-1)
    assert percentile_interval(drawn, 0.9) == pytest.approx(expected)
    reach = np.sqrt(6 / 5) * scipy.stats.t.ppf(0.95, 5)
    tails = scipy.stats.norm.cdf([-reach, reach])
    assert percentile_interval(drawn, 0.9, 5.0) == pytest.approx(
        np.nanquantile(drawn, tails, axis=-1)
    )


def test_degrees_of_freedom_are_those_of_the_types_that_move_a_statistic():
    generator = np.random.default_rng(1)
    times = draw(400, 40_000, generator)
    for moves, expected in (
        (generator.normal(size=400), 400),  # fourth moments of a normal are 3 squared variances
        (np.r_[4 * generator.normal(size=20), np.zeros(380)], None),
    ):
        freedom = 3 * (moves**2).sum() ** 2 / (moves**4).sum()
        assert expected is None or freedom == pytest.approx(expected, rel=0.2)
        found = 3 / freedom_of(moves @ times)
        assert found == pytest.approx(3 / freedom, abs=0.08)
    assert freedom_of(times[0]) == LEAST_FREEDOM  # one type alone
    assert freedom_of(generator.uniform(size=1000)) == np.inf


def test_constant_and_collinear_terms_leave_their_draws_undefined():
    tokens = Tokens(np.repeat(np.arange(4), 3), np.arange(12), 4, 12)
    generator = np.random.default_rng(0)
    terms = generator.normal(size=(2, 12))
    terms[1, 3:] = 2 * terms[0, 3:] + 1
    terms[0, 9:] = 7
    weight = generator.normal(size=(1, 12))
    sentences = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 4], [0, 0, 0, 0]], float).T
    draws = Draws(sentences, np.ones((12, 4)))
    statistics = JointModel(tokens, terms, weight).statistics(draws)
    assert np.isfinite(statistics[..., 0]).all()
    assert np.isnan(statistics[..., 1:]).all()
    flat = JointModel(tokens, generator.normal(size=(2, 12)), np.full((1, 12), 0.1))
    assert np.isnan(in_sample(flat)).all()


def simulated(generator, sentences, types, length=8):
    """Tokens of Zipfian types; quantity of the type, two weights with effects of type, sentence."""
    probability = 1 / np.arange(5, types + 5)
    type_ = generator.choice(types, sentences * length, p=probability / probability.sum())
    sentence = np.repeat(np.arange(sentences), length)
    quantity = generator.normal(size=types)[type_]
    weights = []
    for slope, noise in SLOPES:
        of_type, of_sentence = generator.normal(size=types), generator.normal(size=sentences)
        own = noise * generator.normal(size=len(type_))
        weights.append(slope * quantity + 0.7 * of_type[type_] + 0.5 * of_sentence[sentence] + own)
    return Tokens(sentence, type_, sentences, types), quantity, np.stack(weights)


def truth(quantity_slope, noise):
    """R squared, slope, intercept and rho of a bivariate normal."""
    correlation = quantity_slope / np.sqrt(quantity_slope**2 + 0.49 + 0.25 + noise**2)
    return [correlation**2, quantity_slope, 0, 6 / np.pi * np.arcsin(correlation / 2)]


def ends(drawn):
    """Ends of the 95 % intervals of statistics (..., k, draws), the first of which is a square."""
    freedom = freedom_of(drawn)
    freedom[..., 0] = np.inf
    return percentile_interval(drawn, 0.95, freedom)


def intervals_of(sample, draws):
    """95 % intervals of the statistics of both weights and of their change, (2, 3, 4)."""
    drawn = sample.statistics(draws)[0]
    return ends(np.concatenate([drawn, drawn[1:] - drawn[:1]]))


@pytest.mark.slow
@pytest.mark.parametrize(("sentences", "types"), [(50, 200), (300, 400)])
def test_intervals_hold_the_truth_of_sentences_and_types(sentences, types):
    generator = np.random.default_rng([2007, sentences])
    of_stages = np.array([truth(*slope_and_noise) for slope_and_noise in SLOPES])
    expected = np.concatenate([of_stages, of_stages[1:] - of_stages[:1]])
    trials, held = 200, np.zeros((3, 4))
    for _ in range(trials):
        tokens, quantity, weights = simulated(generator, sentences, types)
        draws = Draws(*(draw(count, 300, generator) for count in (sentences, types)))
        low, high = intervals_of(Regressions(tokens, quantity[None], weights), draws)
        held += (low <= expected) & (expected <= high)
    # 93 %, less two standard errors of that many trials; wider where single tokens are noisy.
    assert (held / trials > 0.93 - 2 * np.sqrt(0.93 * 0.07 / trials)).all(), held / trials
    assert 0.94 < (held / trials).mean() < 0.995


@pytest.mark.slow
@pytest.mark.parametrize(("sentences", "types"), [(50, 200), (300, 400)])
def test_quantities_permuted_over_types_are_seldom_told_from_0(sentences, types):
    generator = np.random.default_rng([17, sentences])
    permuted, texts = 15, 20
    seldom, often = np.zeros((2, 3, 5))
    for _ in range(texts):
        tokens, _, weights = simulated(generator, sentences, types)
        free = generator.normal(size=(permuted, types))[:, tokens.type]
        sample = WithinSentences(tokens, free, weights)
        both = [draw(count, 300, generator) for count in (sentences, types)]
        for shares, of_types in ((seldom, both[1]), (often, np.ones_like(both[1]))):
            drawn = sample.statistics(Draws(both[0], of_types))
            changed = np.concatenate([drawn, drawn[:, 1:] - drawn[:, :1]], axis=1)
            low, high = ends(changed)
            shares[:] += ((low > 0) | (high < 0)).mean(axis=0) / texts
    margin = 2 * np.sqrt(0.07 * 0.93 / (permuted * texts))
    assert (seldom[:, [1, 3, 4]] < 0.07 + margin).all(), seldom
    assert seldom[2, 0] < 0.07 + margin  # the change of R squared
    assert (often[:, [1, 3, 4]] > 0.15).all(), often  # sentences alone are not what varies
