"""Collect what the explorer shows of one comparison: sentences, tokens, weights and quantities."""

import json
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import REGRESSION
from common.reports.page import shown
from common.reports.style import QUANTITY_NAMES
from common.reports.token_views import Sources, view_of
from common.reports.trainings import encoders_of
from common.tables import read_table, whole


def relations_of(regressions: pl.DataFrame) -> list[dict]:
    """Pearson's r, R squared and Spearman's rho of each quantity, by each encoder."""
    of_quantity = {name: rows.sort("stage") for (name,), rows in regressions.group_by("quantity")}
    return [
        {"quantity": quantity, "n": rows["n"][0]}
        | {name: shown(rows[name]) for name in ("pearson", "r_squared", "spearman")}
        for quantity in QUANTITY_NAMES
        if (rows := of_quantity.get(quantity)) is not None
    ]


def main(
    *,
    texts: Path,
    weights: list[Path],
    information: Path,
    surprisal: Path | None = None,
    similarities: list[Path] | None = None,
    regression: Path,
    comparison: str,
    corpus: str,
    method: str,
    largest_error: float | None = None,
    output_tokens: Path,
) -> None:
    """Collect what the explorer shows of one comparison, corpus and method, in JSON.

    Example: python scripts/collect_tokens.py --texts held_out.parquet
    --weights masked_lm.parquet adjacent.parquet --information information.parquet
    --surprisal surprisal.parquet --regression regression.parquet --comparison adjacent
    --corpus held_out --method shapley --output-tokens tokens.json

    Parameters
    ----------
    texts
        Corpus whose sentences were weighed.
    weights
        Weights (norms) of the same tokens by each encoder of the comparison in turn.
    information
        Quantities of the token types, in nats.
    surprisal
        Surprisals of the same tokens, in nats.
    similarities
        Of a corpus of pairs, the cosine of each pair by each encoder in turn.
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
    encoders = encoders_of(rows)
    if len(encoders) != len(weights):
        raise InputError(
            f"{regression}: {len(encoders)} encoders for {comparison}, but --weights has "
            f"{len(weights)} tables; give one of each"
        )
    sources = Sources(texts, weights, information, surprisal, similarities or [], largest_error)
    piece = {
        "entry": {**entry, "encoders": encoders, "relations": relations_of(rows)},
        "view": view_of(sources),
    }
    with whole(output_tokens) as partial:
        partial.write_text(json.dumps(piece))


if __name__ == "__main__":
    run(main)
