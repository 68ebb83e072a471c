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
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.special import logsumexp

from common.threads import on_threads
from common.tokens.pair_counts import SymmetricCounts

Halves = tuple[SymmetricCounts, SymmetricCounts]
COMPONENTS = 128
"""Functions at most."""
NOISE_SHARE = 0.85
"""Least strength of a function, as a share of the strongest in pure noise; priors shrink it."""
PASSES = 3
"""Alternations of functions and coordinates."""
PRODUCTS = 3
"""Times that C is multiplied by random functions, to find the strongest (Halko et al. 2011)."""
EDGE_TOLERANCE = 0.01
ROUNDING = 1e-6
"""What single precision leaves of a strength of 0; the strongest there can be is 1."""
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
    """Posterior mean and variance of g, and the f, each (types, functions)."""

    mean: np.ndarray
    variance: np.ndarray
    functions: np.ndarray


def fit_coordinates(halves: Halves, tokens: float) -> Coordinates:
    """Coordinates of all types.

    Parameters
    ----------
    halves
        C of each half of the documents, float32.
    tokens
        Tokens of the corpus.
    """
    rows = halves[0].rows + halves[1].rows
    marginal = rows / rows.sum()
    inverse = [1 / np.maximum(half.rows, 1) for half in halves]
    measured = measurable(halves)
    functions = _leading_functions(halves, marginal, DAMPING / tokens)
    for step in range(PASSES):
        first, second = _products(halves, functions)
        turn, strength, shift = _uncorrelate(functions, first + second, rows)
        functions = functions @ turn - shift
        seen = (first + second) @ turn / np.maximum(rows, 1)[:, None] - shift
        first, second = (
            (x @ turn * one[:, None] - shift)[measured]
            for x, one in zip((first, second), inverse, strict=True)
        )
        both = (inverse[0] + inverse[1])[measured, None]
        spread = np.maximum(((first - second) ** 2 / both).mean(axis=0), ROUNDING)
        noise = spread / np.maximum(rows, 1)[:, None]
        weights = marginal[measured]
        signal = np.average(first * second, axis=0, weights=weights) if weights.any() else noise[0]
        signal = np.maximum(signal, 1e-8)
        mean = _shrink(seen, noise, signal)
        if step < PASSES - 1:
            functions = mean / strength
    centres = np.argsort(-rows, kind="stable")[:CENTRES]
    mean, variance = _toward_centres(seen, noise, signal, mean[centres], centres)
    return Coordinates(*(x.astype(np.float32) for x in (mean, variance, functions)))


def _products(halves: Halves, vectors: np.ndarray) -> list[np.ndarray]:
    """C of each half times vectors, (types,) or (types, columns)."""
    single = vectors.astype(np.float32)
    return list(on_threads(lambda half: half @ single, halves))


def measurable(halves: Halves) -> np.ndarray:
    """Types whose noise can be measured: `LEAST_PAIRS` of them, and some in each half."""
    first, second = (half.rows for half in halves)
    return (first + second >= LEAST_PAIRS) & (first > 0) & (second > 0)


def _leading_functions(halves: Halves, marginal: np.ndarray, damping: float) -> np.ndarray:
    """Eigenvectors of the damped, normalised C whose eigenvalues are above the noise's largest."""
    scale = 1 / np.sqrt(marginal + damping)
    trivial = marginal * scale
    sums = [max(half.rows.sum(), 1) for half in halves]

    def whole(x: np.ndarray) -> np.ndarray:
        first, second = _products(halves, scale[:, None] * x)
        return scale[:, None] * (first + second) / sum(sums) - np.outer(trivial, trivial @ x)

    def between(x: np.ndarray) -> np.ndarray:
        first, second = _products(halves, scale * x.ravel())
        return scale * (first / sums[0] - second / sums[1]) / 2

    size = len(marginal)
    vectors = np.random.default_rng(0).normal(size=(size, min(COMPONENTS, size - 1)))
    for _ in range(PRODUCTS):
        vectors = whole(np.linalg.qr(vectors)[0])
    vectors = np.linalg.qr(vectors)[0]
    inner = vectors.T @ whole(vectors)
    values, turn = np.linalg.eigh((inner + inner.T) / 2)
    vectors = vectors @ turn
    edge = 0.0
    starts = (np.ones(size), np.random.default_rng(1).normal(size=size))
    start = next((one for one in starts if _differs(between(one), whole(one[:, None]))), None)
    if all(half.upper.nnz for half in halves) and start is not None:
        operator = LinearOperator((size, size), between, dtype=float)
        found = eigsh(operator, 1, v0=start, return_eigenvectors=False, tol=EDGE_TOLERANCE)
        edge = float(np.abs(found).max())
    strong = np.abs(values) > NOISE_SHARE * np.maximum(edge, ROUNDING)
    return scale[:, None] * vectors[:, strong]


def _differs(difference: np.ndarray, product: np.ndarray) -> bool:
    """Whether a product is more than rounding: of halves all alike, it is not."""
    return bool(np.linalg.norm(difference) > ROUNDING * max(float(np.linalg.norm(product)), 1))


def _uncorrelate(
    functions: np.ndarray, products: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How functions become uncorrelated under P and in C, of mean 0, strongest first.

    Parameters
    ----------
    functions, products
        Functions, (types, functions), and C times them.
    rows
        Pairs of each type.

    Returns
    -------
    What they are multiplied by, their strengths, and what is then taken off.
    """
    marginal = rows / rows.sum()
    mean = marginal @ functions
    centred = functions - mean
    values, turn = np.linalg.eigh(centred.T @ (marginal[:, None] * centred))
    kept = values > 1e-10 * values.max(initial=0)
    turn = turn[:, kept] / np.sqrt(values[kept])
    joint = centred.T @ (products / rows.sum() - np.outer(marginal, mean))
    values, last = np.linalg.eigh(turn.T @ (joint + joint.T) @ turn / 2)
    order = np.argsort(-abs(values))
    turn = turn @ last[:, order]
    return turn, values[order], mean @ turn


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
