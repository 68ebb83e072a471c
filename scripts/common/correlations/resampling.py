"""Draws of sentences and of types, the statistics of tokens in them, and their intervals."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import norm, t

from common.arrays import Floats, Integers
from common.progress import progress

CELLS = 2**19
"""Tokens times draws that are worked on at once."""
LEAST_TYPES = 20
"""Types of a group at least for an interval over types: fewer are hardly a sample of any."""
LEAST_FREEDOM = 4.0
"""Degrees of freedom at least: beyond, percentiles of a few thousand draws are their extremes."""


@dataclass(frozen=True)
class Tokens:
    """Sentence and type of each token, (n,) each, both numbered from 0.

    `sentences` and `types` count those without a token too, so that the regressions of one
    comparison, whose tokens differ, can share their draws. Of pairs of tokens, `sentence` is their
    pair of sentences, and `other_type` a second type that they are of; a type numbered `types` is
    none: it is always there.
    """

    sentence: Integers
    type: Integers
    sentences: int
    types: int
    other_type: Integers | None = None

    def __len__(self) -> int:
        return len(self.sentence)


@dataclass(frozen=True)
class Draws:
    """Times that each sentence, (sentences, draws), and each type, (types, draws), is drawn."""

    sentences: Floats
    types: Floats

    def of_tokens(self, tokens: Tokens) -> Floats:
        """Times that each token is there, (n, draws): those of its sentence by its types'."""
        times = self.sentences.take(tokens.sentence, axis=0)
        if tokens.other_type is None:
            times *= self.types.take(tokens.type, axis=0)
            return times
        always = np.concatenate([self.types, np.ones((1, times.shape[1]))])
        for types in (tokens.type, tokens.other_type):
            times *= always.take(types, axis=0)
        return times


class Sample(Protocol):
    """Tokens, and statistics of any draw of their sentences and types."""

    tokens: Tokens

    def statistics(self, draws: Draws) -> Floats:
        """Statistics (..., draws)."""


def in_sample(sample: Sample) -> Floats:
    """Statistics (...) of the sample itself: every sentence and every type once."""
    counts = sample.tokens.sentences, sample.tokens.types
    return sample.statistics(Draws(*(np.ones((count, 1)) for count in counts)))[..., 0]


def bootstrap(samples: Sequence[Sample], draws: int, seed: int) -> list[Floats]:
    """Statistics of `draws` resamples of sentences and types, the same resamples for all samples.

    The pigeonhole bootstrap of Owen (2007, Annals of Applied Statistics 1, 386-411): sentences
    are drawn with replacement, types independently of them, and a token is there as often as the
    product of both. Where chance is in the sentences and the types its variance is right to first
    order; chance of single tokens it counts up to three times, so that it errs on the wide side.

    Returns
    -------
    Statistics (..., draws) of each sample.
    """
    generators = [np.random.default_rng([seed, factor]) for factor in range(2)]
    tokens = samples[0].tokens
    counts = tokens.sentences, tokens.types
    largest = max(*counts, *(len(one.tokens) for one in samples))
    chunk = max(1, CELLS // largest)
    statistics: list[list[Floats]] = [[] for _ in samples]
    with progress("bootstrap", draws, "draws") as bar:
        for start in range(0, draws, chunk):
            number = min(chunk, draws - start)
            drawn = Draws(*(draw(n, number, by) for n, by in zip(counts, generators, strict=True)))
            for one, parts in zip(samples, statistics, strict=True):
                parts.append(one.statistics(drawn))
            bar.update(number)
    joined = [np.concatenate(parts, axis=-1) for parts in statistics]
    lost = [np.isnan(one).reshape(-1, draws).any(axis=0) for one in joined]
    if undefined := int(np.any(lost, axis=0).sum()):
        logging.info(
            "%d draws leave a statistic undefined and its interval without them", undefined
        )
    return joined


def draw(number: int, draws: int, generator: np.random.Generator) -> Floats:
    """Times that each of `number` things is drawn in as many draws from them, (number, draws)."""
    chosen = generator.integers(number, size=(draws, number))
    chosen += number * np.arange(draws)[:, None]
    times = np.bincount(chosen.ravel(), minlength=draws * number)
    return times.reshape(draws, number).T.astype(np.float64, order="C")


def percentile_interval(
    values: Floats, confidence: float, freedom: Floats | float = np.inf
) -> Floats:
    """Lower and upper end, (2, ...), along the last axis of `values`; undefined draws left out.

    With few degrees of `freedom` (...) the percentiles lie further out, as far as those of
    Student's t beyond the normal ones: the expanded percentile interval of Hesterberg (2015, The
    American Statistician 69, 371-386).
    """
    freedom = np.broadcast_to(freedom, values.shape[:-1])
    with np.errstate(invalid="ignore"):
        reach = np.sqrt(1 + 1 / freedom) * t.ppf((1 + confidence) / 2, freedom)
    tail = norm.sf(reach)
    ordered = np.sort(values, axis=-1)  # undefined draws are the last
    last = np.isfinite(ordered).sum(axis=-1) - 1
    ends = []
    for share in (tail, 1 - tail):
        place = np.nan_to_num(share) * np.maximum(last, 0)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(last, 0))
        low, high = (
            np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in (below, above)
        )
        ends.append(low + (place - below) * (high - low))
    return np.stack(ends)


def freedom_of(drawn: Floats) -> Floats:
    """Degrees of freedom of the variance of draws (..., draws), that is of the types behind it.

    Where types k move a statistic by J_k each time that they are drawn, its draws have the
    variance sum J_k^2 and the fourth cumulant sum J_k^4, and Satterthwaite's degrees of freedom
    of that variance are 3 (sum J_k^2)^2 / sum J_k^4 (Bell and McCaffrey 2002, Survey Methodology
    28, 169-181): 3 / excess kurtosis. A few types that stand in most sentences leave few of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        away = drawn - np.nanmean(drawn, axis=-1, keepdims=True)
        second, fourth = (np.nanmean(away**power, axis=-1) for power in (2, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.maximum(fourth / second**2 - 3, 0)
        return np.maximum(3 / excess, LEAST_FREEDOM)


def with_intervals(
    names: Sequence[str], points: Floats, drawn: Floats, confidence: float
) -> dict[str, float]:
    """Columns of statistics (k,) by name, each with _low and _high by its draws (k, draws).

    Squares (R squared, partial R squared) are no sums over types and have plain percentiles.
    """
    squares = np.array(["r_squared" in name for name in names])
    freedom = np.where(squares, np.inf, freedom_of(drawn))
    return interval_columns(names, [points, *percentile_interval(drawn, confidence, freedom)])


def interval_columns(names: Sequence[str], ends: Sequence[Floats] | Floats) -> dict[str, float]:
    """Columns of statistics by name, _low and _high, from value, lower and upper end, (3, k)."""
    return {
        f"{name}{end}": value
        for name, *values in zip(names, *ends, strict=True)
        for end, value in zip(("", "_low", "_high"), values, strict=True)
    }
