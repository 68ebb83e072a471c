"""Write Parquet tables as csv."""

import logging
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.tables import whole


def main(tables: list[Path], *, output_csv: list[Path]) -> None:
    """Write each table as csv (UTF-8, commas, a header; null is empty, numbers in full).

    Example: python scripts/export_tables.py regression.parquet change.parquet
    --output-csv regression.csv change.csv

    Parameters
    ----------
    tables
        Tables of any kind.
    output_csv
        A file for each of them, in the same order; lists are joined by "; ".
    """
    if len(tables) != len(output_csv):
        raise InputError(f"{len(tables)} tables, {len(output_csv)} --output-csv: give one for each")
    for table, path in zip(tables, output_csv, strict=True):
        try:
            frame = pl.read_parquet(table)
        except pl.exceptions.PolarsError as error:
            told = str(error).partition("\n")[0]
            raise InputError(f"{table}: not a readable Parquet file ({told})") from error
        nested = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
        with whole(path) as partial:
            frame.with_columns(pl.col(nested).list.join("; ")).write_csv(partial)
        logging.info("%s: %d rows", path, len(frame))


if __name__ == "__main__":
    run(main)
