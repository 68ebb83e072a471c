"""Counts of pairs of types, added up in bounded memory.

C(w, w') is the number of ordered pairs of distinct positions of one sentence that hold w and w'.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import chain, pairwise
from typing import BinaryIO, Self

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array

from common.command import InputError

HELD = 4_000_000
"""Pairs of types in memory at a time."""
PARTS = 16
"""A table takes so many times the memory of the counts that it is made from."""


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
    occurs = csr_array((np.ones(len(ids), kind), ids, ends), shape=(len(lengths), types))
    pairs = occurs.T.tocsr() @ occurs
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
    occurs = csr_array((np.ones(len(ids), np.int32), ids, ends), shape=(len(lengths), types))
    pairs = occurs[first].T.tocsr() @ occurs[first + 1]
    pairs = csr_array(pairs + pairs.T)
    pairs.sort_indices()
    return pairs


class RunningSum:
    """Sum of counts; those of like size are added first, so that each cell moves few times."""

    def __init__(self) -> None:
        self.parts: list[csr_array] = []

    def __len__(self) -> int:
        """Cells that are held."""
        return sum(part.nnz for part in self.parts)

    def add(self, part: csr_array) -> None:
        """Count `part`, shape (types, types), too; there may be more types than before."""
        self.parts.append(part)
        while len(self.parts) > 1 and self.parts[-2].nnz <= 2 * self.parts[-1].nnz:
            self.parts.append(_add(self.parts.pop(), self.parts.pop()))

    def take(self) -> csr_array:
        """The sum, shape (types, types), which is held no longer; (0, 0) of nothing."""
        parts, self.parts = self.parts, []
        return reduce(_add, reversed(parts)) if parts else csr_array((0, 0), dtype=np.int32)


@dataclass(frozen=True)
class SetDown:
    """C, shape (types, types), in a file: counts and places of row k from cell `begins[k]` on."""

    file: BinaryIO
    offset: int
    kind: np.dtype
    begins: np.ndarray

    @classmethod
    def write(cls, total: csr_array, file: BinaryIO) -> Self:
        """Write at the end of the file.

        Raises
        ------
        InputError
            Its disk is full.
        """
        try:
            offset = file.seek(0, os.SEEK_END)
            file.write(total.data)
            file.write(total.indices.astype(np.int32, copy=False))
            file.flush()
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: no room for pairs of types ({error}); let TMPDIR name a "
                "larger disk, or raise information.pairs_in_memory to hold more of them in memory"
            ) from error
        return cls(file, offset, total.data.dtype, total.indptr)

    def rows(self, start: int, stop: int, types: int) -> csr_array:
        """Some rows, shape (stop - start, types); rows that were not there yet are empty."""
        begins = self.begins[np.minimum(np.arange(start, stop + 1), len(self.begins) - 1)]
        count = int(begins[-1] - begins[0])
        arrays, offset = [], self.offset
        for kind in (self.kind, np.dtype(np.int32)):
            self.file.seek(offset + kind.itemsize * int(begins[0]))
            arrays.append(np.fromfile(self.file, kind, count))
            offset += kind.itemsize * int(self.begins[-1])
        return csr_array((*arrays, begins - begins[0]), shape=(stop - start, types))


class PairSum:
    """C of both halves of a corpus.

    Parameters
    ----------
    held
        Pairs of types that are held in memory at a time; more are set down in a temporary file.
    """

    def __init__(self, held: int = HELD) -> None:
        self.held = held
        self.sums = RunningSum(), RunningSum()
        self.set_down: tuple[list[SetDown], list[SetDown]] = [], []
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  it is there as long as the sum

    def add(self, half: int, part: csr_array) -> None:
        """Count `part`, shape (types, types), of a half; there may be more types than before."""
        self.sums[half].add(part)
        if sum(map(len, self.sums)) > self.held:
            self._set_down()

    def tables(self, types: int) -> Iterator[pl.DataFrame]:
        """The PAIR_COUNTS table of so many types, in order, some rows of C at a time."""
        self._set_down()
        cells = np.zeros(types, np.int64)
        for run in chain(*self.set_down):
            cells[: len(run.begins) - 1] += np.diff(run.begins)
        share = max(self.held // PARTS, 1)
        cuts = np.searchsorted(np.cumsum(cells), np.arange(share, cells.sum(), share))
        for start, stop in pairwise([0, *np.unique(cuts).tolist(), types]):
            for total, runs in zip(self.sums, self.set_down, strict=True):
                for run in runs:
                    total.add(run.rows(start, stop, types))
            table = pair_table(*(total.take() for total in self.sums))
            yield table.with_columns(pl.col("token_id") + start)

    def _set_down(self) -> None:
        for total, runs in zip(self.sums, self.set_down, strict=True):
            runs.append(SetDown.write(total.take(), self.file))


def _add(first: csr_array, second: csr_array) -> csr_array:
    """The sum, in 32 bits as long as it fits, because counts take most of the memory."""
    shape = max(first.shape, second.shape)
    for part in (first, second):
        part.resize(shape)
    most = sum(int(part.data.max(initial=0)) for part in (first, second))
    if most > np.iinfo(first.dtype).max:
        first = first.astype(np.int64)
    return first + second


def pair_table(first: csr_array, second: csr_array) -> pl.DataFrame:
    """The PAIR_COUNTS table of C of both halves of a corpus, each (types, types) and in CSR order.

    Returns
    -------
    A row per pair (w, w') with C(w, w') > 0, sorted by them: token_id w, other_id w', count, which
    is C(w, w') of the corpus, and half_count, that of the first half.
    """
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


def pair_halves(tables: Iterable[pl.DataFrame], types: int) -> tuple[csr_array, csr_array]:
    """C of each half of the corpus, from parts of a PAIR_COUNTS table, each (types, types)."""
    sums = RunningSum(), RunningSum()
    for table in tables:
        place = (table["token_id"].to_numpy(), table["other_id"].to_numpy())
        first = table["half_count"].to_numpy()
        for total, data in zip(sums, (first, table["count"].to_numpy() - first), strict=True):
            kind = np.int32 if data.max(initial=0) <= np.iinfo(np.int32).max else np.int64
            part = csr_array((data.astype(kind), place), shape=(types, types))
            part.eliminate_zeros()
            total.add(part)
    return sums[0].take(), sums[1].take()
