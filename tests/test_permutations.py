"""Permutations over types against tokens given other values, one permutation at a time; p."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from test_resampling import crossed, judged, judged_terms, simulated

from common.contract import WITHIN_SENTENCE
from common.correlations.comparison import Comparison
from common.correlations.nested_models import JointModel
from common.correlations.permutations import (
    LEAST,
    change_p_values,
    frequency_bands,
    p_values,
    permute,
)
from common.correlations.resampling import in_sample
from common.correlations.statistics import Regressions
from common.correlations.within_sentences import WithinSentences


def permuted_tokens(sample, value, receiver):
    """The values of the types present, given to others, of each token."""
    given = np.empty_like(value)
    given[receiver] = value
    return given[sample.by_type.place]


@pytest.mark.parametrize("ties", [True, False])
def test_a_permutation_equals_scipy_on_the_permuted_tokens(ties):
    tokens, quantities, weights = crossed(1, ties)
    sample = Regressions(tokens, quantities, weights)
    value = sample.by_type.values(quantities[0])
    generator = np.random.default_rng(1)
    receiver = np.stack([generator.permutation(len(value)) for _ in range(5)], axis=1)
    permuted = sample.permuted(0, receiver)
    for k in range(5):
        x = permuted_tokens(sample, value, receiver[:, k])
        for j, y in enumerate(weights):
            _, slope, _, rho = judged(x, y)
            correlation = scipy.stats.pearsonr(x, y)[0]
            assert permuted[j, [0, 1, 3], k] == pytest.approx([correlation, slope, rho], abs=1e-9)
    assert np.isnan(permuted[:, 2]).all()


def test_the_first_of_all_permutations_is_the_sample():
    tokens, quantities, weights = crossed(2, ties=False)
    band = np.zeros(tokens.types, int)
    for make in (Regressions, WithinSentences, JointModel):
        sample = make(tokens, quantities, weights)
        permuted, plain = permute(sample, 0, band, 3, 0)[..., 0], in_sample(sample)
        if make is JointModel:
            assert permuted[:, 0] == pytest.approx(plain[:, 0, 0])
            assert permuted[:, 3] ** 2 == pytest.approx(plain[:, 0, 3])
            assert (np.sign(permuted[:, 3]) == np.sign(plain[:, 0, 0])).all()
        else:
            assert permuted[:, 0] ** 2 == pytest.approx(plain[0, :, 0])
            assert permuted[:, [1, 3]] == pytest.approx(plain[0][:, [1, 3]])
            assert permuted[:, 4:] == pytest.approx(plain[0][:, 4:])


def test_a_permuted_mean_rho_is_that_of_the_permuted_tokens():
    tokens, quantities, weights = crossed(3, ties=False)
    sample = WithinSentences(tokens, quantities, weights)
    value = sample.by_type.values(quantities[0])
    receiver = np.random.default_rng(3).permutation(len(value))[:, None]
    x = permuted_tokens(sample, value, receiver[:, 0])
    expected = in_sample(WithinSentences(tokens, x[None], weights))[0, :, 4]
    assert sample.permuted(0, receiver)[:, 4, 0] == pytest.approx(expected)


def test_a_permuted_term_keeps_its_regression_on_the_others():
    tokens, quantities, weights = crossed(4, ties=False)
    position = np.arange(len(tokens)) % 5.0
    terms = np.stack([quantities[0] + np.sqrt(tokens.type), np.sqrt(tokens.type), position])
    sample = JointModel(tokens, terms, weights)
    count = sample.by_type.count
    means = (
        sample.by_type.sums(np.stack([np.ones(len(tokens)), *terms[1:]], axis=1)) / count[:, None]
    )
    value = sample.by_type.values(terms[0])
    root = np.sqrt(count)
    kept = means @ np.linalg.lstsq(root[:, None] * means, root * value)[0]
    receiver = np.random.default_rng(4).permutation(len(value))[:, None]
    given = kept[sample.by_type.place] + permuted_tokens(sample, value - kept, receiver[:, 0])
    permuted = sample.permuted(0, receiver)[..., 0]
    for j, weight in enumerate(weights):
        judgement = judged_terms(np.concatenate([given[None], terms[1:]]), weight)
        expected = judgement[0, 0] * terms[0].std() / given.std()  # in the sample's own units
        assert permuted[j, 0] == pytest.approx(expected)
        assert permuted[j, 3] ** 2 == pytest.approx(judgement[0, 3])


def test_quantities_of_tokens_and_of_sentences_have_no_p():
    tokens, quantities, weights = crossed(5)
    length = np.bincount(tokens.sentence)[tokens.sentence].astype(float)
    terms = np.concatenate([quantities, length[None]])
    band = np.zeros(tokens.types, int)
    for make in (Regressions, WithinSentences, JointModel):
        sample = make(tokens, terms, weights)
        for i in (1, 2):
            assert np.isnan(p_values(permute(sample, i, band, 9, 0))).all()
    flat = Regressions(tokens, quantities, np.full((1, len(tokens)), 0.1))
    assert np.isnan(p_values(permute(flat, 0, band, 9, 0))).all()


def test_bands_hold_enough_types_of_like_frequency():
    count = np.random.default_rng(0).permutation((1e6 / np.arange(1, 1001)).astype(int))
    band = frequency_bands(count)
    sizes = np.bincount(band)
    assert (sizes >= LEAST).all()
    for k in range(1, len(sizes) - 1):
        assert count[band == k].max() > count[band == k + 1].max()
        assert sizes[k] == LEAST or count[band == k].min() * 2.2 > count[band == k].max()
    assert len(np.unique(band[count == 1000])) == 1
    assert (frequency_bands(np.array([7, 5, 3])) == 0).all()
    assert (frequency_bands(np.full(500, 3)) == 0).all()


def test_permutations_stay_within_bands():
    tokens, quantities, weights = crossed(6)
    sample = Regressions(tokens, quantities, weights)
    seen = []
    sample.permuted = lambda i, receiver: (
        seen.append(receiver) or np.zeros((2, 4, receiver.shape[1]))
    )
    band = np.arange(tokens.types) % 3
    assert permute(sample, 0, band, 50, 0).shape == (2, 4, 51)
    present = band[sample.by_type.present]
    receivers = np.concatenate(seen, axis=1)
    assert (receivers[:, 0] == np.arange(len(present))).all()
    assert (np.sort(receivers, axis=0) == np.arange(len(present))[:, None]).all()
    assert (present[receivers] == present[:, None]).all()
    assert len(np.unique(receivers, axis=1).T) > 45


def test_p_counts_the_sample_among_the_permutations():
    far = np.concatenate([[5.0], np.linspace(-1, 1, 99)])
    assert p_values(far) == pytest.approx(0.01)
    assert p_values(np.zeros(100)) == 1
    middle = np.concatenate([[0.0], np.linspace(-1, 1, 99)])
    assert p_values(middle) == 1
    shifted = np.concatenate([[10.0], 10 + np.linspace(-1, 1, 99)])
    assert p_values(shifted) == 1  # frequency explains all of it


def test_a_change_of_sign_alone_is_no_change_of_r_squared():
    generator = np.random.default_rng(0)
    permuted = np.stack([np.stack([generator.normal(0, 0.05, 1000)] * 2) for _ in range(3)])
    permuted[:, :, 0] = np.array([0.5, -0.5, 0.9])[:, None]
    r_squared, rho = change_p_values(permuted, squared=(0,)).T
    assert r_squared == pytest.approx([1, 0.001], abs=0.3)
    assert r_squared[1] == rho[0] == 0.001


@pytest.mark.slow
def test_p_is_uniform_without_a_relation():
    generator = np.random.default_rng(20260101)
    values = []
    for trial in range(400):
        tokens, quantity, weights = simulated(generator, 60, 80)
        band = frequency_bands(1000 // np.arange(5, 85))
        free = generator.permutation(generator.normal(size=80))[tokens.type]
        sample = WithinSentences(tokens, free[None], weights)
        permuted = permute(sample, 0, band, 99, trial)
        changed = change_p_values(permuted, squared=(0,))
        joint = JointModel(tokens, np.stack([free, quantity]), weights)
        of_term = p_values(permute(joint, 0, band, 99, trial))[:, [0, 3]]
        values.append(
            [*p_values(permuted)[:, [0, 1, 3, 4]].ravel(), *changed[0, [1, 3, 4]], *of_term.ravel()]
        )
    values = np.array(values)
    for level in (0.05, 0.2, 0.5):
        share = (values <= level).mean(axis=0)
        assert np.abs(share - level).max() < 3.5 * np.sqrt(level * (1 - level) / 400), share
    assert values.min() == 0.01


@pytest.mark.slow
def test_equal_relations_have_not_changed_though_their_squares_move():
    trials, of_squares = [], []
    for trial in range(400):
        generator = np.random.default_rng([9, trial])
        tokens, quantity, (weight, _) = simulated(generator, 100, 200)
        again, own = generator.normal(size=200), generator.normal(size=len(tokens))
        sentence = 0.5 * generator.normal(size=100)[tokens.sentence]
        weight = weight + 0.8 * quantity
        other = quantity + 0.7 * again[tokens.type] + sentence + own
        sample = Regressions(tokens, quantity[None], np.stack([weight, other]))
        permuted = permute(sample, 0, np.zeros(200, int), 99, trial)
        trials.append(change_p_values(permuted, squared=(0,))[0, [0, 1, 3]])
        squares = permuted[:, 0] ** 2
        of_squares.append(p_values(squares[1] - squares[0]))
    # Three statistics: the highest of them within three standard errors.
    assert (np.array(trials) <= 0.05).mean(axis=0).max() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean(np.array(of_squares) <= 0.05) > 0.3


@pytest.mark.parametrize("trainings", [1, 2])
def test_intervals_are_as_wide_as_permutations_at_least(trainings):
    """Draws that hardly move, permutations from -1 to 1: 95 % of these are within 0.95.

    Of values, but not of changes, the ends are within what a correlation can be.
    """
    paths = [Path("weights.parquet")] * 2 * trainings
    names = {"comparison": "a", "encoders": ["b", "c"], "corpus": "d"}
    compared = Comparison(
        weights=paths, information=Path("i"), **names, method="shapley", draws=200,
        confidence=0.95, seed=0,
    )  # fmt: skip
    statistics = ["intercept", "slope", "spearman", "sentence_spearman"]
    generator = np.random.default_rng(0)
    points = np.tile([[0.1], [0.4]], (trainings, len(statistics)))
    drawn = points[..., None] + generator.normal(0, 1e-3, (*points.shape, 200))
    one = np.linspace(-1, 1, 2001)
    permuted = np.tile(np.stack([one, -one])[:, None], (trainings, len(statistics), 1))
    permuted = np.concatenate([points[..., None], permuted], axis=-1)
    rows = compared.rows(WITHIN_SENTENCE, statistics, (points, drawn), {}, permuted)
    assert len(rows) == 3 * (trainings + (trainings > 1))
    for row in rows:
        reach = 0.95 * (2 if row["reference"] else 1)
        for name in ("slope", "spearman", "sentence_spearman"):
            most = np.inf if row["reference"] or name == "slope" else 1
            low, high = max(row[name] - reach, -most), min(row[name] + reach, most)
            assert row[f"{name}_low"] == pytest.approx(low, abs=1e-3)
            assert row[f"{name}_high"] == pytest.approx(high, abs=1e-3)
        assert row["intercept_high"] - row["intercept_low"] < 0.02
