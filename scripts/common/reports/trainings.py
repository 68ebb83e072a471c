"""Rows of tables by the encoders and trainings that they are of."""

import polars as pl

WITHOUT_NUMBER = pl.col("encoder").str.replace(r"\.\d+$", "")
"""The encoder that a training is of."""


def encoders_of(rows: pl.DataFrame) -> list[str]:
    """The encoders of a comparison's rows, in the order of their stages."""
    return rows.sort("stage")["encoder"].unique(maintain_order=True).to_list()


def averaged(table: pl.DataFrame) -> pl.DataFrame:
    """The rows of the mean over trainings, or of the only training."""
    several = trainings(table) > 1
    return table.filter(pl.col("replicate").is_null()) if several else table


def single(table: pl.DataFrame) -> pl.DataFrame:
    """The rows of each of several trainings."""
    several = trainings(table) > 1
    return table.filter(pl.col("replicate").is_not_null()) if several else table.clear()


def trainings(table: pl.DataFrame) -> int:
    """Number of trainings of each encoder."""
    return table["replicate"].drop_nulls().n_unique()


def similarity_by_encoder(encoders: pl.DataFrame) -> pl.DataFrame:
    """The STS Spearman of each encoder, the mean over its trainings, whose names have numbers."""
    mean = encoders.group_by(encoder=WITHOUT_NUMBER).agg(pl.col("sts_spearman").mean())
    return mean.sort("encoder")
