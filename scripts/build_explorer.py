"""Build the page on which a reader looks at sentences, their tokens and their weights."""

import os
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import INFORMATION, QUANTITIES, REGRESSION
from common.progress import progress
from common.reports import style
from common.reports.page import Columns, rounded, write_page
from common.reports.token_views import OF_TYPES, STAGES, Sources, view_of
from common.tables import read_table

ASSETS = Path(__file__).parent / "explorer"
LABELS = style.QUANTITY_NAMES | {
    "information_gain_low": "information gain, Bayes: from",
    "information_gain_high": "information gain, Bayes: to",
}


def described() -> list[dict[str, str]]:
    """Name, label, unit and meaning of all numbers that a type or token may have, nats first."""
    columns = {name: INFORMATION.columns[name] for name in OF_TYPES}
    about = {name: (column.unit, column.meaning) for name, column in columns.items()}
    about["surprisal"] = ("nat", QUANTITIES["surprisal"])
    about = dict(sorted(about.items(), key=lambda item: item[1][0] != "nat"))
    return [
        {"name": name, "label": LABELS.get(name, name), "unit": unit, "meaning": meaning}
        for name, (unit, meaning) in about.items()
    ]


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
        for quantity in LABELS
        if (quantity, "before") in by_stage
    ]


def main(
    *,
    texts: list[Path],
    before: list[Path],
    after: list[Path],
    information: list[Path],
    surprisal: list[Path],
    regression: Path,
    output_page: Path,
    run_name: str,
    comparisons: list[str],
    corpora: list[str],
    methods: list[str],
    minimum_count: int,
) -> None:
    """Build one HTML page, without need of a network, that shows weights of tokens (norms).

    The options that take several values have one for each entry of the page, in one order.

    Example: python scripts/build_explorer.py --texts held_out.parquet --before before.parquet
    --after after.parquet --information information.parquet --surprisal surprisal.parquet
    --regression tables/regression.parquet --output-page explorer.html --run-name default
    --comparisons adjacent --corpora held_out --methods shapley --minimum-count 20

    Parameters
    ----------
    texts
        Corpora whose sentences were weighed.
    before
        Weights by the encoders before fine-tuning.
    after
        Weights of the same tokens by the encoders after fine-tuning.
    information
        Quantities of the token types.
    surprisal
        Surprisals of the same tokens, in nats; /dev/null for an entry that has none.
    regression
        Table of regressions that holds all entries.
    output_page
        The page.
    run_name
        Name of the run, for the title.
    comparisons
        Name of the comparison of each entry, as in the regression table.
    corpora
        Name of the corpus of each entry, as in the regression table.
    methods
        Name of the method of each entry, as in the regression table.
    minimum_count
        Types counted fewer times are marked, as they are in no regression.
    """
    lists = [texts, before, after, information, surprisal, comparisons, corpora, methods]
    if {len(one) for one in lists} != {len(comparisons)}:
        raise InputError(
            f"--texts, --before, --after, --information, --surprisal, --comparisons, --corpora and "
            f"--methods have {', '.join(str(len(one)) for one in lists)} values; give each as many"
        )
    table = read_table(regression, REGRESSION)
    columns, views = Columns(), []
    with progress("entries", len(comparisons), "entries") as bar:
        for *paths, scored, comparison, corpus, method in zip(*lists, strict=True):
            chosen = {"comparison": comparison, "corpus": corpus, "method": method}
            rows = table.filter(**chosen)
            if rows.is_empty():
                raise InputError(
                    f"{regression}: no row for {comparison}, {corpus}, {method}; correlate first"
                )
            known = None if scored == Path(os.devnull) else scored
            encoders = [rows.filter(stage=stage)["encoder"][0] for stage in STAGES]
            view = view_of(Sources(*paths, known), columns)
            views.append({**chosen, "encoders": encoders, "relations": relations_of(rows), **view})
            bar.update()
    data = {
        "minimum_count": minimum_count,
        "methods": style.METHOD_NAMES,
        "quantities": described(),
        "columns": columns.values,
        "views": views,
    }
    write_page(ASSETS, run_name, data, output_page)


if __name__ == "__main__":
    run(main)
