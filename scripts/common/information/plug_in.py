"""The plug-in estimate of the information gain KL(w), in nats, and its bias.

P(w' | w) is a row of C (`pair_counts`), normalised, and P(w') its marginal, so that the mean of
KL(w) under P is the mutual information of the pair. Rows of zeros have no estimate: NaN.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln

POISSON_MEANS = np.geomspace(1e-12, 100, 2000)
POISSON_TERMS = 250


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


def _poisson_excess() -> np.ndarray:
    """E[x log x] - m log m of a Poisson variable x at each of `POISSON_MEANS`; 1/2 for large m."""
    x = np.arange(2, POISSON_TERMS)
    mean = POISSON_MEANS[:, None]
    probability = np.exp(x * np.log(mean) - mean - gammaln(x + 1))
    return (probability * x * np.log(x)).sum(axis=1) - POISSON_MEANS * np.log(POISSON_MEANS)
