"""Pair counts of tokens and estimates of the information gain KL(w), in nats.

C(w, w') is the number of ordered pairs of distinct positions of one sentence that hold w and w'.
P(w' | w) is a row of C, normalised, and P(w') its marginal, so that the mean of KL(w) under P is
the mutual information of the pair. Rows of zeros have no estimate: NaN.
"""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_array, diags_array
from scipy.special import digamma, gammaln

CONCENTRATIONS = (1e-3, 1e9)
SEARCH_STEPS = 60
SPLINE_KNOTS = 2000
GOLDEN = (5**0.5 - 1) / 2


def count_pairs(ids: np.ndarray, lengths: np.ndarray, types: int) -> csr_array:
    """C of sentences laid end to end, shape (types, types).

    Parameters
    ----------
    ids
        Token ids of all sentences, shape (sum of lengths,).
    lengths
        Tokens of each sentence.
    types
        Size of the vocabulary.
    """
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    ones = np.ones(len(ids), np.int64)
    held = csr_array((ones, (sentence, ids)), shape=(len(lengths), types))
    pairs = held.T @ held - diags_array(np.bincount(ids, minlength=types), dtype=np.int64)
    pairs = csr_array(pairs)
    pairs.eliminate_zeros()
    pairs.sort_indices()
    return pairs


def information_gain(pairs: csr_array) -> np.ndarray:
    """Plug-in KL(w), shape (types,)."""
    row, rows, marginal = _rows_and_marginal(pairs)
    share = pairs.data / rows[row]
    terms = share * np.log(share / marginal[pairs.indices])
    gain = np.bincount(row, terms, minlength=len(rows))
    return np.where(rows > 0, np.maximum(gain, 0), np.nan)


def shuffled_information_gain(
    counts: np.ndarray, lengths: np.ndarray, shuffles: int, seed: int
) -> np.ndarray:
    """Plug-in KL(w) with tokens shuffled across sentences, mean over shuffles (Oyama et al. 2023).

    Parameters
    ----------
    counts
        Occurrences of each type, shape (types,); with `lengths`, all that a shuffle keeps.
    lengths
        Tokens of each sentence.
    """
    generator = np.random.default_rng(seed)
    ids = np.repeat(np.arange(len(counts)), counts)
    total, seen = np.zeros(len(counts)), np.zeros(len(counts), int)
    for _ in range(shuffles):
        generator.shuffle(ids)
        gain = information_gain(count_pairs(ids, lengths, len(counts)))
        total += np.nan_to_num(gain)
        seen += ~np.isnan(gain)
    return np.divide(total, seen, out=np.full(len(counts), np.nan), where=seen > 0)


def bayes_information_gain(pairs: csr_array) -> np.ndarray:
    """Posterior mean of KL(w), shape (types,).

    Row w of C is multinomial with a Dirichlet prior of mean P and a concentration a of its own,
    which maximises the row's Polya likelihood. With q ~ Dirichlet(c + a P) and A the sum of its
    parameters, E[q log q] = q_mean (digamma(c + a P + 1) - digamma(A + 1)) (Wolpert and Wolf 1995).
    """
    row, rows, marginal = _rows_and_marginal(pairs)
    prior = marginal[pairs.indices]
    concentration = _fit_concentrations(pairs, row, rows, prior)

    def term(mass: np.ndarray, share: np.ndarray) -> np.ndarray:
        return mass * (digamma(mass + 1) - np.log(share))

    seen = term(pairs.data + concentration[row] * prior, prior)
    seen -= term(concentration[row] * prior, prior)
    low, high = np.log(CONCENTRATIONS)
    log_grid = np.linspace(low, high, SPLINE_KNOTS)
    support = marginal[marginal > 0]
    unseen = CubicSpline(
        log_grid, [term(np.exp(a) * support, support).sum() / np.exp(a) for a in log_grid]
    )
    mass = rows + concentration
    everywhere = concentration * unseen(np.log(concentration))
    total = np.bincount(row, seen, minlength=len(rows)) + everywhere
    gain = total / mass - digamma(mass + 1)
    return np.where(rows > 0, np.maximum(gain, 0), np.nan)


def _rows_and_marginal(pairs: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.asarray(pairs.sum(axis=1)).ravel()
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    return row, rows, rows / rows.sum()


def _fit_concentrations(
    pairs: csr_array, row: np.ndarray, rows: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """Concentration of each row's Polya likelihood, by golden-section search on its logarithm."""

    def likelihood(log_a: np.ndarray) -> np.ndarray:
        a = np.exp(log_a)
        mean = a[row] * prior
        cells = gammaln(pairs.data + mean) - gammaln(mean)
        return np.bincount(row, cells, minlength=len(rows)) + gammaln(a) - gammaln(rows + a)

    low, high = (np.full(len(rows), np.log(bound)) for bound in CONCENTRATIONS)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = likelihood(left), likelihood(right)
    for _ in range(SEARCH_STEPS):
        up = at_left < at_right
        low, high = np.where(up, left, low), np.where(up, high, right)
        probe = np.where(up, low + GOLDEN * (high - low), high - GOLDEN * (high - low))
        at_probe = likelihood(probe)
        left, right = np.where(up, right, probe), np.where(up, probe, left)
        at_left, at_right = np.where(up, at_right, at_probe), np.where(up, at_probe, at_left)
    return np.exp((low + high) / 2)
