"""The mean over trainings: the interval by hand, and its coverage in a known population."""

import numpy as np
import pytest
import scipy.stats

from common.correlations.replicates import mean_of_replicates
from common.correlations.resampling import freedom_of


def test_the_interval_is_of_the_spread_between_replicates_and_what_they_share():
    generator = np.random.default_rng(0)
    points = np.array([[1.0, 2], [3, 2], [5, 8]])
    drawn = points[..., None] + generator.normal(size=500) + generator.normal(size=(3, 2, 500))
    mean, low, high = mean_of_replicates(points, drawn, 0.9)
    assert mean == pytest.approx([3, 4])
    for k in range(2):
        covariance = np.cov(drawn[:, k])
        shared = covariance[~np.eye(3, dtype=bool)].mean()
        between = points[:, k].var(ddof=1) / 3
        spread = between**2 / 2 + shared**2 / freedom_of(drawn[:, k].mean(axis=0))
        freedom = (between + shared) ** 2 / spread
        reach = scipy.stats.t.ppf(0.95, freedom) * np.sqrt(between + shared)
        assert (high[k] - mean[k], mean[k] - low[k]) == pytest.approx((reach, reach))


def test_draws_that_one_replicate_lacks_are_left_out_of_all():
    generator = np.random.default_rng(1)
    points, drawn = generator.normal(size=(4, 2)), generator.normal(size=(4, 2, 50))
    drawn[2, 1, 7] = drawn[0, 1, 9] = np.nan
    both = mean_of_replicates(points, drawn, 0.95)
    without = mean_of_replicates(points[:, 1:], np.delete(drawn[:, 1:], [7, 9], axis=-1), 0.95)
    assert both[:, 1:] == pytest.approx(without)
    undefined = mean_of_replicates(points, np.full_like(drawn, np.nan), 0.95)
    assert undefined[0] == pytest.approx(points.mean(axis=0))
    assert np.isnan(undefined[1:]).all()


def test_equal_replicates_have_the_interval_of_the_draws():
    drawn = np.random.default_rng(2).normal(size=20_000)
    mean, low, high = mean_of_replicates(np.full((3, 1), 0.5), np.tile(drawn, (3, 1, 1)), 0.95)
    assert mean == 0.5
    assert (high - low) / 2 == pytest.approx(1.96, rel=0.02)


def test_one_replicate_is_no_sample_of_trainings():
    with pytest.raises(ValueError, match="one replicate"):
        mean_of_replicates(np.zeros((1, 2)), np.zeros((1, 2, 5)), 0.95)


def coverage(generator, replicates, of_training, shared, both, *, trials=4000, draws=200):
    """Share of intervals that hold 0, where draws know the spread of what is not of training."""
    hit = 0
    for _ in range(trials):
        points = of_training * generator.normal(size=replicates)
        points += shared * generator.normal() + both * generator.normal(size=replicates)
        drawn = points[:, None] + shared * generator.normal(size=draws)
        drawn += both * generator.normal(size=(replicates, draws))
        _, low, high = mean_of_replicates(points, drawn, 0.95)
        hit += low <= 0 <= high
    return hit / trials


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [3, 5, 10])
@pytest.mark.parametrize(
    "sizes", [(1, 0.01, 0), (1, 1, 0), (0.3, 1, 0), (0.5, 0.5, 1), (0, 1, 0.3), (0.01, 1, 0.01)]
)
def test_intervals_hold_the_mean_over_trainings_and_texts(replicates, sizes):
    share = coverage(np.random.default_rng(replicates), replicates, *sizes)
    # Satterthwaite's degrees of freedom are low where either part is small: a little wide.
    assert 0.93 < share < 0.985, share
