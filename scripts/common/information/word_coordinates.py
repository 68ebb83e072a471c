"""Coordinates of words: the low-rank part of their co-occurrence, by empirical Bayes.

P(w'|w) / P(w') = 1 + sum_k g_k(w) f_k(w'): functions f_k of words, uncorrelated under P, and
coordinates g_k(w), the mean of f_k over row w of C (correspondence analysis). Kept are the f_k that
stand above the noise between the halves of the corpus. A coordinate has noise d_k / (pairs of w),
where d_k, measured between the halves, holds that words of one text are no independent draws. Its
prior is normal: about 0 while the f_k are sought, and in the end about the coordinates of frequent
words, because there are few kinds of words; scales are the most likely ones (Efron 2014).
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.special import logsumexp

Halves = tuple[csr_array, csr_array]
COMPONENTS = 128
"""Functions at most."""
NOISE_SHARE = 0.85
"""Least strength of a function, as a share of the strongest in pure noise; priors shrink it."""
PASSES = 3
"""Alternations of functions and coordinates."""
DAMPING = 100
"""Tokens added to every type when functions are sought, because rare words bring most noise."""
GROUP = 8
"""Neighbouring functions that share the scale of a word's prior about 0."""
SCALES = np.r_[0, np.geomspace(0.02, 30, 20)]
"""Prior variance of a word's coordinates, over its mean among words."""
CENTRES = 500
"""Most frequent words, about which the final prior lies."""
CENTRE_SCALES = (0.01, 0.05, 0.2, 1.0)
"""The same ratio for the distance of a word from one of them."""
MIXTURE_STEPS = 100
LEAST_PAIRS = 50
"""Pairs of a word whose noise can be measured; the others have no estimate."""
BLOCK = 256
"""Words at a time, against all others."""


@dataclass(frozen=True)
class Coordinates:
    """Posterior mean and variance of g, its noise, and the f, each (types, functions)."""

    mean: np.ndarray
    variance: np.ndarray
    noise: np.ndarray
    functions: np.ndarray


def fit_coordinates(halves: Halves, pairs: csr_array, tokens: float) -> Coordinates:
    """Coordinates of all types.

    Parameters
    ----------
    halves
        C of each half of the corpus, shape (types, types), from which the noise is measured.
    pairs
        C of what is fitted: of the whole corpus or of one half.
    tokens
        Tokens of what is fitted.
    """
    rows = row_sums(pairs)
    marginal = rows / rows.sum()
    inverse = [1 / np.maximum(row_sums(half), 1) for half in halves]
    measured = measurable(halves)
    functions = _leading_functions(halves, pairs, marginal, DAMPING / tokens)
    for step in range(PASSES):
        functions, strength = _uncorrelate(functions, pairs, marginal)
        first, second = (row_means(half, functions)[measured] for half in halves)
        both = (inverse[0] + inverse[1])[measured, None]
        noise = ((first - second) ** 2 / both).mean(axis=0) / np.maximum(rows, 1)[:, None]
        weights = marginal[measured]
        signal = np.average(first * second, axis=0, weights=weights) if weights.any() else noise[0]
        signal = np.maximum(signal, 1e-8)
        seen = row_means(pairs, functions)
        mean = _shrink(seen, noise, signal)
        if step < PASSES - 1:
            functions = mean / strength
    centres = np.argsort(-rows, kind="stable")[:CENTRES]
    mean, variance = _toward_centres(seen, noise, signal, mean[centres], centres)
    return Coordinates(mean, variance, noise, functions)


def row_sums(pairs: csr_array) -> np.ndarray:
    """Pairs of each type, shape (types,)."""
    return np.asarray(pairs.sum(axis=1)).ravel()


def row_means(pairs: csr_array, functions: np.ndarray) -> np.ndarray:
    """Mean of functions over each row of C, shape (types, functions)."""
    return (pairs @ functions) / np.maximum(row_sums(pairs), 1)[:, None]


def measurable(halves: Halves) -> np.ndarray:
    """Types whose noise can be measured: `LEAST_PAIRS` of them, and some in each half."""
    first, second = (row_sums(half) for half in halves)
    return (first + second >= LEAST_PAIRS) & (first > 0) & (second > 0)


