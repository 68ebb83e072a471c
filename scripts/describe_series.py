"""List the encoders of a series with their steps or layers."""

from pathlib import Path
from typing import Literal

import polars as pl

from common.command import run
from common.contract import SERIES
from common.encoders.course import steps_of
from common.tables import write_table


def main(
    encoder: Path,
    *,
    output_series: Path,
    comparison: str,
    kind: Literal["course", "layers"],
    encoders: list[str],
) -> None:
    """List the encoders that a series is made of: how long each was trained, or how deep it is.

    Example: python scripts/describe_series.py encoders/adjacent --output-series series.parquet
    --comparison course --kind course --encoders masked_lm adjacent@checkpoint1 adjacent

    Parameters
    ----------
    encoder
        Directory of the last encoder, which keeps the others of a course.
    output_series
        Table of the series, a row an encoder.
    comparison
        Name of the comparison.
    kind
        course: the base of a training, if any, its checkpoints and its end; layers: an encoder cut
        after its input embeddings and each of its layers.
    encoders
        Names of the encoders, in their order.
    """
    places = list(range(len(encoders)))
    if kind == "course":
        trained = steps_of(encoder)
        places = [0] * (len(encoders) - len(trained)) + trained
    columns = {name: places if name == kind else None for name in ("course", "layers")}
    frame = pl.DataFrame({"stage": range(len(encoders)), "encoder": encoders}).with_columns(
        comparison=pl.lit(comparison),
        steps=pl.Series(columns["course"] or [None] * len(encoders), dtype=pl.Int64),
        layers=pl.Series(columns["layers"] or [None] * len(encoders), dtype=pl.Int64),
    )
    write_table(frame.with_columns(pl.col("stage").cast(pl.Int32)), output_series, SERIES)


if __name__ == "__main__":
    run(main)
