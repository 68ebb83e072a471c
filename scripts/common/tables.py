"""Reading and writing the Parquet tables of the contract, whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from common.command import PROVENANCE_FILE, InputError, provenance
from common.contract import Table

FORMAT_VERSION = "1"
ROWS = 2**20
"""Rows of a row group, which are made ready at a time."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary file or directory beside `path` that becomes it only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        if path.is_dir() and partial.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        partial.unlink(missing_ok=True)


def write_table(frame: pl.DataFrame, path: Path, table: Table, **metadata: str) -> None:
    """Write `frame` as `table`: columns in order, sorted by keys, zstd, with units and provenance.

    Raises
    ------
    ValueError
        A column is missing or unknown, or holds a null where the contract allows none.
    """
    names = [n for n, c in table.columns.items() if n in frame.columns or not c.optional]
    if unknown := set(frame.columns) - set(names):
        raise ValueError(f"columns outside the contract: {sorted(unknown)}")
    if missing := set(names) - set(frame.columns):
        raise ValueError(f"columns missing: {sorted(missing)}")
    for name in names:
        if not table.columns[name].nullable and frame[name].null_count():
            raise ValueError(f"{path}: column {name} holds nulls")
    schema = pa.schema(
        [
            pa.field(
                name,
                table.columns[name].type,
                table.columns[name].nullable,
                {"unit": table.columns[name].unit, "meaning": table.columns[name].meaning},
            )
            for name in names
        ],
        {
            "holds": table.holds,
            "format_version": FORMAT_VERSION,
            "units": json.dumps({name: table.columns[name].unit for name in names}),
            **provenance(),
            **metadata,
        },
    )
    ordered = frame.select(names).sort(table.keys)
    with (
        whole(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        for part in ordered.iter_slices(ROWS):
            writer.write_table(part.to_arrow().cast(schema))


def read_table(path: Path, table: Table) -> pl.DataFrame:
    """Read a table of the contract.

    Raises
    ------
    InputError
        The file is not Parquet, or lacks a column of the contract or has it in another type.
    """
    try:
        arrow = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error
    for name, column in table.columns.items():
        if name not in arrow.column_names:
            if not column.optional:
                raise InputError(
                    f"{path}: no column {name!r}; {table.holds} need it, found {arrow.column_names}"
                )
            continue
        found = arrow.schema.field(name).type
        if found != column.type and (found, column.type) != (pa.large_string(), pa.string()):
            raise InputError(f"{path}: column {name!r} is {found}, not {column.type}")
    frame = pl.from_arrow(arrow)
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value metadata of a table: holds, units, command, config_hash and what was added."""
    metadata = pq.read_schema(path).metadata or {}
    return {
        key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"
    }


def write_provenance(directory: Path) -> None:
    """Leave the producing command and config hash beside a model."""
    (directory / PROVENANCE_FILE).write_text(json.dumps(provenance(), indent=2) + "\n")
