"""Regress weight on information-theoretic quantities, by each encoder of a comparison."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from common.arrays import Floats
from common.command import run
from common.contract import CHANGE, REGRESSION, RELATIONS
from common.correlations.comparison import QuantityComparison
from common.correlations.statistics import Regressions
from common.correlations.weighed_tokens import by_tokens, crossed, rows_of

Row = dict[str, Any]


def main(compared: QuantityComparison, *, output_regression: Path, output_change: Path) -> None:
    """Regress weight on information-theoretic quantities, by each encoder of a comparison.

    Of tokens, or of words if the quantities are those of words.
    Weight is a norm, quantities are in nats, and a slope is weight per nat. Special tokens are
    left out, and so are tokens whose quantity is unknown. Intervals are of a bootstrap over
    sentences and types, p of permutations over types of like frequency.

    Example: python scripts/correlate_weights.py --weights bert.parquet simcse.parquet
    --encoders bert simcse --information information.parquet --output-regression regression.parquet
    --output-change change.parquet --comparison simcse --corpus stsb --method shapley
    --quantities self_information information_gain_bayes --minimum-count 20 --permutations 1000
    --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    output_regression
        Table of the statistics of every encoder.
    output_change
        Table of their changes from the first encoder; of one encoder, it has no rows.
    """
    tokens = compared.read_counted()
    weights = list(compared.tables)
    panels = by_tokens(tokens, compared.quantities, compared.files)
    samples = [
        Regressions(crossed(tokens, known), rows_of(known, *names), rows_of(known, *weights))
        for names, known in panels
    ]
    regressions, changes = [], []
    for (names, known), sample, statistics in zip(
        panels, samples, compared.resample(samples), strict=True
    ):
        types = known["token"].n_unique()
        sizes = {"n": len(known), "sentences": known["sentence"].n_unique(), "types": types}
        for i, (quantity, points, drawn) in enumerate(zip(names, *statistics, strict=True)):
            permuted = compared.permute(sample, i, quantity, tokens)
            rows = compared.rows(
                REGRESSION,
                RELATIONS,
                (with_pearson(points), with_pearson(drawn)),
                {"quantity": quantity, **sizes},
                np.concatenate([permuted, permuted[:, :1]], axis=1),
            )
            values = {(row["stage"], row["replicate"]): row for row in rows if not row["reference"]}
            regressions += [without_reference(row) for row in values.values()]
            changes += [
                change_row(row, values[row["stage"], row["replicate"]], values[0, row["replicate"]])
                for row in rows
                if row["reference"]
            ]
    for row in regressions:
        logging.info(
            "%s, %s: R2 %.3f, rho %.3f, n %d",
            *(row[name] for name in ("quantity", "encoder", "r_squared", "spearman", "n")),
        )
    compared.write(regressions, output_regression, REGRESSION)
    compared.write(changes, output_change, CHANGE)


def with_pearson(statistics: Floats) -> Floats:
    """Statistics (weights, 4, ...) and, as a fifth, Pearson's r: R with the sign of the slope."""
    pearson = np.copysign(np.sqrt(statistics[:, 0]), statistics[:, 1])
    return np.concatenate([statistics, pearson[:, None]], axis=1)


def without_reference(row: Row) -> Row:
    """A row of the table of regressions, whose values are never changes."""
    return {name: value for name, value in row.items() if name != "reference"}


def change_row(change: Row, value: Row, reference: Row) -> Row:
    """A row of the table of changes: both values of each statistic, and what changed."""
    row = {
        name: change[name] for name in CHANGE.columns if name in change and name not in RELATIONS
    }
    for name in RELATIONS:
        row |= {name: value[name], f"{name}_reference": reference[name]}
        ends = [end for end in ("", "_low", "_high", "_p") if f"{name}{end}" in change]
        row |= {f"{name}_change{end}": change[f"{name}{end}"] for end in ends}
    return row


if __name__ == "__main__":
    run(main)
