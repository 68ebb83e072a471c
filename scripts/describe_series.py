"""List the encoders of a series with their steps or layers."""

from pathlib import Path
from typing import Literal

import polars as pl

from common.command import run
from common.contract import SERIES
from common.encoders.course import steps_of
from common.tables import write_table
from common.workflow.series import depth_in


def main(
    encoder: Path,
    *,
    output_series: Path,
    comparison: str,
    kind: Literal["course", "layers"],
    encoders: list[str],
    layers: list[int] | None = None,
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
    layers
        Layers after which all but the last of them are cut.
    """
    steps: list[int] | list[None] = [None] * len(encoders)
    depths: list[int | None] = [None] * len(encoders)
    if kind == "course":
        trained = steps_of(encoder)
        steps = [0] * (len(encoders) - len(trained)) + trained
    else:
        depths = [*(layers or []), depth_in(encoder)]
    frame = pl.DataFrame(
        {"stage": range(len(encoders)), "encoder": encoders, "steps": steps, "layers": depths},
        schema_overrides={"stage": pl.Int32, "steps": pl.Int64, "layers": pl.Int64},
    ).with_columns(comparison=pl.lit(comparison))
    write_table(frame, output_series, SERIES)


if __name__ == "__main__":
    run(main)
