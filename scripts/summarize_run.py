"""Summarise a run in sentences and a table, from its tables alone."""

from pathlib import Path

from common.command import InputError, run
from common.contract import FOREMOST, TABLES
from common.reports.data_block import LAST, on_data
from common.reports.pairs_told import on_pairs
from common.reports.side_by_side import on_atlases
from common.reports.summary import (
    covers,
    in_prose,
    on_comparisons,
    on_encoders,
    on_relations,
    on_rivals,
    on_tests,
    on_theory,
    relations_table,
)
from common.reports.weights_alone import on_bags
from common.tables import read_table, whole


def main(
    *,
    regression: Path,
    change: Path,
    within_sentence: Path,
    partial: Path,
    classes: Path,
    encoders: Path | None = None,
    agreement: Path | None = None,
    ranking: Path | None = None,
    weighted_bags: Path | None = None,
    data: Path,
    theory: Path | None = None,
    pair_shares: Path | None = None,
    pair_regression: Path | None = None,
    output_summary: Path,
    name: str,
    confidence: float,
) -> None:
    """Summarise a run in sentences and a table (Markdown), from its tables alone.

    Example: python scripts/summarize_run.py --regression tables/regression.parquet
    --change tables/change.parquet --within-sentence tables/within_sentence.parquet
    --partial tables/partial.parquet --classes tables/classes.parquet
    --encoders tables/encoders.parquet --data tables/data.parquet --output-summary summary.md
    --name default --confidence 0.95

    Parameters
    ----------
    regression
        Regressions of weight (a norm) on quantities (nats).
    change
        Their changes.
    within_sentence
        Relations within sentences.
    partial
        What each quantity adds to the others.
    classes
        Mean weights of word classes and frequency bands.
    encoders
        How good the encoders are, if they were evaluated.
    agreement
        Pairs of encoders of comparisons of many.
    ranking
        Whether encoders that follow a quantity are good ones.
    weighted_bags
        What weights of types are worth alone.
    data
        What the comparisons stand on.
    theory
        Norms of static encoders' word vectors, regressed on information gain.
    pair_shares
        What pairs of tokens add to the similarity of pairs.
    pair_regression
        Regressions of what they add.
    output_summary
        The summary.
    name
        Name of the run, for the title.
    confidence
        Share of the draws within the intervals, for the text.
    """
    paths = {
        "regression": regression,
        "change": change,
        "within_sentence": within_sentence,
        "partial": partial,
        "classes": classes,
        "data": data,
    }
    tables = {kind: read_table(path, TABLES[kind]) for kind, path in paths.items()}
    if tables["regression"].is_empty():
        raise InputError(f"{regression}: no rows, nothing to summarise")
    quantity = min(tables["regression"]["quantity"].unique(), key=FOREMOST.index)
    lines = [
        f"# Summary of the run {name}",
        "",
        f"## Weight and {in_prose(quantity)}\n",
        *on_relations(tables, quantity),
        *on_rivals(tables, quantity),
        "\n## What these numbers are\n",
        *on_comparisons(tables),
        "",
        f"Brackets hold {confidence:.0%} intervals of a bootstrap over sentences and types; "
        f"{covers(tables['regression'])} p is the share of permutations of the quantity over "
        "types of like frequency that move a correlation, or its change, as far.",
        "\n## Data\n",
        *on_data(tables["data"]),
        f"\n{LAST}",
        "\n## All quantities\n",
        on_tests(tables),
        "",
        *relations_table(tables),
    ]
    if encoders:
        lines += ["\n## Encoders\n", *on_encoders(read_table(encoders, TABLES["encoders"]))]
    if agreement:
        pairs = read_table(agreement, TABLES["agreement"])
        ranks = read_table(ranking, TABLES["ranking"]) if ranking else None
        lines += ["\n## Encoders side by side\n"]
        lines += on_atlases(tables["regression"], pairs, ranks, quantity)
    if weighted_bags:
        bags = read_table(weighted_bags, TABLES["weighted_bags"])
        lines += ["\n## Weights of types alone\n", *on_bags(bags)]
    if pair_shares and pair_regression:
        of_pairs = (pair_shares, "pair_shares"), (pair_regression, "pair_regression")
        lines += ["\n## What makes sentences similar\n"]
        lines += on_pairs(*(read_table(path, TABLES[kind]) for path, kind in of_pairs))
    if theory:
        lines += ["\n## Theory\n", *on_theory(read_table(theory, TABLES["theory"]))]
    with whole(output_summary) as partial_file:
        partial_file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    run(main)
