"""The plug-in estimate of the information gain KL(w), in nats, and its bias.

P(w' | w) is a row of C (`pair_counts`), normalised, and P(w') its marginal, so that the mean of
KL(w) under P is the mutual information of the pair. Rows of zeros have no estimate: NaN.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln

POISSON_MEANS = np.geomspace(1e-12, 100, 2000)
POISSON_TERMS = 250
ROW_SIZES = 400
"""Numbers of pairs of a row, between which its expectation is interpolated."""
BINS = 1000
"""Groups of types of like frequency, which are taken for equal in that expectation."""
CELL_MEANS = 2**15
"""Means of a cell, of which the nearest is taken."""


def information_gain(pairs: csr_array) -> np.ndarray:
    """Plug-in KL(w), shape (types,)."""
    rows = np.asarray(pairs.sum(axis=1)).ravel()
    marginal = rows / rows.sum()
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    share = pairs.data / rows[row]
    terms = share * np.log(share / marginal[pairs.indices])
    gain = np.bincount(row, terms, minlength=len(rows))
    return np.where(rows > 0, np.maximum(gain, 0), np.nan)


def shuffled_information_gain(
    counts: np.ndarray, lengths: np.ndarray, sentences: np.ndarray
) -> np.ndarray:
    """Expected plug-in KL(w) with tokens shuffled across sentences (Oyama et al. 2023).

    A cell of row w is then nearly a Poisson variable x of mean m = N_w P(w'), N_w the pairs of w,
    and adds (E[x log x] - m log m) / N_w. Types without occurrence are NaN.

    Parameters
    ----------
    counts
        Occurrences of each type, shape (types,).
    lengths, sentences
        How many sentences have how many tokens.
    """
    pairs = (sentences * lengths * (lengths - 1)).sum()
    probability = counts[counts > 0] / counts.sum()
    excess = _poisson_excess()
    different, place = np.unique(probability, return_inverse=True)
    gain = np.empty(len(different))
    for i, p in enumerate(different):
        cells = np.interp(np.log(p * pairs * probability), np.log(POISSON_MEANS), excess)
        gain[i] = (1 - p) * ((1 - probability) @ cells) / (p * pairs)
    shuffled = np.full(len(counts), np.nan)
    shuffled[counts > 0] = gain[place]
    return shuffled


def independent_information_gain(pairs: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Expected plug-in KL(w) in parts of a corpus whose pairs were independent, (types, parts).

    As `shuffled_information_gain`, with P(w') the share of the part's own pairs, in `BINS` groups
    of types of like frequency, and interpolated between `ROW_SIZES`.

    Parameters
    ----------
    pairs
        Pairs of each type in each part, (types, parts).
    rows
        Pairs of a row, (types, parts), if these are others.
    """
    excess = _poisson_excess()
    rows = pairs if rows is None else rows
    sizes = np.geomspace(0.5, max(rows.max(initial=1), 2), ROW_SIZES)
    gain = np.full(pairs.shape, np.nan)
    for of_type, of_row, of_part in zip(pairs.T, rows.T, gain.T, strict=True):
        seen = of_type > 0
        if not seen.any():
            continue
        probability = of_type[seen] / of_type.sum()
        group = np.digitize(np.log(probability), np.linspace(np.log(probability.min()), 0, BINS))
        many, total, others = (
            np.bincount(group, weights) for weights in (None, probability, 1 - probability)
        )
        mean = total[many > 0] / many[many > 0]
        means = np.log(np.outer(sizes, mean))
        of_size = np.interp(means, np.log(POISSON_MEANS), excess) @ others[many > 0] / sizes
        of_part[seen] = np.interp(np.log(of_row[seen]), np.log(sizes), of_size) * (1 - probability)
    return gain


class ExpectedCells:
    """Expected plug-in KL from m of a row of independent draws from m, by `CELL_MEANS`."""

    def __init__(self) -> None:
        self.least = np.float32(np.log(POISSON_MEANS[0]))
        span = np.log(POISSON_MEANS[-1] / POISSON_MEANS[0])
        self.scale = np.float32((CELL_MEANS - 1) / span)
        means = self.least + np.arange(CELL_MEANS) / self.scale
        self.excess = np.interp(means, np.log(POISSON_MEANS), _poisson_excess()).astype(np.float32)

    def gain(self, smooth: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """In rows of so many draws, (rows,), from `smooth`, (rows, types), which is float32."""
        place = np.log(np.maximum(smooth, np.float32(1e-30)))
        place += (np.log(np.maximum(rows, 1e-12))[:, None] - self.least).astype(np.float32)
        place *= self.scale
        cells = self.excess[np.clip(place, 0, CELL_MEANS - 1).astype(np.int32)]
        return np.einsum("rt,rt->r", cells, 1 - smooth, dtype=np.float64) / np.maximum(rows, 1e-12)


def _poisson_excess() -> np.ndarray:
    """E[x log x] - m log m of a Poisson variable x at each of `POISSON_MEANS`; 1/2 for large m."""
    x = np.arange(2, POISSON_TERMS)
    mean = POISSON_MEANS[:, None]
    probability = np.exp(x * np.log(mean) - mean - gammaln(x + 1))
    return (probability * x * np.log(x)).sum(axis=1) - POISSON_MEANS * np.log(POISSON_MEANS)
