"""Regress weight on information-theoretic quantities, before and after fine-tuning."""

import logging
from pathlib import Path

import polars as pl

from common.command import run
from common.contract import CHANGE, REGRESSION, STATISTICS
from common.correlations.statistics import (
    Regressions,
    bootstrap,
    by_stage,
    in_sample,
    with_intervals,
)
from common.correlations.weighed_tokens import by_tokens, read_tokens, rows_of, unit_of
from common.tables import write_table

CHANGES = [f"{name}_change" for name in STATISTICS]


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
    panels = by_tokens(tokens, quantities, f"{before} with {information}")
    samples = [
        Regressions(
            known["sentence"].to_numpy(),
            rows_of(known, *names),
            rows_of(known, "before", "after"),
            sentences,
        )
        for names, known in panels
    ]
    drawn = bootstrap(samples, sentences, draws, seed)
    encoders = {"before": before_encoder, "after": after_encoder}
    shared = {"comparison": comparison, "corpus": corpus, "method": method}
    rows, changes = [], []
    for (names, known), sample, of_draws in zip(panels, samples, drawn, strict=True):
        for quantity, *both in zip(names, in_sample(sample, sentences), of_draws, strict=True):
            this = {**shared, "quantity": quantity, "n": len(known)}
            stages = by_stage(*both)
            changed = with_intervals(CHANGES, *stages.pop("change"), confidence)
            changes.append({**this, **changed})
            for stage, of_stage in stages.items():
                columns = with_intervals(STATISTICS, *of_stage, confidence)
                rows.append({**this, "stage": stage, "encoder": encoders[stage], **columns})
                logging.info(
                    "%s, %s: R2 %.3f, rho %.3f, n %d",
                    *(quantity, stage, columns["r_squared"], columns["spearman"], len(known)),
                )
    unit = unit_of(information)
    write_table(pl.DataFrame(rows).fill_nan(None), output_regression, REGRESSION, unit=unit)
    write_table(pl.DataFrame(changes).fill_nan(None), output_change, CHANGE, unit=unit)


if __name__ == "__main__":
    run(main)
