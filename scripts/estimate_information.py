"""Estimate self-information and information gain of every token type."""

import logging
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from common.command import InputError, run
from common.contract import INFORMATION, LANGUAGE, PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.information import (
    bayes_information_gain,
    information_gain,
    shuffled_information_gain,
)
from common.tables import read_metadata, read_table, write_table


def main(
    tokens: Path,
    pairs: Path,
    lengths: Path,
    *,
    output_information: Path,
    shuffles: int,
    seed: int,
    exact: Path | None = None,
) -> None:
    """Estimate self-information and information gain (nats) of every token type from counts.

    Example: python scripts/estimate_information.py tokens.parquet pairs.parquet lengths.parquet
    --output-information information.parquet --shuffles 10 --seed 0

    Parameters
    ----------
    tokens
        Occurrences of every type (Parquet).
    pairs
        Counts of pairs of types (Parquet).
    lengths
        Lengths of the sentences (Parquet).
    output_information
        Quantities of every type (Parquet).
    shuffles
        Shuffled corpora that the bias is measured on.
    seed
        Seed of the shuffles.
    exact
        Exact values of a generated language, by word (Parquet).
    """
    counted = read_table(tokens, TOKEN_COUNTS)
    cells = read_table(pairs, PAIR_COUNTS)
    sentences = read_table(lengths, SENTENCE_LENGTHS)
    count = counted["count"].to_numpy()
    types = len(count)
    table = csr_array(
        (cells["count"].to_numpy(), (cells["token_id"].to_numpy(), cells["other_id"].to_numpy())),
        shape=(types, types),
    )
    each_length = np.repeat(sentences["length"].to_numpy(), sentences["sentences"].to_numpy())
    if each_length.sum() != count.sum():
        raise InputError(
            f"{lengths}: {each_length.sum()} tokens, but {tokens} counts {count.sum()}; "
            "they are not of one corpus"
        )
    plug_in = information_gain(table)
    logging.info("plug-in done; %d shuffles", shuffles)
    shuffled = shuffled_information_gain(count, each_length, shuffles, seed)
    logging.info("shuffles done; posterior means")
    probability = count / count.sum()
    frame = counted.with_columns(
        probability=probability,
        self_information=np.where(count > 0, -np.log(np.maximum(probability, 1e-300)), np.nan),
        information_gain=plug_in,
        information_gain_shuffled=shuffled,
        information_gain_corrected=plug_in - shuffled,
        information_gain_bayes=bayes_information_gain(table),
    ).fill_nan(None)
    if exact is not None:
        known = read_table(exact, LANGUAGE).select(
            token="word", information_gain_exact="information_gain"
        )
        frame = frame.join(known, on="token", how="left", maintain_order="left")
    identity = {"tokenizer": read_metadata(tokens)["tokenizer"]}
    write_table(frame, output_information, INFORMATION, **identity)


if __name__ == "__main__":
    run(main)
