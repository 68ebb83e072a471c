"""Rank encoders by what their weights follow, and hold that against how good they are."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import permutation_test, rankdata

from common.command import InputError, run
from common.contract import ENCODERS, RANKING, REGRESSION, WITHIN_SENTENCE
from common.reports.trainings import averaged, similarity_by_encoder
from common.tables import read_table, write_table

STATISTICS = ("pearson", "r_squared", "sentence_spearman")
KEYS = ["comparison", "corpus", "method", "quantity"]
PERMUTATIONS = 9999
"""Of more than 7 encoders; of fewer, all permutations are tried."""


def scale(ranks: np.ndarray) -> np.ndarray:
    """Ranks less their mean, of length 1, so that a correlation is a product."""
    away = ranks - ranks.mean()
    return away / np.linalg.norm(away)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> tuple[float | None, float | None]:
    """Spearman's rho of values (n,) and its p by permutations; None where there is none."""
    if len(x) < 3 or not np.ptp(x) or not np.ptp(y):
        return None, None
    one, other = (scale(rankdata(values)) for values in (x, y))
    test = permutation_test(
        (one,),
        lambda ranks, axis: (ranks * other).sum(axis),
        vectorized=True,
        permutation_type="pairings",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    return float(test.statistic), float(test.pvalue)


def main(
    *,
    regression: Path,
    within_sentence: Path,
    encoders: Path,
    comparisons: list[str],
    output_ranking: Path,
) -> None:
    """Rank encoders by a statistic of their weights, and by STS: do both agree, over encoders?

    Few encoders tell little: p is by permutations of them, and their number stands beside it.

    Example: python scripts/rank_encoders.py --regression tables/regression.parquet
    --within-sentence tables/within_sentence.parquet --encoders tables/encoders.parquet
    --comparisons atlas --output-ranking ranking.parquet

    Parameters
    ----------
    regression
        Table of regressions of weight on quantities (nats).
    within_sentence
        Table of rank correlations within sentences.
    encoders
        Table of the evaluated encoders.
    comparisons
        Names of the comparisons, as in the tables.
    output_ranking
        Table of rank correlations over encoders.
    """
    quality = similarity_by_encoder(read_table(encoders, ENCODERS))
    relations = averaged(read_table(regression, REGRESSION))
    within = averaged(read_table(within_sentence, WITHIN_SENTENCE))
    own = within.filter(pl.col("reference").is_null()).select(*KEYS, "encoder", STATISTICS[-1])
    values = relations.select(*KEYS, "encoder", *STATISTICS[:-1]).join(own, [*KEYS, "encoder"])
    values = values.filter(pl.col("comparison").is_in(comparisons)).join(quality, "encoder")
    if values.is_empty():
        raise InputError(f"{regression}: no encoder of {', '.join(comparisons)} is in {encoders}")
    rows: list[dict[str, Any]] = []
    for key, of_key in values.group_by(KEYS, maintain_order=True):
        for statistic in STATISTICS:
            known = of_key.drop_nulls([statistic, "sts_spearman"])
            x, y = (known[name].to_numpy() for name in (statistic, "sts_spearman"))
            rho, p = rank_correlation(x, y)
            about = dict(zip(KEYS, key, strict=True)) | {"statistic": statistic}
            rows.append(about | {"encoders": len(known), "spearman": rho, "p": p})
            logging.info("%s: %s of %s: rho %s, p %s", *key[:1], statistic, key[-1], rho, p)
    write_table(pl.DataFrame(rows, infer_schema_length=None), output_ranking, RANKING)


if __name__ == "__main__":
    run(main)
