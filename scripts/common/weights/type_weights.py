"""Weights of types: what a token of each type weighs on average, and others to hold it against."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from common.arrays import Floats
from common.command import InputError
from common.contract import INFORMATION, WEIGHTS
from common.encoders.encoder import Encoder
from common.tables import read_metadata, read_table, read_whole

SIF = 1e-3
"""The a of a / (a + p), smooth inverse frequency (Arora et al. 2017)."""


def mean_weights(tables: Sequence[Path], encoder: Encoder) -> Floats:
    """Mean weight of the tokens of each type in tables of one encoder, [types], NaN of none.

    Raises
    ------
    InputError
        A table has the tokens of another tokenizer.
    """
    _check_tokenizer(tables, encoder)
    parts = [read_whole(table, WEIGHTS) for table in tables]
    tokens = pl.concat([part.select("token_id", "special", "weight") for part in parts])
    means = tokens.filter(~pl.col("special")).group_by("token_id").agg(pl.col("weight").mean())
    return _by_type(means, "weight", encoder)


def schemes(
    information: Path, methods: Mapping[str, Sequence[Path]], encoder: Encoder
) -> dict[str, Floats]:
    """Weights of types by name of the scheme, [types] each, NaN where one has none.

    Parameters
    ----------
    information
        Quantities of the encoder's types.
    methods
        Tables of weights of one encoder, by method.

    Raises
    ------
    InputError
        A table is of another tokenizer.
    """
    _check_tokenizer([information], encoder)
    types = read_table(information, INFORMATION)
    probability = _by_type(types, "probability", encoder)
    return {
        "none": np.ones(len(encoder.word_embeddings.weight)),
        "sif": SIF / (SIF + np.nan_to_num(probability)),
        "self_information": _by_type(types, "self_information", encoder),
        "information_gain": _by_type(types, "information_gain_bayes", encoder),
        **{method: mean_weights(tables, encoder) for method, tables in methods.items()},
    }


def filled(weights: Floats) -> Floats:
    """Weights [types] with the mean of those that are known for those that are not."""
    return np.where(np.isfinite(weights), weights, np.nanmean(weights))


def _check_tokenizer(tables: Sequence[Path], encoder: Encoder) -> None:
    for table in tables:
        if (theirs := read_metadata(table).get("tokenizer")) != encoder.fingerprint:
            raise InputError(
                f"{table}: not of the tokens of {encoder.directory} ({theirs or 'no tokenizer'}); "
                "give tables that were made with its own tokenizer"
            )


def _by_type(table: pl.DataFrame, column: str, encoder: Encoder) -> Floats:
    values = np.full(len(encoder.word_embeddings.weight), np.nan)
    known = table.filter(pl.col("token_id") < len(values)).drop_nulls(column)
    values[known["token_id"].to_numpy()] = known[column].to_numpy()
    return values
