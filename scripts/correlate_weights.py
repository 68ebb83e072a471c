"""Regress weight on information-theoretic quantities, before and after fine-tuning."""

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
    """Regress weight on information-theoretic quantities, before and after fine-tuning.

    Of tokens, or of words if the quantities are those of words.
    Weight is a norm, quantities are in nats, and a slope is weight per nat. Special tokens are
    left out, and so are tokens whose quantity is unknown. Intervals are of a bootstrap over
    sentences and types, p of permutations over types of like frequency.

    Example: python scripts/correlate_weights.py --before before.parquet --after after.parquet
    --information information.parquet --output-regression regression.parquet
    --output-change change.parquet --comparison simcse --before-encoder bert --after-encoder simcse
    --corpus stsb --method shapley --quantities self_information information_gain_bayes
    --minimum-count 20 --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    output_regression
        Table of the statistics of both stages.
    output_change
        Table of after minus before.
    """
    tokens = compared.read_counted()
    weights = list(compared.weights)
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
            stages = {(row["stage"], row["replicate"]): row for row in rows}
            regressions += [row for (stage, _), row in stages.items() if stage != "change"]
            changes += [
                change_row(row, stages["after", replicate], stages["before", replicate])
                for (stage, replicate), row in stages.items()
                if stage == "change"
            ]
    for row in regressions:
        logging.info(
            "%s, %s: R2 %.3f, rho %.3f, n %d",
            *(row[name] for name in ("quantity", "stage", "r_squared", "spearman", "n")),
        )
    compared.write(regressions, output_regression, REGRESSION)
    compared.write(changes, output_change, CHANGE)


def with_pearson(statistics: Floats) -> Floats:
    """Statistics (weights, 4, ...) and, as a fifth, Pearson's r: R with the sign of the slope."""
    pearson = np.copysign(np.sqrt(statistics[:, 0]), statistics[:, 1])
    return np.concatenate([statistics, pearson[:, None]], axis=1)


def change_row(change: Row, after: Row, before: Row) -> Row:
    """A row of the table of changes: both values of each statistic, and what changed."""
    shared = [name for name in CHANGE.columns if name in change and name not in RELATIONS]
    row = {name: change[name] for name in shared} | {
        "encoder": after["encoder"],
        "reference": before["encoder"],
    }
    for name in RELATIONS:
        row |= {name: after[name], f"{name}_reference": before[name]}
        ends = [end for end in ("", "_low", "_high", "_p") if f"{name}{end}" in change]
        row |= {f"{name}_change{end}": change[f"{name}{end}"] for end in ends}
    return row


if __name__ == "__main__":
    run(main)
