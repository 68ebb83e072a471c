"""Regress the attribution of pairs of tokens on the information of both words."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import INFORMATION, PAIR_REGRESSION
from common.correlations.comparison import frame_of
from common.correlations.nested_models import NESTED, JointModel
from common.correlations.weighed_tokens import rows_of
from common.pairs.attributed_tokens import PairSeries, crossed, types_among
from common.pairs.groups import reading
from common.tables import read_table, write_table

TERMS = ("information", "other_information", "equal")


def with_terms(rows: pl.DataFrame, types: pl.DataFrame, quantity: str) -> pl.DataFrame:
    """Pairs of tokens with the terms of the model; null where a quantity is not known."""
    for side in ("", "other_"):
        known = types.select(
            pl.col("token").alias(f"{side}token"), pl.col(quantity).alias(f"{side}information")
        )
        rows = rows.join(known, f"{side}token", how="left", maintain_order="left")
    equal = reading("token") == reading("other_token")
    return rows.with_columns(equal=equal.cast(pl.Float64))


def main(
    compared: PairSeries,
    *,
    information: Path,
    quantities: list[str],
    minimum_count: int,
    output_regression: Path,
) -> None:
    """Regress a pair of tokens' attribution on what both words tell and whether they are equal.

    A model for each quantity, in nats, of ordinary least squares over the pairs of tokens that are
    not special; each of its three terms is then left out in turn. Intervals are of a bootstrap over
    pairs of sentences and types.

    Example: python scripts/regress_pairs.py --pairs before.parquet after.parquet
    --encoders before after --information information.parquet --comparison mine --corpus sts
    --method shapley --quantities information_gain_bayes --minimum-count 20 --draws 2000
    --confidence 0.95 --seed 0 --output-regression regression.parquet

    Parameters
    ----------
    information
        Quantities of the token types.
    quantities
        What words tell: columns of the information table.
    minimum_count
        Types counted fewer times are left out.
    output_regression
        Table of every encoder, and of the changes from the first.
    """
    rows, attributions = compared.read()
    types = read_table(information, INFORMATION)
    types = types.filter(pl.col("count") >= minimum_count)
    samples, sizes = [], []
    for quantity in quantities:
        if quantity not in types.columns:
            raise InputError(f"{information}: no quantity {quantity!r}; leave it out")
        terms = with_terms(rows, types, quantity)
        wanted = ~pl.col("special") & ~pl.col("other_special")
        finite = pl.all_horizontal(pl.col(term).is_finite() for term in TERMS)
        kept = terms.select((wanted & finite).fill_null(False)).to_series()
        known = terms.filter(kept)
        if len(known) <= len(TERMS) + 1:
            raise InputError(
                f"{compared.pairs[0]} with {information}: {len(known)} pairs of tokens "
                f"with {quantity}; lower the minimum count or attribute more pairs"
            )
        of_known = kept.to_numpy()
        tokens = crossed(rows, of_known)
        samples.append(JointModel(tokens, rows_of(known, *TERMS), attributions[:, of_known]))
        types_known = types_among(tokens, np.ones(len(known), bool))
        sizes.append({"pairs": known["pair"].n_unique(), "n": len(known), "types": types_known})
    lines = []
    for quantity, size, (points, drawn) in zip(
        quantities, sizes, compared.resample(samples), strict=True
    ):
        for i, term in enumerate(TERMS):
            about = {"quantity": quantity, "term": term, **size}
            lines += compared.rows(PAIR_REGRESSION, NESTED, (points[:, i], drawn[:, i]), about)
    for line in (line for line in lines if not line["reference"]):
        logging.info(
            "%s, %s, %s: coefficient %+.3f",
            *(line[name] for name in ("quantity", "term", "encoder", "coefficient")),
        )
    write_table(frame_of(lines, PAIR_REGRESSION), output_regression, PAIR_REGRESSION)


if __name__ == "__main__":
    run(main)
