"""Counts of pairs of types, added up in bounded memory.

C(w, w') is the number of ordered pairs of distinct positions of one sentence that hold w and w'.
It is kept for each of `GROUPS` groups of documents by itself: a matrix of shape
(types, types * GROUPS), whose column w' * GROUPS + g is w' in group g.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import BinaryIO, Self

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array

from common.command import InputError

HELD = 4_000_000
"""Pairs of types in memory at a time."""
PARTS = 16
"""A table takes so many times the memory of the counts that it is made from."""
GROUPS = 8
GROUP_COLUMNS = tuple(f"group_{g}" for g in range(1, GROUPS + 1))


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
    kind = np.int32 if (lengths**2).sum() <= np.iinfo(np.int32).max else np.int64
    occurs = _occurrences(ids, lengths, types, kind)
    pairs = occurs.T.tocsr() @ occurs
    pairs = csr_array(pairs - diags_array(np.bincount(ids, minlength=types), dtype=kind))
    pairs.eliminate_zeros()
    pairs.sort_indices()
    return pairs


def count_grouped_pairs(
    ids: np.ndarray, lengths: np.ndarray, groups: np.ndarray, types: int
) -> csr_array:
    """C of each group of sentences, shape (types, types * GROUPS).

    Parameters
    ----------
    ids, lengths, types
        As in `count_pairs`.
    groups
        Group of each sentence, from 0.
    """
    kind = np.int32 if (lengths**2).sum() <= np.iinfo(np.int32).max else np.int64
    occurs = _occurrences(ids, lengths, types, kind)
    tagged = _tagged(occurs, groups)
    itself = csr_array((tagged.data, (ids, tagged.indices)), shape=(types, types * GROUPS))
    pairs = csr_array(occurs.T.tocsr() @ tagged - itself)
    pairs.eliminate_zeros()
    pairs.sort_indices()
    return pairs


def count_grouped_adjacent_pairs(
    ids: np.ndarray, lengths: np.ndarray, first: np.ndarray, groups: np.ndarray, types: int
) -> csr_array:
    """Pairs of a token of a sentence and one of the next, in both orders, of each group.

    Parameters
    ----------
    ids, lengths, types
        As in `count_pairs`.
    first
        Places of the sentences whose next one counts.
    groups
        Group of each of these.

    Returns
    -------
    Counts, shape (types, types * GROUPS).
    """
    occurs = _occurrences(ids, lengths, types, np.int32)
    occurs = _occurrences(ids, lengths, types, np.int32)
    one, other = occurs[first], occurs[first + 1]
    pairs = one.T.tocsr() @ _tagged(other, groups) + other.T.tocsr() @ _tagged(one, groups)
    pairs = csr_array(pairs)
    pairs.sort_indices()
    return pairs


def _occurrences(
    ids: np.ndarray, lengths: np.ndarray, types: int, kind: type[np.signedinteger]
) -> csr_array:
    """A one for each token of each sentence, shape (sentences, types), tokens in their order."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    ids, ends = ids.astype(np.int32), ends.astype(np.int32)
    return csr_array((np.ones(len(ids), kind), ids, ends), shape=(len(lengths), types))


def _tagged(occurs: csr_array, groups: np.ndarray) -> csr_array:
    """Tokens of sentences, each in the group of its sentence, (sentences, types * GROUPS)."""
    group = np.repeat(groups, np.diff(occurs.indptr)).astype(np.int32)
    places, shape = occurs.indices * GROUPS + group, (occurs.shape[0], occurs.shape[1] * GROUPS)
    return csr_array((occurs.data, places, occurs.indptr), shape=shape)


class RunningSum:
    """Sum of counts; those of like size are added first, so that each cell moves few times."""

    def __init__(self) -> None:
        self.parts: list[csr_array] = []

    def __len__(self) -> int:
        """Cells that are held."""
        return sum(part.nnz for part in self.parts)

    def add(self, part: csr_array) -> None:
        """Count `part`, too; there may be more types than before."""
        self.parts.append(part)
        while len(self.parts) > 1 and self.parts[-2].nnz <= 2 * self.parts[-1].nnz:
            self.parts.append(_add(self.parts.pop(), self.parts.pop()))

    def take(self) -> csr_array:
        """The sum, which is held no longer; of shape (0, 0) if nothing was added."""
        parts, self.parts = self.parts, []
        return reduce(_add, reversed(parts)) if parts else csr_array((0, 0), dtype=np.int32)


@dataclass(frozen=True)
class SetDown:
    """A sparse matrix in a file: counts and places of row k from cell `begins[k]` on."""

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

    def rows(self, start: int, stop: int, columns: int) -> csr_array:
        """Some rows, shape (stop - start, columns); rows that were not there yet are empty."""
        begins = self.begins[np.minimum(np.arange(start, stop + 1), len(self.begins) - 1)]
        count = int(begins[-1] - begins[0])
        arrays, offset = [], self.offset
        for kind in (self.kind, np.dtype(np.int32)):
            self.file.seek(offset + kind.itemsize * int(begins[0]))
            arrays.append(np.fromfile(self.file, kind, count))
            offset += kind.itemsize * int(self.begins[-1])
        return csr_array((*arrays, begins - begins[0]), shape=(stop - start, columns))


