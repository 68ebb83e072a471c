"""Draw the mean weight of word classes and frequency bands, before and after fine-tuning."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import CLASSES
from common.reports import style
from common.reports.before_after import draw_before_after, marks_of
from common.tables import read_table

GROUPINGS = {
    "word_class": "word class",
    "zipf_band": "frequency (log10 per billion tokens)",
}


def main(
    classes: Path, *, output_svg: Path, output_pdf: Path, comparison: str, corpus: str
) -> None:
    """Draw the mean weight of word classes and frequency bands, relative to that of all tokens.

    Classes come in the order of their weight after, the heaviest first. At the right is the
    change, after minus before, with its interval.

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
    weight = pl.col("relative_weight")
    after = weight.filter(stage="after").first().over("group", "method")
    words = rows.filter(grouping="word_class").sort("method", after, descending=[False, True])
    figure = draw_before_after(
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
    figure.suptitle(f"{comparison}, weighed on {corpus}")
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
