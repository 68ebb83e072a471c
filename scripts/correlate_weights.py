"""Regress weight on information-theoretic quantities, before and after fine-tuning."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import run
from common.contract import CHANGE, REGRESSION, STATISTICS
from common.relation import of_quantity, read_tokens, unit_of
from common.statistics import Floats, Regression, bootstrap, percentile_interval
from common.tables import write_table


def columns(points: Floats, draws: Floats, confidence: float, suffix: str = "") -> dict[str, float]:
    """Each statistic (4,) with the ends of its interval over the draws (4, draws)."""
    low, high = percentile_interval(draws, confidence)
    return {
        f"{name}{suffix}{end}": values[i]
        for i, name in enumerate(STATISTICS)
        for end, values in (("", points), ("_low", low), ("_high", high))
    }


def main(
    *,
    before: Path,
    after: Path,
    information: Path,
    surprisal: Path | None = None,
    output_regression: Path,
    output_change: Path,
    comparison: str,
    before_encoder: str,
    after_encoder: str,
    corpus: str,
    method: str,
    quantities: list[str],
    minimum_count: int,
    draws: int,
    confidence: float,
    seed: int,
) -> None:
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
    before
        Weights by the encoder before fine-tuning.
    after
        Weights of the same tokens by the encoder after fine-tuning.
    information
        Quantities of the token types.
    surprisal
        Surprisal of the same tokens; needed for the quantity surprisal.
    output_regression
        Table of the statistics of both stages.
    output_change
        Table of after minus before.
    comparison
        Name of the comparison, for the tables.
    before_encoder
        Name of the encoder before, for the tables.
    after_encoder
        Name of the encoder after, for the tables.
    corpus
        Name of the corpus that was weighed, for the tables.
    method
        Name of the method that weighed, for the tables.
    quantities
        What weight is regressed on, each in a regression of its own.
    minimum_count
        Types counted fewer times are left out.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws.
    """
    tokens = read_tokens(before, after, information, surprisal, minimum_count)
    sentences = tokens["sentence"].n_unique()
    regressions = []
    for quantity in quantities:
        known = of_quantity(tokens, quantity, f"{before} with {information}")
        sentence, x = known["sentence"].to_numpy(), known[quantity].to_numpy()
        for stage in ("before", "after"):
            regressions.append(Regression(sentence, x, known[stage].to_numpy(), sentences))
    points = np.stack([one.statistics(np.ones((sentences, 1)))[:, 0] for one in regressions])
    drawn = bootstrap(regressions, sentences, draws, seed)
    if undefined := int(np.isnan(drawn).any(axis=(0, 1)).sum()):
        logging.info(
            "%d draws leave a statistic undefined and its interval without them", undefined
        )
    shared = {"comparison": comparison, "corpus": corpus, "method": method}
    rows, changes = [], []
    for i, quantity in enumerate(quantities):
        this = {**shared, "quantity": quantity, "n": regressions[2 * i].tokens}
        for j, stage, encoder in (
            (2 * i, "before", before_encoder),
            (2 * i + 1, "after", after_encoder),
        ):
            rows.append(
                {
                    **this,
                    "stage": stage,
                    "encoder": encoder,
                    **columns(points[j], drawn[j], confidence),
                }
            )
            logging.info(
                "%s, %s: R2 %.3f, rho %.3f, n %d",
                *(quantity, stage, points[j, 0], points[j, 3], this["n"]),
            )
        change = points[2 * i + 1] - points[2 * i], drawn[2 * i + 1] - drawn[2 * i]
        changes.append({**this, **columns(*change, confidence, "_change")})
    unit = unit_of(information)
    write_table(pl.DataFrame(rows).fill_nan(None), output_regression, REGRESSION, unit=unit)
    write_table(pl.DataFrame(changes).fill_nan(None), output_change, CHANGE, unit=unit)


if __name__ == "__main__":
    run(main)
