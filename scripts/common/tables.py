"""Reading and writing the Parquet tables of the contract, whole or not at all."""

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from common.command import PROVENANCE_FILE, InputError, ancestors, provenance
from common.contract import Table

FORMAT_VERSION = "1"
SLACK = 1e-6
"""Rounding that a value may be beyond its bounds."""
ROWS = 2**20
"""Rows of a row group, which are made ready at a time."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary file or directory beside `path` that becomes it only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    of_killed = re.compile(rf"\.partial-\d+-{re.escape(path.name)}(\.old)?")
    for left in path.parent.iterdir():
        if of_killed.fullmatch(left.name):
            remove(left)
    try:
        yield partial
        old = partial.with_name(f"{partial.name}.old")
        if path.is_dir() and partial.is_dir():
            path.rename(old)
        partial.replace(path)
        remove(old)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Remove a file or directory, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def write_table(frame: pl.DataFrame, path: Path, table: Table, **metadata: str) -> None:
    """Write `frame` as `table`: columns in order, sorted by keys, zstd, with units and provenance.

    Raises
    ------
    ValueError
        A column is missing or unknown, or holds a null where the contract allows none.
    InputError
        A value cannot be, by the contract.
    """
    keys = [key for key in table.keys if key in frame.columns]
    write_parts(iter([frame.sort(keys)]), path, table, **metadata)


def write_parts(parts: Iterator[pl.DataFrame], path: Path, table: Table, **metadata: str) -> None:
    """Write a table that comes in parts, at least one, sorted by its keys; as `write_table`."""
    first = next(parts)
    schema = _schema(first.columns, path, table, metadata)
    checked = (_checked(part, path, table, schema.names) for part in chain([first], parts))
    with (
        whole(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for rows in _row_groups(checked):
            writer.write_table(rows.to_arrow().cast(schema))


def _schema(columns: list[str], path: Path, table: Table, metadata: dict[str, str]) -> pa.Schema:
    names = [n for n, c in table.columns.items() if n in columns or not c.optional]
    if unknown := set(columns) - set(names):
        raise ValueError(f"columns outside the contract: {sorted(unknown)}")
    if missing := set(names) - set(columns):
        raise ValueError(f"columns missing: {sorted(missing)}")
    return pa.schema(
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
            "meanings": json.dumps({name: table.columns[name].meaning for name in names}),
            **provenance(),
            "ancestors": json.dumps(ancestors(path.parent)),
            **metadata,
        },
    )


def _checked(frame: pl.DataFrame, path: Path, table: Table, names: list[str]) -> pl.DataFrame:
    for name in names:
        if not table.columns[name].nullable and frame[name].null_count():
            raise ValueError(f"{path}: column {name} holds nulls")
    check_values(frame, path, table)
    return frame.select(names)


def _row_groups(parts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows, `ROWS` at a time whatever the parts, so that the file is the same."""
    waiting = pl.DataFrame()
    for part in parts:
        waiting = pl.concat([waiting, part]) if len(waiting) else part
        for start in range(0, len(waiting) - ROWS + 1, ROWS):
            yield waiting[start : start + ROWS]
        waiting = waiting[len(waiting) // ROWS * ROWS :]
    if len(waiting):
        yield waiting


def read_table(path: Path, table: Table) -> pl.DataFrame:
    """Read a table of the contract.

    Raises
    ------
    InputError
        The file is not Parquet, lacks a column of the contract or has it in another type, or
        holds a value or a number of rows that cannot be.
    """
    frame = pl.concat(_row_groups_of(path, table))
    check_keys(frame, path, table)
    check_values(frame, path, table)
    return frame


def read_parts(path: Path, table: Table) -> Iterator[pl.DataFrame]:
    """Read a table by its row groups, each of which is checked by itself; as `read_table`."""
    for frame in _row_groups_of(path, table):
        check_keys(frame, path, table)
        check_values(frame, path, table)
        yield frame


def open_table(path: Path, table: Table, columns: Iterable[str] = ()) -> pq.ParquetFile:
    """Open a file that has the columns of a table, or the named `columns` of it.

    Raises
    ------
    InputError
        The file is not Parquet, lacks one of the columns or has it in another type.
    """
    with _readable(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        schema = file.schema_arrow
        names = schema.names  # a name that is no UTF-8 is noticed here
    for name in columns or table.columns:
        column = table.columns[name]
        if name not in names:
            if not column.optional:
                raise InputError(
                    f"{path}: no column {name!r}; {table.holds} need it, found {names}"
                )
            continue
        kind = schema.field(name).type
        if kind != column.type and (kind, column.type) != (pa.large_string(), pa.string()):
            raise InputError(f"{path}: column {name!r} is {kind}, not {column.type}")
    return file


def _row_groups_of(path: Path, table: Table) -> Iterator[pl.DataFrame]:
    """The row groups of a file, at least one, with the columns of the contract and their nulls."""
    file = open_table(path, table)
    row = 0
    for groups in [[group] for group in range(file.num_row_groups)] or [[]]:
        with _readable(path):
            arrow = file.read_row_groups(groups)
            arrow.validate(full=True)
        frame = pl.from_arrow(pa.Table.from_arrays(arrow.columns, arrow.column_names))
        assert isinstance(frame, pl.DataFrame)
        for name, column in table.columns.items():
            if not column.nullable and name in frame.columns and frame[name].null_count():
                empty = row + 1 + frame[name].is_null().arg_true()[0]
                raise InputError(
                    f"{path}: row {empty}: {name} is null, which {table.holds} never is"
                )
        row += len(frame)
        yield frame


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        if path.suffix != ".parquet":
            made = f"python scripts/download_corpus.py {path} --output-corpus corpus.parquet"
            raise InputError(f"{path}: no Parquet table; of sentences, {made} makes one") from error
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error


def check_keys(frame: pl.DataFrame, path: Path, table: Table) -> None:
    """Raise InputError if two rows have the same keys."""
    increases, same = pl.lit(False), pl.lit(True)
    for key in table.keys:
        increases = increases | (same & (pl.col(key) > pl.col(key).shift()))
        same = same & (pl.col(key) == pl.col(key).shift())
    if frame.select(increases.slice(1).all()).item():
        return
    repeated = frame.select(table.keys).filter(frame.select(table.keys).is_duplicated())
    if len(repeated):
        keys = ", ".join(f"{key} {value}" for key, value in repeated.row(0, named=True).items())
        raise InputError(f"{path}: {keys} is there more than once")


def check_values(frame: pl.DataFrame, path: Path, table: Table) -> None:
    """Hold the values of a table against the bounds of its contract.

    Raises
    ------
    InputError
        A value is outside, or shares do not sum to 1: something before has gone wrong.
    """
    for name in frame.columns:
        column = table.columns.get(name)
        if column is None or column.within is None:
            continue
        least, most = column.within
        odd = frame.filter(~pl.col(name).is_between(least - SLACK, most + SLACK))
        if len(odd):
            keys = ", ".join(f"{key} {odd[key][0]}" for key in table.keys)
            raise InputError(
                f"{path}: {keys}: {name} is {odd[name][0]}, not from {least:g} to {most:g} "
                f"({len(odd)} such rows); look for a fault in what made it"
            )
        total = float(frame[name].sum()) if column.share and len(frame) else 1.0
        if abs(total - 1) > SLACK:
            raise InputError(
                f"{path}: {name} sums to {total:.9g}, not to 1; rows are missing or wrong"
            )


def read_whole(path: Path, table: Table) -> pl.DataFrame:
    """Read a table that says how many rows its corpus has.

    Raises
    ------
    InputError
        It has fewer or more; and as `read_table`.
    """
    frame = read_table(path, table)
    check_rows(len(frame), read_metadata(path), f"{path}")
    return frame


def check_rows(count: int, metadata: dict[str, str], what: str) -> None:
    """Raise InputError if a table has not the `rows` that its metadata promises."""
    rows = int(metadata.get("rows", count))
    if count != rows:
        raise InputError(
            f"{what}: {count} rows, but the corpus has {rows} such tokens; some are missing or "
            "there twice: make it anew"
        )


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value metadata of a table: holds, units, meanings, command, config_hash and more."""
    metadata = pq.read_schema(path).metadata or {}
    return {
        key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"
    }


def shared_metadata(
    paths: Iterable[Path], *names: str, remedy: str = "take tables of one {name}"
) -> dict[str, str]:
    """The entries `names` (tokenizer, unit) of the metadata of tables, of those that have them.

    Raises
    ------
    InputError
        Two tables differ in one of them; the `remedy` is added.
    """
    shared: dict[str, str] = {}
    about = {path: read_metadata(path) for path in paths}
    for name in names:
        values = {path: entries[name] for path, entries in about.items() if name in entries}
        for path, value in values.items():
            if value != shared.setdefault(name, value):
                raise InputError(
                    f"{next(iter(values))} and {path}: different {name}s ({shared[name]} and "
                    f"{value}); {remedy.format(name=name)}"
                )
    return shared


def write_provenance(directory: Path, **more: str) -> None:
    """Leave the producing command and config hash, and what `more` is known, beside a model."""
    about = provenance() | more | {"ancestors": json.dumps(ancestors(directory.parent))}
    (directory / PROVENANCE_FILE).write_text(json.dumps(about, indent=2) + "\n")
