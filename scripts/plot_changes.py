"""Draw the correlation of weight and quantities by each encoder, and how it changes."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import CHANGE, QUANTITIES, REGRESSION
from common.reports import style
from common.reports.series import draw_series, marks_of, weighed
from common.tables import read_table


def main(*, regression: Path, change: Path, output_svg: Path, output_pdf: Path) -> None:
    """Draw Pearson's r of weight and quantity by each encoder, for all comparisons.

    R squared is its square, and hides the sign. A panel for each method. At the right is the
    change from the first encoder to the last with its interval, or of one encoder its value; it
    and every mark come from the tables.

    Example: python scripts/plot_changes.py --regression tables/regression.parquet
    --change tables/change.parquet --output-svg changes.svg --output-pdf changes.pdf

    Parameters
    ----------
    regression
        Table of all regressions.
    change
        Table of all changes.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    """
    regressions, changes = read_table(regression, REGRESSION), read_table(change, CHANGE)
    if not len(regressions):
        raise InputError(f"{regression}: no rows, nothing to draw")
    order = ["comparison", "corpus", pl.col("quantity").cast(pl.Enum(list(QUANTITIES)))]
    group = weighed(regressions)
    values = regressions.sort(order).with_columns(reference=pl.lit(None, pl.String))
    figure = draw_series(
        pl.concat(
            [
                marks_of(values, "pearson", "quantity", group),
                marks_of(changes, "pearson_change", "quantity", group),
            ]
        ),
        style.QUANTITY_NAMES,
        "Pearson's r of weight and quantity",
        reference=0,
    )
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
