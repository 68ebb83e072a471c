"""Average the weights of word classes and of frequency bands, before and after fine-tuning."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CLASSES, LANGUAGE
from common.correlations.statistics import Ratios, bootstrap, by_stage, in_sample, with_intervals
from common.correlations.weighed_tokens import read_tokens, rows_of, unit_of
from common.tables import read_table, write_table

BILLION = 1e9


def with_groups(tokens: pl.DataFrame, exact: Path | None) -> pl.DataFrame:
    """Tokens with their zipf_band and, of a generated language, their word_class."""
    floor = (pl.col("probability") * BILLION).log10().floor().cast(pl.Int64)
    grouped = tokens.with_columns(zipf_band=pl.format("{}\N{EN DASH}{}", floor, floor + 1))
    if exact is None:
        return grouped
    classes = read_table(exact, LANGUAGE).select("word_class", token="word")
    joined = grouped.join(classes, "token", how="left", maintain_order="left")
    if unknown := joined["word_class"].null_count():
        logging.info("%d of %d tokens have no word class", unknown, len(joined))
    return joined


def main(
    *,
    before: Path,
    after: Path,
    information: Path,
    exact: Path | None = None,
    output_classes: Path,
    comparison: str,
    before_encoder: str,
    after_encoder: str,
    corpus: str,
    method: str,
    draws: int,
    confidence: float,
    seed: int,
) -> None:
    """Average the weights (norms) of word classes and of frequency bands, before and after.

    A frequency band is a unit of the Zipf scale: log10 of the occurrences per billion tokens (van
    Heuven et al. 2014). Norms of two encoders have different scales, so means come relative to
    the mean of all tokens as well. Special tokens are left out. Intervals are percentiles of a
    bootstrap over sentences that draws the same sentences before and after.

    Example: python scripts/average_weights.py --before before.parquet --after after.parquet
    --information information.parquet --output-classes classes.parquet --comparison simcse
    --before-encoder bert --after-encoder simcse --corpus stsb --method shapley --draws 2000
    --confidence 0.95 --seed 0

    Parameters
    ----------
    before
        Weights by the encoder before fine-tuning.
    after
        Weights of the same tokens by the encoder after fine-tuning.
    information
        Frequencies of the token types.
    exact
        Exact values of the generated language, for its word classes.
    output_classes
        Table of both stages and of their change.
    comparison
        Name of the comparison, for the table.
    before_encoder
        Name of the encoder before, for the table.
    after_encoder
        Name of the encoder after, for the table.
    corpus
        Name of the corpus that was weighed, for the table.
    method
        Name of the method that weighed, for the table.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws.
    """
    tokens = with_groups(read_tokens(before, after, information, None, 1), exact)
    if tokens.is_empty():
        raise InputError(f"{before}: no token of it is counted in {information}")
    sentence, weights = tokens["sentence"].to_numpy(), rows_of(tokens, "before", "after")
    sentences = tokens["sentence"].n_unique()
    groupings = ["zipf_band"] if exact is None else ["word_class", "zipf_band"]
    groups = [
        (name, *row)
        for name in groupings
        for row in tokens.drop_nulls(name)
        .group_by(name)
        .agg(pl.len(), pl.col("token").n_unique())
        .sort(name)
        .rows()
    ]
    members = [tokens[name].eq_missing(group).to_numpy() for name, group, *_ in groups]
    members.append(np.ones(len(tokens), bool))
    totals, numbers = (
        np.stack([[np.bincount(sentence, row * one, sentences) for one in members] for row in rows])
        for rows in (weights, np.ones_like(weights))
    )
    means = Ratios(totals, numbers)
    both = in_sample(means, sentences), bootstrap([means], sentences, draws, seed)[0]
    points, drawn = (np.stack([one, one / one[:, -1:]], axis=2) for one in both)
    encoders = {"before": before_encoder, "after": after_encoder, "change": None}
    shared = {"comparison": comparison, "corpus": corpus, "method": method}
    rows = []
    for i, (grouping, group, n, types) in enumerate(groups):
        this = {**shared, "grouping": grouping, "group": group, "n": n, "types": types}
        for stage, of_stage in by_stage(points[:, i], drawn[:, i]).items():
            columns = with_intervals(["weight", "relative_weight"], *of_stage, confidence)
            rows.append({**this, "stage": stage, "encoder": encoders[stage], **columns})
            logging.info(
                "%s %s, %s: mean weight %+.3g, relative %+.3f",
                *(grouping, group, stage, columns["weight"], columns["relative_weight"]),
            )
    frame = pl.DataFrame(rows).fill_nan(None)
    write_table(frame, output_classes, CLASSES, unit=unit_of(information))


if __name__ == "__main__":
    run(main)
