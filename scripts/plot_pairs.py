"""Draw which pairs of tokens make sentences similar, by each encoder of a comparison."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import PAIR_SHARES
from common.pairs.groups import GROUPINGS
from common.reports import style
from common.reports.series import chain, draw_series, marks_of
from common.reports.trainings import encoders_of
from common.tables import read_table

HEADINGS = {"relation": "relation of both words", "kind": "kind of word"}


def main(shares: Path, *, output_svg: Path, output_pdf: Path, comparison: str, corpus: str) -> None:
    """Draw the shares that groups of pairs of tokens have in what all pairs of tokens add.

    At the right is the change from the first encoder to the last with its interval, or of one
    encoder its value. What the baselines add is left out.

    Example: python scripts/plot_pairs.py tables/pair_shares.parquet --output-svg pairs.svg
    --output-pdf pairs.pdf --comparison adjacent --corpus topical_pairs

    Parameters
    ----------
    shares
        Table of shares.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    comparison
        Name of the comparison in the table.
    corpus
        Name of the corpus in the table.
    """
    rows = read_table(shares, PAIR_SHARES).filter(comparison=comparison, corpus=corpus)
    if not len(rows):
        raise InputError(f"{shares}: no row for {comparison}, {corpus}; describe its pairs first")
    order = {name: place for names in GROUPINGS.values() for place, name in enumerate(names)}
    of_tokens = rows.filter(~pl.col("group").is_in(["token_and_baseline", "baselines"])).sort(
        "method",
        pl.col("grouping").replace_strict({name: k for k, name in enumerate(GROUPINGS)}),
        pl.col("group").replace_strict(order),
        maintain_order=True,
    )
    figure = draw_series(
        marks_of(of_tokens, "token_share", "group", pl.col("grouping").replace_strict(HEADINGS)),
        {name: name.replace("_", " ") for name in order},
        "share of what all pairs of tokens add to the similarity",
        reference=0,
    )
    figure.suptitle(f"{comparison}: {chain(encoders_of(rows))}, similarity on {corpus}")
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