class PairSum:
    """C of each group of documents of a corpus.

    Parameters
    ----------
    held
        Pairs of types that are held in memory at a time; more are set down in a temporary file.
    """

    def __init__(self, held: int = HELD) -> None:
        self.held = held
        self.sum = RunningSum()
        self.set_down: list[SetDown] = []
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  it is there as long as the sum

    def add(self, part: csr_array) -> None:
        """Count `part`, (types, types * GROUPS), too; there may be more types than before."""
        self.sum.add(part)
        if len(self.sum) > self.held:
            self._set_down()

    def tables(self, types: int) -> Iterator[pl.DataFrame]:
        """The PAIR_COUNTS table of so many types, in order, some rows of C at a time."""
        self._set_down()
        cells = np.zeros(types, np.int64)
        for run in self.set_down:
            cells[: len(run.begins) - 1] += np.diff(run.begins)
        share = max(self.held // PARTS, 1)
        cuts = np.searchsorted(np.cumsum(cells), np.arange(share, cells.sum(), share))
        for start, stop in pairwise([0, *np.unique(cuts).tolist(), types]):
            for run in self.set_down:
                self.sum.add(run.rows(start, stop, types * GROUPS))
            table = pair_table(self.sum.take())
            yield table.with_columns(pl.col("token_id") + start)

    def _set_down(self) -> None:
        self.set_down.append(SetDown.write(self.sum.take(), self.file))


def _add(first: csr_array, second: csr_array) -> csr_array:
    """The sum, in 32 bits as long as it fits, because counts take most of the memory."""
    shape = max(first.shape, second.shape)
    for part in (first, second):
        part.resize(shape)
    most = sum(int(part.data.max(initial=0)) for part in (first, second))
    if most > np.iinfo(first.dtype).max:
        first = first.astype(np.int64)
    return first + second


def pair_table(pairs: csr_array) -> pl.DataFrame:
    """The PAIR_COUNTS table of C of each group, (types, types * GROUPS), places in order.

    Returns
    -------
    A row per pair (w, w') with C(w, w') > 0, sorted by them: token_id w, other_id w', count, which
    is C(w, w') of the corpus, and `GROUP_COLUMNS`, that of each group.
    """
    row = np.repeat(np.arange(pairs.shape[0], dtype=np.int32), np.diff(pairs.indptr))
    other, group = np.divmod(pairs.indices, GROUPS)
    begins = np.ones(len(row), bool)
    begins[1:] = (np.diff(row) != 0) | (np.diff(other) != 0)
    cells = np.zeros((GROUPS, begins.sum()), pairs.data.dtype)
    cells[group, np.cumsum(begins) - 1] = pairs.data
    return pl.DataFrame(
        {
            "token_id": row[begins],
            "other_id": other[begins].astype(np.int32),
            "count": cells.sum(axis=0, dtype=np.int64),
            **dict(zip(GROUP_COLUMNS, cells, strict=True)),
        }
    )


def grouped_pairs(tables: Iterable[pl.DataFrame], types: int) -> csr_array:
    """C of each group, (types, types * GROUPS), from parts of a PAIR_COUNTS table."""
    total = RunningSum()
    for table in tables:
        cells = table.select(GROUP_COLUMNS).to_numpy()
        row, group = np.nonzero(cells)
        place = table["other_id"].to_numpy()[row].astype(np.int64) * GROUPS + group
        data = cells[row, group]
        kind = np.int32 if data.max(initial=0) <= np.iinfo(np.int32).max else np.int64
        where = (table["token_id"].to_numpy()[row], place)
        total.add(csr_array((data.astype(kind), where), shape=(types, types * GROUPS)))
    return total.take()


@dataclass(frozen=True)
class SymmetricCounts:
    """C of some documents, (types, types), kept as its upper triangle with half of the diagonal.

    `rows` are the pairs of each type, (types,).
    """

    upper: csr_array
    rows: np.ndarray

    def __matmul__(self, vectors: np.ndarray) -> np.ndarray:
        """C times vectors, (types,) or (types, columns)."""
        return self.upper @ vectors + self.upper.T @ vectors

    def among(self, types: np.ndarray) -> np.ndarray:
        """C of some types by themselves, dense, float64."""
        upper = self.upper[types][:, types].toarray().astype(float)
        return upper + upper.T


def pair_halves(
    tables: Iterable[pl.DataFrame], types: int
) -> tuple[SymmetricCounts, SymmetricCounts]:
    """C of every other group and of the rest, float32, from parts of a PAIR_COUNTS table."""
    halves = _Growing(types), _Growing(types)
    for table in tables:
        above = table.filter(pl.col("token_id") <= pl.col("other_id"))
        row, other = (above[name].to_numpy() for name in ("token_id", "other_id"))
        for k, half in enumerate(halves):
            count = above.select(pl.sum_horizontal(GROUP_COLUMNS[k::2])).to_series().to_numpy()
            half.add(row, other, np.where(row == other, count / 2, count))
    return halves[0].counts(), halves[1].counts()


class _Growing:
    """The upper triangle of C, to which cells are added in order, in memory that never doubles."""

    def __init__(self, types: int) -> None:
        self.data, self.other = np.empty(0, np.float32), np.empty(0, np.int32)
        self.cells = np.zeros(types, np.int64)
        self.rows = np.zeros(types)

    def add(self, row: np.ndarray, other: np.ndarray, count: np.ndarray) -> None:
        held = count > 0
        row, other, count = row[held], other[held], count[held]
        start, types = len(self.data), len(self.rows)
        for array, new in ((self.data, count), (self.other, other)):
            array.resize(start + len(new), refcheck=False)
            array[start:] = new
        self.cells += np.bincount(row, minlength=types)
        self.rows += np.bincount(row, count, types) + np.bincount(other, count, types)

    def counts(self) -> SymmetricCounts:
        begins = np.concatenate([[0], np.cumsum(self.cells)])
        shape = (len(self.rows), len(self.rows))
        return SymmetricCounts(csr_array((self.data, self.other, begins), shape=shape), self.rows)
