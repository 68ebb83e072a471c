"""A corpus read piece by piece, so that memory does not grow with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from common.command import InputError
from common.contract import CORPUS
from common.tables import open_table

COLUMNS = ("document_id", "sentence_id", "text")
STRETCHES = 128
"""A corpus is dealt out to groups in so many stretches, because neighbours are alike."""
FEWEST = 64
"""Documents that are dealt out whole; of fewer, stretches of sentences are."""


class CorpusFile:
    """The sentences of a Parquet corpus, in the file's order.

    Raises
    ------
    InputError
        The file is not Parquet, or lacks one of `COLUMNS` or has it in another type.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = open_table(path, CORPUS, COLUMNS)

    def __len__(self) -> int:
        return self.file.metadata.num_rows

    def groups(self, number: int) -> Callable[[pl.DataFrame], np.ndarray]:
        """What tells the groups, from 0, of the sentences of a block, shape (sentences,).

        A group is made of stretches of whole documents that follow each other: sections of one
        article, sentences of one source and variants of one pair do. It does not depend on shards.
        """
        ranges = {}
        for name in ("document_id", "sentence_id"):
            ids = [batch[name] for batch in self.file.iter_batches(columns=[name])]
            ends = [pc.min_max(part) for part in ids if len(part) > part.null_count]
            ranges[name] = (
                min((end["min"].as_py() for end in ends), default=0),
                max((end["max"].as_py() for end in ends), default=0),
            )
        first, last = ranges["document_id"]
        name = "document_id" if last - first + 1 >= FEWEST else "sentence_id"
        first, last = ranges[name]
        stretches = max(min(STRETCHES, last - first + 1), 1)

        def group(block: pl.DataFrame) -> np.ndarray:
            return (block[name].to_numpy() - first) * stretches // (last - first + 1) % number

        return group

    def blocks(self, rows: range, size: int) -> Iterator[pl.DataFrame]:
        """`COLUMNS` of some of the rows, at most `size` sentences at a time.

        Raises
        ------
        InputError
            A value is null, or no UTF-8.
        """
        end = 0
        for group in range(self.file.num_row_groups):
            start, end = end, end + self.file.metadata.row_group(group).num_rows
            if start >= rows.stop or end <= rows.start:
                continue
            for batch in self.file.iter_batches(size, [group], list(COLUMNS)):
                first, last = max(rows.start - start, 0), min(rows.stop - start, len(batch))
                start += len(batch)
                if first < last:
                    yield self._checked(batch.slice(first, last - first))

    def _checked(self, batch: pa.RecordBatch) -> pl.DataFrame:
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid as error:
            raise InputError(f"{self.path}: text is not UTF-8 ({error}); recode it") from error
        block = pl.DataFrame(batch)
        for name in COLUMNS:
            if block[name].null_count():
                first = block.filter(pl.col(name).is_null())["sentence_id"][0]
                raise InputError(f"{self.path}: {name} of sentence_id {first} is null; drop it")
        return block
