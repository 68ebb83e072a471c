"""Join tables of one kind into one."""

import logging
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import TABLES
from common.tables import check_rows, read_metadata, read_table, write_table

IDENTITY = ("tokenizer", "segmenter", "unit", "encoder", "method", "corpus")
"""What the metadata of tables tell that only tables of one kind and origin share."""


def main(tables: list[Path], *, output_table: Path, table: str, encoder: str | None = None) -> None:
    """Join tables of one kind into one, sorted by its keys.

    Example: python scripts/gather_tables.py adjacent.parquet dropout.parquet
    --output-table regression.parquet --table regression

    Parameters
    ----------
    tables
        Tables of the kind; no key may be in two of them.
    output_table
        All their rows.
    table
        Kind of table: regression, change, encoders or another of the contract.
    encoder
        Whose table to take where `tables` are folders of one for each encoder.
    """
    if table not in TABLES:
        raise InputError(f"--table {table}: no such kind of table; there are {', '.join(TABLES)}")
    kind = TABLES[table]
    tables = tables if encoder is None else [folder / f"{encoder}.parquet" for folder in tables]
    frames = [read_table(path, kind) for path in tables]
    about = [read_metadata(path) for path in tables]
    units = sorted({one["unit"] for one in about if "unit" in one})
    if "comparison" in kind.keys and len(units) > 1:  # comparisons of one run may differ in it
        about = [one | {"unit": " and ".join(units)} for one in about]
    for path, frame, metadata in zip(tables, frames, about, strict=True):
        for name in IDENTITY:
            if (found := metadata.get(name)) != (first := about[0].get(name)):
                raise InputError(
                    f"{tables[0]} and {path}: different {name}s ({first} and {found}); "
                    "gather them into tables of their own"
                )
        if set(frame.columns) != set(frames[0].columns):
            odd = sorted(set(frame.columns) ^ set(frames[0].columns))
            raise InputError(f"{tables[0]} and {path}: column {odd[0]!r} is in one of them only")
    joined = pl.concat([frame.select(frames[0].columns) for frame in frames])
    repeated = joined.select(kind.keys).filter(joined.select(kind.keys).is_duplicated())
    if len(repeated):
        key = ", ".join(f"{name} {value}" for name, value in repeated.row(0, named=True).items())
        holders = [
            str(path)
            for path, frame in zip(tables, frames, strict=True)
            if len(frame.join(repeated.head(1), list(kind.keys), how="semi"))
        ]
        raise InputError(
            f"{' and '.join(holders)}: {key} is there more than once; give each table once"
        )
    check_rows(len(joined), about[0], " ".join(map(str, tables)))
    logging.info("%d tables, %d rows", len(tables), len(joined))
    identity = {name: about[0][name] for name in (*IDENTITY, "rows") if name in about[0]}
    write_table(joined, output_table, kind, **identity)


if __name__ == "__main__":
    run(main)
