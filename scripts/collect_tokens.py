"""Collect what the explorer shows of one comparison: sentences, tokens, weights and quantities."""

import json
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import REGRESSION
from common.reports.page import rounded
from common.reports.style import QUANTITY_NAMES
from common.reports.token_views import STAGES, Sources, view_of
from common.tables import read_table, whole


def relations_of(regressions: pl.DataFrame) -> list[dict]:
    """R squared and Spearman's rho of each quantity, before and after."""
    by_stage = {(row["quantity"], row["stage"]): row for row in regressions.iter_rows(named=True)}
    return [
        {"quantity": quantity, "n": by_stage[quantity, "before"]["n"]}
        | {
            statistic: [
                None if (value := by_stage[quantity, stage][statistic]) is None else rounded(value)
                for stage in STAGES
            ]
            for statistic in ("r_squared", "slope", "spearman")
        }
        for quantity in QUANTITY_NAMES
        if (quantity, "before") in by_stage
    ]


def main(
    *,
    texts: Path,
    before: Path,
    after: Path,
    information: Path,
    surprisal: Path | None = None,
    regression: Path,
    comparison: str,
    corpus: str,
    method: str,
    largest_error: float | None = None,
    output_tokens: Path,
) -> None:
    """Collect what the explorer shows of one comparison, corpus and method, in JSON.

    Example: python scripts/collect_tokens.py --texts held_out.parquet --before before.parquet
    --after after.parquet --information information.parquet --surprisal surprisal.parquet
    --regression regression.parquet --comparison adjacent --corpus held_out --method shapley
    --output-tokens tokens.json

    Parameters
    ----------
    texts
        Corpus whose sentences were weighed.
    before
        Weights (norms) by the encoder before fine-tuning.
    after
        Weights of the same tokens by the encoder after fine-tuning.
    information
        Quantities of the token types, in nats.
    surprisal
        Surprisals of the same tokens, in nats.
    regression
        Table of regressions that holds the comparison.
    comparison
        Name of the comparison, as in the regression table.
    corpus
        Name of the corpus, as in the regression table.
    method
        Name of the method, as in the regression table.
    largest_error
        Sentences with larger errors, which no regression holds, are marked.
    output_tokens
        A piece of the page, for build_explorer.
    """
    entry = {"comparison": comparison, "corpus": corpus, "method": method}
    rows = read_table(regression, REGRESSION).filter(**entry, replicate=1)
    if rows.is_empty():
        raise InputError(
            f"{regression}: no row for {comparison}, {corpus}, {method}; correlate first"
        )
    encoders = [rows.filter(stage=stage)["encoder"][0] for stage in STAGES]
    piece = {
        "entry": {**entry, "encoders": encoders, "relations": relations_of(rows)},
        "view": view_of(Sources(texts, before, after, information, surprisal, largest_error)),
    }
    with whole(output_tokens) as partial:
        partial.write_text(json.dumps(piece))


if __name__ == "__main__":
    run(main)