def _leading_functions(
    halves: Halves, pairs: csr_array, marginal: np.ndarray, damping: float
) -> np.ndarray:
    """Eigenvectors of the damped, normalised C whose eigenvalues are above the noise's largest."""
    scale = diags_array(1 / np.sqrt(marginal + damping))
    normal = scale @ (pairs / pairs.sum()) @ scale
    trivial = marginal / np.sqrt(marginal + damping)
    centred = LinearOperator(
        normal.shape, lambda x: normal @ x - trivial * (trivial @ x), dtype=float
    )
    start = np.ones(len(marginal))
    operator = LinearOperator(normal.shape, centred, dtype=float)
    values, vectors = eigsh(operator, min(COMPONENTS, len(marginal) - 1), v0=start)
    between = scale @ (halves[0] / halves[0].sum() - halves[1] / halves[1].sum()) @ scale / 2
    edge = abs(eigsh(between, 1, v0=start, return_eigenvectors=False)[0]) if between.nnz else 0.0
    edge *= np.sqrt((halves[0] + halves[1]).sum() / pairs.sum())
    return scale @ vectors[:, abs(values) > NOISE_SHARE * edge]


def _uncorrelate(
    functions: np.ndarray, pairs: csr_array, marginal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same span by functions of mean 0, uncorrelated under P and in C, strongest first."""
    functions = functions - marginal @ functions
    values, turn = np.linalg.eigh(functions.T @ (marginal[:, None] * functions))
    kept = values > 1e-10 * values.max(initial=0)
    functions = functions @ (turn[:, kept] / np.sqrt(values[kept]))
    values, turn = np.linalg.eigh(functions.T @ (pairs @ functions) / pairs.sum())
    order = np.argsort(-abs(values))
    return functions @ turn[:, order], values[order]


def _shrink(seen: np.ndarray, noise: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Posterior mean of coordinates under priors about 0, (types, functions)."""
    mean = np.zeros_like(seen)
    for start in range(0, seen.shape[1], GROUP):
        part = slice(start, start + GROUP)
        x, n, prior = seen[:, part], noise[:, part], SCALES[:, None, None] * signal[part]
        log_likelihood = -(x**2 / (prior + n) + np.log(prior + n)).sum(axis=2).T / 2
        weight = mixture(log_likelihood).T[:, :, None]
        mean[:, part] = (weight * prior / (prior + n)).sum(axis=0) * x
    return mean


def _toward_centres(
    seen: np.ndarray, noise: np.ndarray, signal: np.ndarray, centre: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and variance of coordinates, each (types, functions).

    The prior is an equal mixture of normals about each `centre`, save the one that is the word's
    `own`, at each of `CENTRE_SCALES`.
    """
    blocks = [slice(k, k + BLOCK) for k in range(0, len(seen), BLOCK)]

    def log_likelihoods(block: slice) -> np.ndarray:
        """Of words at each scale and centre, shape (scales, block, centres)."""
        precision = 1 / (noise[block] + np.multiply.outer(CENTRE_SCALES, signal)[:, None])
        far = precision @ centre.T**2 - 2 * (precision * seen[block]) @ centre.T
        far += (precision * seen[block] ** 2 - np.log(precision)).sum(axis=2)[:, :, None]
        is_own = np.arange(len(seen))[block, None] == own
        return np.where(is_own, -np.inf, -far / 2)

    scales = mixture(np.concatenate([logsumexp(log_likelihoods(b), axis=2).T for b in blocks]))
    mean, square = np.zeros_like(seen), np.zeros_like(seen)
    for block in blocks:
        likelihood = log_likelihoods(block)
        near = np.exp(likelihood - logsumexp(likelihood, axis=2, keepdims=True))
        for scale, weight, close in zip(CENTRE_SCALES, scales[block].T, near, strict=True):
            kept = scale * signal / (scale * signal + noise[block])
            toward, squared = close @ centre, close @ centre**2
            step = kept * seen[block]
            rest = 1 - kept
            mean[block] += weight[:, None] * (step + rest * toward)
            spread = kept * noise[block] + step**2 + 2 * step * rest * toward + rest**2 * squared
            square[block] += weight[:, None] * spread
    return mean, np.maximum(square - mean**2, 0)


def mixture(log_likelihood: np.ndarray) -> np.ndarray:
    """Posterior of each row over the columns; the mixing weights by maximum likelihood (EM)."""
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    shares = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
    for _ in range(MIXTURE_STEPS):
        posterior = likelihood * shares
        posterior /= posterior.sum(axis=1, keepdims=True)
        shares = posterior.mean(axis=0)
    return posterior
