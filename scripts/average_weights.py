"""Average the weights of word classes and of frequency bands, by each encoder of a comparison."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CLASSES, LANGUAGE
from common.correlations.comparison import Comparison
from common.correlations.resampling import LEAST_TYPES
from common.correlations.statistics import Ratios
from common.correlations.weighed_tokens import crossed, rows_of
from common.tables import read_table

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


def main(compared: Comparison, *, exact: Path | None = None, output_classes: Path) -> None:
    """Average the weights (norms) of word classes and of frequency bands, by each encoder.

    A frequency band is a unit of the Zipf scale: log10 of the occurrences per billion tokens (van
    Heuven et al. 2014). Norms of two encoders have different scales, so means come relative to
    the mean of all tokens as well. Special tokens are left out. Intervals are of a bootstrap over
    sentences and types.

    Example: python scripts/average_weights.py --weights bert.parquet simcse.parquet
    --encoders bert simcse --information information.parquet --output-classes classes.parquet
    --comparison simcse --corpus stsb --method shapley --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    exact
        Exact values of the generated language, for its word classes.
    output_classes
        Table of every encoder, and of the changes from the first.
    """
    tokens = with_groups(compared.read(), exact)
    if tokens.is_empty():
        raise InputError(
            f"{compared.weights[0]}: no token of it is counted in {compared.information}"
        )
    weights = rows_of(tokens, *compared.tables)
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
    inside = np.stack(members).astype(float)
    means = Ratios(crossed(tokens), weights[:, None] * inside, np.stack([inside] * len(weights)))
    [both] = compared.resample([means])
    points, drawn = (np.stack([one, one / one[:, -1:]], axis=2) for one in both)
    rows = []
    for i, (grouping, group, n, types) in enumerate(groups):
        about = {"grouping": grouping, "group": group, "n": n, "types": types}
        means_of = ["weight", "relative_weight"]
        of_draws = drawn[:, i] if types >= LEAST_TYPES else np.full_like(drawn[:, i], np.nan)
        rows += compared.rows(CLASSES, means_of, (points[:, i], of_draws), about)
    for row in (row for row in rows if not row["reference"]):
        logging.info(
            "%s %s, %s: mean weight %+.3g, relative %+.3f",
            *(row[n] for n in ("grouping", "group", "encoder", "weight", "relative_weight")),
        )
    compared.write(rows, output_classes, CLASSES)


if __name__ == "__main__":
    run(main)
