"""How often a relation as far off comes from types that have each other's quantities."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.arrays import Floats, Integers
from common.correlations.resampling import CELLS
from common.correlations.statistics import OfTypes

LEAST = 10
"""Types of a frequency band at least."""
ROUNDING = 1e-9
"""Relative difference below which two permutations are equally far off."""


class Permutable(Protocol):
    """Tokens, and statistics of them with the values of one quantity given to other types."""

    by_type: OfTypes

    def permuted(self, i: int, receiver: Integers) -> Floats:
        """Statistics (stages, k, permutations) with quantity i given to types `receiver`."""


def frequency_bands(count: NDArray[np.integer]) -> Integers:
    """Band of each type by how often it was counted, the most frequent in band 0.

    A band ends where it holds `LEAST` types or more and frequency has halved; types of one
    frequency are in one band. The rest, if fewer, is in the last band.

    Parameters
    ----------
    count
        Times that each type was counted, (types,).
    """
    order = np.argsort(-count, kind="stable")
    sorted_ = count[order]
    starts, start = [0], 0
    for i in range(1, len(count)):
        if i - start >= LEAST and 2 * sorted_[i] <= sorted_[start]:
            starts.append(start := i)
    if len(starts) > 1 and len(count) - start < LEAST:
        starts.pop()
    band = np.empty(len(count), np.intp)
    band[order] = np.searchsorted(starts, np.arange(len(count)), side="right") - 1
    return band


def permute(sample: Permutable, i: int, band: Integers, permutations: int, seed: int) -> Floats:
    """Statistics of a sample with quantity i permuted over the types of each band.

    Parameters
    ----------
    sample
        Tokens with their quantities and weights.
    i
        Number of the quantity.
    band
        Band of each type, (types,); all zero: over all types.
    permutations
        Number of random permutations.
    seed
        Seed of them.

    Returns
    -------
    (stages, k, 1 + permutations), first those of the sample as it is; NaN where there is no such
    test. A quantity of the token in its place (surprisal, position) has none: neither its types
    nor its tokens, which share sentences, could be exchanged.
    """
    generator = np.random.default_rng(seed)
    types = band[sample.by_type.present]
    in_bands = np.argsort(types, kind="stable")
    chunk = max(1, CELLS // len(types))
    parts = [sample.permuted(i, np.arange(len(types))[:, None])]
    for start in range(0, permutations, chunk):
        number = min(chunk, permutations - start)
        shuffled = np.argsort(types[:, None] + generator.random((len(types), number)), axis=0)
        receiver = np.empty_like(shuffled)
        receiver[in_bands] = shuffled
        parts.append(sample.permuted(i, receiver))
    return np.concatenate(parts, axis=-1)


def spread(permuted: Floats, confidence: float) -> Floats:
    """Distance from their mean that a share `confidence` of the permutations keep within, (...).

    Parameters
    ----------
    permuted
        (..., 1 + permutations) as `permute` gives them; the first, the sample, is none of them.
    """
    others = permuted[..., 1:]
    return np.quantile(np.abs(others - others.mean(-1, keepdims=True)), confidence, axis=-1)


def p_values(permuted: Floats) -> Floats:
    """Share of permutations that are as far from their mean as the sample, the first, is.

    The sample is one of them, so that p is never 0 (Phipson and Smyth 2010, Statistical
    Applications in Genetics and Molecular Biology 9, 39). Their mean is not 0: within bands it
    holds what the frequency of the types explains.

    Parameters
    ----------
    permuted
        (..., 1 + permutations) as `permute` gives them.

    Returns
    -------
    Two-sided p (...); NaN where the statistic is undefined.
    """
    away = np.abs(permuted - permuted.mean(axis=-1, keepdims=True))
    sample = away[..., :1] * (1 - ROUNDING)
    return np.where(np.isnan(away).any(axis=-1), np.nan, (away >= sample).mean(axis=-1))


def change_p_values(permuted: Floats, squared: tuple[int, ...]) -> Floats:
    """As `p_values`, of the change from the first stage to each of the others.

    The change of a square is tested by that of the absolute correlation: of r with the sign that
    it has in the sample. From r = 0.5 to r = -0.5 R squared has not changed; and where relations
    are strong, squares move by more than chance moves those of permutations, which are near 0.

    Parameters
    ----------
    permuted
        (stages, k, 1 + permutations) as `permute` gives them.
    squared
        Numbers of the statistics that are squares, and correlations in `permuted`.

    Returns
    -------
    (stages - 1, k).
    """
    aligned = permuted.copy()
    for k in squared:
        aligned[:, k] *= np.sign(permuted[:, k, :1])
    return p_values(aligned[1:] - aligned[:1])
