"""Draw the mean weight of word classes and frequency bands, by each encoder of a comparison."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import CLASSES
from common.reports import style
from common.reports.series import chain, draw_series, marks_of
from common.reports.trainings import averaged, encoders_of
from common.tables import read_table

GROUPINGS = {
    "word_class": "word class",
    "zipf_band": "frequency (log10 per billion tokens)",
}


def main(
    classes: Path, *, output_svg: Path, output_pdf: Path, comparison: str, corpus: str
) -> None:
    """Draw the mean weight of word classes and frequency bands, relative to that of all tokens.

    Classes come in the order of their weight by the last encoder, the heaviest first. At the
    right is the change from the first encoder to the last with its interval, or of one encoder its
    value.

    Example: python scripts/plot_classes.py tables/classes.parquet --output-svg classes.svg
    --output-pdf classes.pdf --comparison adjacent --corpus held_out

    Parameters
    ----------
    classes
        Table of mean weights.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    comparison
        Name of the comparison in the table.
    corpus
        Name of the corpus in the table.
    """
    rows = read_table(classes, CLASSES).filter(comparison=comparison, corpus=corpus)
    if not len(rows):
        raise InputError(f"{classes}: no row for {comparison}, {corpus}; average its weights first")
    bands = rows.filter(grouping="zipf_band").sort("group", descending=True)
    heaviest = averaged(rows.filter(pl.col("reference").is_null())).sort("stage")
    order = heaviest.group_by("method", "group").agg(last=pl.col("relative_weight").last())
    words = (
        rows.filter(grouping="word_class")
        .join(order, ["method", "group"], maintain_order="left")
        .sort("method", "last", descending=[False, True], maintain_order=True)
        .drop("last")
    )
    figure = draw_series(
        marks_of(
            pl.concat([words, bands]),
            "relative_weight",
            "group",
            pl.col("grouping").replace_strict(GROUPINGS),
        ),
        {},
        "mean weight / mean weight of all tokens",
        reference=1,
    )
    figure.suptitle(f"{comparison}: {chain(encoders_of(rows))}, weighed on {corpus}")
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
