"""Fetch rows of a dataset from the hub, as it was at one commit."""

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, DatasetBuilder, IterableDataset, load_dataset_builder

from common.command import InputError, provenance, run
from common.corpora.hub import from_hub
from common.progress import progress
from common.tables import whole

BLOCK = 10_000


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
    builder: DatasetBuilder, split: str, rows: int | None
) -> tuple[Dataset | IterableDataset, int]:
    """A split and its number of rows: the first ones are streamed, all come through the cache."""
    if rows is not None:
        return builder.as_streaming_dataset(split).take(rows), rows
    builder.download_and_prepare()
    dataset = builder.as_dataset(split)
    return dataset, len(dataset)


def write_rows(path: Path, splits: list[tuple[str, Any, int]], columns: list[str]) -> int:
    """Write `columns` of splits (name, dataset, rows) as one Parquet file; how many rows it has.

    Raises
    ------
    InputError
        A column is missing, or there are no rows.
    """
    writer, written = None, 0
    for split, dataset, total in splits:
        with progress(split, total, "rows") as bar:
            for block in dataset.with_format("arrow").iter(BLOCK):
                for column in columns:
                    if column not in block.column_names:
                        names = ", ".join(block.column_names)
                        raise InputError(f"split {split}: no column {column!r}; found {names}")
                kept = block.select(columns)
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
        Columns to keep.
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
        opened = [(split, *open_split(builder, split, rows)) for split in splits]
        with whole(output_rows) as partial:
            return write_rows(partial, opened, columns)

    written = from_hub(what, write)
    logging.info("%s: %d rows of %s", what, written, ", ".join(splits))


if __name__ == "__main__":
    run(main)
