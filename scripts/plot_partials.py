"""Draw what each quantity adds to the others, by each encoder."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import FOREMOST, PARTIAL
from common.reports import style
from common.reports.series import draw_series, marks_of, weighed
from common.tables import read_table


def main(partial: Path, *, output_svg: Path, output_pdf: Path) -> None:
    """Draw the partial R squared (no unit) of each term of a joint model of weight.

    Of the variance that the other terms leave open, a term explains this share. Of several
    models, that with the best known information gain is drawn. At the right is the change from the
    first encoder to the last with its interval, or of one encoder its value.

    Example: python scripts/plot_partials.py tables/partial.parquet
    --output-svg partials.svg --output-pdf partials.pdf

    Parameters
    ----------
    partial
        Table of what each term adds.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    """
    table = read_table(partial, PARTIAL)
    if not len(table):
        raise InputError(f"{partial}: no rows, nothing to draw")
    model = min(table["model"].unique(), key=FOREMOST.index)
    terms = {
        "position": "position in the sentence",
        "length": "length of the sentence",
    } | style.QUANTITY_NAMES
    order = ["comparison", "corpus", pl.col("term").cast(pl.Enum(list(terms)))]
    falling = pl.col("coefficient") < 0
    rows = table.filter(model=model).sort(order)
    figure = draw_series(
        marks_of(rows, "partial_r_squared", "term", weighed(table), falling),
        terms,
        "partial R² of weight, beside the other terms",
        negative="negative coefficient",
    )
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
