"""Fetch rows of a dataset from the hub, as it was at one commit."""

import logging
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, DatasetBuilder, IterableDataset, load_dataset_builder
from datasets.packaged_modules.parquet.parquet import Parquet

from common.command import InputError, provenance, run
from common.corpora.hub import from_hub, named, stream_parquet
from common.progress import progress
from common.tables import whole

BLOCK = 10_000
Blocks = Generator[pa.Table, None, None]


def open_dataset(
    repository: str, revision: str, subset: str | None, data_files: list[str] | None
) -> DatasetBuilder:
    """The dataset, before any of its rows is fetched.

    Raises
    ------
    InputError
        It cannot be had, or only at another commit.
    """
    builder = load_dataset_builder(repository, subset, data_files=data_files, revision=revision)
    if builder.hash != revision:
        # where the hub does not answer, the library takes whatever commit its cache holds
        raise ConnectionError(f"only {builder.hash} is in the cache")
    return builder


def open_split(
    builder: DatasetBuilder, split: str, rows: int | None, columns: list[str]
) -> tuple[Blocks, int]:
    """Blocks of a split and its number of rows: the first ones are streamed, or all are fetched."""
    if rows is None:
        builder.download_and_prepare()
        dataset = builder.as_dataset(split)
        return blocks_of(dataset), len(dataset)
    if isinstance(builder, Parquet) and split in (builder.config.data_files or {}):
        return stream_parquet(builder.config.data_files[split], rows, columns), rows
    return blocks_of(builder.as_streaming_dataset(split).take(rows)), rows


def blocks_of(dataset: Dataset | IterableDataset) -> Blocks:
    """The rows of a dataset, which is let go where the blocks are closed."""
    yield from dataset.with_format("arrow").iter(BLOCK)


def write_rows(path: Path, splits: list[tuple[str, Blocks, int]], columns: list[str]) -> int:
    """Write `columns` of splits (name, blocks, rows) as one Parquet file; how many rows it has.

    Raises
    ------
    InputError
        A column is missing, or there are no rows.
    """
    writer, written = None, 0
    for split, blocks, total in splits:
        with progress(split, total, "rows") as bar, closing(blocks):
            for block in blocks:
                kept = block.select(named(columns, block.column_names, f"split {split}"))
                if writer is None:
                    writer = pq.ParquetWriter(
                        path, pa.schema(kept.schema, provenance()), compression="zstd"
                    )
                writer.write_table(kept.cast(writer.schema))
                written += len(kept)
                bar.update(len(kept))
    if writer is None:
        raise InputError("no rows in it")
    writer.close()
    return written


def main(
    repository: str,
    *,
    revision: str,
    output_rows: Path,
    splits: list[str],
    columns: list[str],
    subset: str | None = None,
    data_files: list[str] | None = None,
    rows: int | None = None,
) -> None:
    """Fetch rows of a dataset from the hub, as it was at one commit.

    All rows come through the caches of huggingface_hub and datasets (HF_HOME): what has arrived is
    not fetched again, and with HF_HUB_OFFLINE=1 nothing else is looked for. With --rows the first
    ones are streamed instead, and nothing is kept but these. HF_TOKEN opens gated repositories.

    Example: python scripts/download_dataset.py sentence-transformers/stsb
    --revision ab7a5ac0e35aa22088bdcf23e7fd99b220e53308 --splits test
    --columns sentence1 sentence2 score --output-rows stsb.parquet

    Parameters
    ----------
    repository
        Owner and name.
    revision
        Commit, 40 hexadecimal digits.
    output_rows
        The rows (Parquet).
    splits
        Splits, joined in this order.
    columns
        Columns to keep, or paths into them like data.text, of which the whole column is kept.
    subset
        Subset of a dataset that has several.
    data_files
        Files of the repository that make up the split train, where it does not say itself.
    rows
        First rows of every split; all where not given.
    """
    what = f"dataset {repository}@{revision}"
    builder = from_hub(what, lambda: open_dataset(repository, revision, subset, data_files))

    def write() -> int:
        opened = [(split, *open_split(builder, split, rows, columns)) for split in splits]
        with whole(output_rows) as partial:
            return write_rows(partial, opened, columns)

    written = from_hub(what, write)
    logging.info("%s: %d rows of %s", what, written, ", ".join(splits))


if __name__ == "__main__":
    run(main)
