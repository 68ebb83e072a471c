"""Regress weight on information-theoretic quantities, before and after fine-tuning."""

import logging
from pathlib import Path

from common.command import run
from common.contract import CHANGE, REGRESSION, STATISTICS
from common.correlations.comparison import QuantityComparison
from common.correlations.statistics import Regressions
from common.correlations.weighed_tokens import by_tokens, rows_of


def main(compared: QuantityComparison, *, output_regression: Path, output_change: Path) -> None:
    """Regress weight on information-theoretic quantities, before and after fine-tuning.

    Of tokens, or of words if the quantities are those of words.
    Weight is a norm, quantities are in nats, and a slope is weight per nat. Special tokens are
    left out, and so are tokens whose quantity is unknown. Intervals are percentiles of a
    bootstrap over sentences that draws the same sentences before and after.

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
    sentences = tokens["sentence"].n_unique()
    panels = by_tokens(tokens, compared.quantities, compared.files)
    samples = [
        Regressions(
            known["sentence"].to_numpy(),
            rows_of(known, *names),
            rows_of(known, "before", "after"),
            sentences,
        )
        for names, known in panels
    ]
    regressions, changes = [], []
    for (names, known), statistics in zip(
        panels, compared.resample(samples, sentences), strict=True
    ):
        for quantity, points, drawn in zip(names, *statistics, strict=True):
            about = {"quantity": quantity, "n": len(known)}
            *stages, change = compared.rows(STATISTICS, points, drawn, about)
            for row in stages:
                logging.info(
                    "%s, %s: R2 %.3f, rho %.3f, n %d",
                    *(row[name] for name in ("quantity", "stage", "r_squared", "spearman", "n")),
                )
            del change["stage"], change["encoder"]
            regressions += stages
            changes.append({_changed(name): value for name, value in change.items()})
    compared.write(regressions, output_regression, REGRESSION)
    compared.write(changes, output_change, CHANGE)


def _changed(column: str) -> str:
    """The column of the table of changes: slope_low is slope_change_low there."""
    statistic = next((name for name in STATISTICS if column.startswith(name)), None)
    return column if statistic is None else f"{statistic}_change{column.removeprefix(statistic)}"


if __name__ == "__main__":
    run(main)
