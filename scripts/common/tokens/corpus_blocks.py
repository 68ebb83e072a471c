"""A corpus read piece by piece, so that memory does not grow with it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from common.command import InputError
from common.contract import CORPUS
from common.tables import open_table

COLUMNS = ("document_id", "sentence_id", "text")


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
