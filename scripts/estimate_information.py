"""Estimate self-information and information gain of every token type."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import INFORMATION, LANGUAGE, PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.information.empirical_bayes import posterior_information_gain
from common.information.extrapolation import (
    extrapolated_information_gain,
    gains_of_parts,
    group_totals,
)
from common.information.plug_in import shuffled_information_gain
from common.tables import read_metadata, read_parts, read_table, write_table


def main(
    tokens: Path,
    pairs: Path,
    lengths: Path,
    *,
    output_information: Path,
    confidence: float = 0.95,
    exact: Path | None = None,
) -> None:
    """Estimate self-information and information gain (nats) of every token type from counts.

    Example: python scripts/estimate_information.py tokens.parquet pairs.parquet lengths.parquet
    --output-information information.parquet --confidence 0.95

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
    confidence
        Probability of the intervals of the information gain.
    exact
        Exact values of a generated language, by word (Parquet).
    """
    counted = read_table(tokens, TOKEN_COUNTS)

    def tables() -> Iterator[pl.DataFrame]:
        return read_parts(pairs, PAIR_COUNTS)

    totals = group_totals(tables(), len(counted))
    cells = int(totals.sum())
    sentences = read_table(lengths, SENTENCE_LENGTHS)
    count = counted["count"].to_numpy()
    each, many = sentences["length"].to_numpy(), sentences["sentences"].to_numpy()
    if (each @ many, each * (each - 1) @ many) != (count.sum(), cells):
        raise InputError(
            f"{lengths}: {each @ many} tokens and {each * (each - 1) @ many} pairs, but {tokens} "
            f"counts {count.sum()}, {pairs} {cells}; they are not of one corpus"
        )
    if not cells:
        raise InputError(f"{pairs}: no sentence has two tokens, so no pair was counted")
    gains = gains_of_parts(tables(), totals)
    plug_in = gains[:, 0]
    shuffled = shuffled_information_gain(count, each, many)
    extrapolated = extrapolated_information_gain(gains, totals, confidence)
    posterior = posterior_information_gain(tables, gains, totals, count.sum(), confidence)
    seen, known = (count > 0).sum(), np.isfinite(posterior.mean).sum()
    logging.info("%d types seen, %d of them too rare for an estimate", seen, seen - known)
    probability = count / count.sum()
    frame = counted.with_columns(
        probability=probability,
        self_information=np.where(count > 0, -np.log(np.maximum(probability, 1e-300)), np.nan),
        information_gain=plug_in,
        information_gain_shuffled=shuffled,
        information_gain_corrected=plug_in - shuffled,
        information_gain_extrapolated=extrapolated.mean,
        information_gain_extrapolated_low=extrapolated.low,
        information_gain_extrapolated_high=extrapolated.high,
        information_gain_bayes=posterior.mean,
        information_gain_low=posterior.low,
        information_gain_high=posterior.high,
    ).fill_nan(None)
    if exact is not None:
        known = read_table(exact, LANGUAGE).select(
            token="word", information_gain_exact="information_gain"
        )
        frame = frame.join(known, on="token", how="left", maintain_order="left")
    about = read_metadata(tokens)
    identity = {name: about[name] for name in ("tokenizer", "segmenter", "unit") if name in about}
    write_table(frame, output_information, INFORMATION, **identity)


if __name__ == "__main__":
    run(main)
