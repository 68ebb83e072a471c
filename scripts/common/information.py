"""Pair counts of tokens, and the plug-in estimate of the information gain KL(w), in nats.

C(w, w') is the number of ordered pairs of distinct positions of one sentence that hold w and w'.
P(w' | w) is a row of C, normalised, and P(w') its marginal, so that the mean of KL(w) under P is
the mutual information of the pair. Rows of zeros have no estimate: NaN.
"""

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array
from scipy.special import gammaln

POISSON_MEANS = np.geomspace(1e-12, 100, 2000)
POISSON_TERMS = 250


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
    ids, ends = ids.astype(np.int32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    kind = np.int32 if (lengths**2).sum() <= np.iinfo(np.int32).max else np.int64
    held = csr_array((np.ones(len(ids), kind), ids, ends), shape=(len(lengths), types))
    pairs = held.T.tocsr() @ held
    pairs = csr_array(pairs - diags_array(np.bincount(ids, minlength=types), dtype=kind))
    pairs.eliminate_zeros()
    pairs.sort_indices()
    return pairs


def count_adjacent_pairs(
    ids: np.ndarray, lengths: np.ndarray, first: np.ndarray, types: int
) -> csr_array:
    """Pairs of a token of a sentence and one of the next, in both orders, shape (types, types).

    Parameters
    ----------
    ids, lengths, types
        As in `count_pairs`.
    first
        Places of the sentences whose next one counts.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    held = csr_array((np.ones(len(ids), np.int32), ids, ends), shape=(len(lengths), types))
    pairs = held[first].T.tocsr() @ held[first + 1]
    pairs = csr_array(pairs + pairs.T)
    pairs.sort_indices()
    return pairs


class RunningSum:
    """Sum of counts; those of like size are added first, so that each cell moves few times."""

    def __init__(self, types: int) -> None:
        self.parts = [csr_array((types, types), dtype=np.int32)]

    def add(self, part: csr_array) -> None:
        """Count `part` too."""
        self.parts.append(part)
        while len(self.parts) > 1 and self.parts[-2].nnz <= 2 * self.parts[-1].nnz:
            self._join()

    def total(self) -> csr_array:
        """The sum, shape (types, types)."""
        while len(self.parts) > 1:
            self._join()
        return self.parts[0]

    def _join(self) -> None:
        self.parts.append(_add(self.parts.pop(), self.parts.pop()))


def _add(first: csr_array, second: csr_array) -> csr_array:
    """The sum, in 32 bits as long as it fits, because counts take most of the memory."""
    most = sum(int(part.data.max(initial=0)) for part in (first, second))
    if most > np.iinfo(first.dtype).max:
        first = first.astype(np.int64)
    return first + second


def pair_table(first: csr_array, second: csr_array) -> pl.DataFrame:
    """The PAIR_COUNTS table of C of the first and second half of a corpus, in order."""
    whole = _add(first, second)
    in_half = np.zeros_like(whole.data)
    for row in range(len(whole.indptr) - 1):
        cells, half = (slice(*m.indptr[row : row + 2]) for m in (whole, first))
        place = np.searchsorted(whole.indices[cells], first.indices[half])
        in_half[cells][place] = first.data[half]
    rows = np.arange(len(whole.indptr) - 1, dtype=np.int32)
    return pl.DataFrame(
        {
            "token_id": np.repeat(rows, np.diff(whole.indptr)),
            "other_id": whole.indices,
            "count": whole.data,
            "half_count": in_half,
        }
    )


def pair_halves(table: pl.DataFrame, types: int) -> tuple[csr_array, csr_array]:
    """C of each half of the corpus, from its PAIR_COUNTS table, each (types, types)."""
    place = (table["token_id"].to_numpy(), table["other_id"].to_numpy())
    first = table["half_count"].to_numpy()
    halves = [
        csr_array((data, place), shape=(types, types))
        for data in (first, table["count"].to_numpy() - first)
    ]
    for half in halves:
        half.eliminate_zeros()
    return halves[0], halves[1]


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
