"""The mean of a statistic over trainings, and an interval that holds their spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from common.arrays import Floats
from common.correlations.resampling import freedom_of, interval_columns, with_intervals


def columns_of_replicates(
    statistics: Sequence[str], points: Floats, drawn: Floats, confidence: float
) -> list[dict[str, Any]]:
    """Columns of each replicate, by its number, and of several those of their mean, without one.

    Parameters
    ----------
    statistics
        Names of the k statistics.
    points, drawn
        Of each of R replicates (R, k), and in draws that they share (R, k, draws).
    confidence
        Share of the draws within an interval.
    """
    columns: list[dict[str, Any]] = [
        {"replicate": number + 1} | with_intervals(statistics, one, many, confidence)
        for number, (one, many) in enumerate(zip(points, drawn, strict=True))
    ]
    if len(points) > 1:
        means = mean_of_replicates(points, drawn, confidence)
        columns.append({"replicate": None} | interval_columns(statistics, means))
    return columns


def mean_of_replicates(points: Floats, drawn: Floats, confidence: float) -> Floats:
    """Mean over replicates, which weigh the same sentences, and an interval of it.

    Replicate r of a statistic is theta + a_r + u + v_r: a_r of its training, u of the sentences
    and types, which all replicates share, and v_r of both together. The mean of R replicates has
    the variance (var a + var v) / R + var u. The variance between the replicates estimates
    var a + var v; the mean covariance of two replicates in the same draws estimates var u (the
    variance of the mean in the draws would count var v / R twice). With trainings as readers and
    sentences and types as cases, this is the analysis of Obuchowski and Rockette (1995,
    Communications in Statistics 24, 285-308), with the degrees of freedom of Hillis (2007,
    Statistics in Medicine 26, 596-619; Satterthwaite's): variance^2 over between^2 / (R - 1),
    here plus shared^2 / `freedom_of` the mean's draws, as cases are not many for certain.

    Parameters
    ----------
    points
        Statistics of each of R replicates, (R, ...), 2 at least.
    drawn
        The same in draws of sentences and types that they share, (R, ..., draws).
    confidence
        Share of the intervals that are to hold the mean over all trainings and texts.

    Returns
    -------
    Mean, lower and upper end of the t interval, (3, ...). Draws in which a replicate is undefined
    are left out; without any other, the interval is NaN.

    Raises
    ------
    ValueError
        There are fewer than two replicates.
    """
    replicates = len(points)
    if replicates < 2:
        raise ValueError("one replicate says nothing of the spread between trainings")
    mean = points.mean(axis=0)
    between = points.var(axis=0, ddof=1) / replicates
    known = np.isfinite(drawn).all(axis=0)
    draws = known.sum(axis=-1)
    center = np.where(known, drawn, 0).sum(axis=-1) / np.maximum(draws, 1)
    away = np.where(known, drawn - center[..., np.newaxis], 0)
    # Of all pairs of two replicates: the square of the sum holds each twice, and each by itself.
    products = (away.sum(axis=0) ** 2 - (away**2).sum(axis=0)).sum(axis=-1)
    shared = products / (replicates * (replicates - 1)) / np.maximum(draws - 1, 1)
    shared = np.where(draws > 1, np.maximum(shared, 0), np.nan)
    variance = between + shared
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = between**2 / (replicates - 1) + shared**2 / freedom_of(drawn.mean(axis=0))
        freedom = np.where(spread > 0, variance**2 / spread, np.inf)
        reach = np.sqrt(variance) * t.ppf((1 + confidence) / 2, freedom)
    return np.stack([mean, mean - reach, mean + reach])
