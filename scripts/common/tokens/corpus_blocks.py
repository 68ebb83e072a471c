"""A corpus read piece by piece, so that memory does not grow with it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from common.command import InputError
from common.contract import CORPUS

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
        try:
            self.file = pq.ParquetFile(path, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: not a readable Parquet file ({error})") from error
        schema = self.file.schema_arrow
        for name in COLUMNS:
            if name not in schema.names:
                raise InputError(
                    f"{path}: no column {name!r}; {CORPUS.holds} need it, found {schema.names}"
                )
            found, wanted = schema.field(name).type, CORPUS.columns[name].type
            if found != wanted and (found, wanted) != (pa.large_string(), pa.string()):
                raise InputError(f"{path}: column {name!r} is {found}, not {wanted}")

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
                known = block.filter(pl.col(name).is_null())["sentence_id"]
                raise InputError(f"{self.path}: {name} of sentence_id {known[0]} is null; drop it")
        return block
