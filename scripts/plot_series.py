"""Draw what a series of encoders weighs, against its steps or layers."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import CLASSES, ENCODERS, FOREMOST, REGRESSION, SERIES, WITHIN_SENTENCE
from common.reports import style
from common.reports.courses import Line, bands_of, draw_courses, lines_of, similarity_of
from common.tables import read_table

AXES = {"steps": "optimiser steps (log)", "layers": "layers, 0: input embeddings"}


def main(
    series: Path,
    *,
    regression: Path,
    within_sentence: Path,
    classes: Path,
    encoders: Path | None = None,
    output_svg: Path,
    output_pdf: Path,
    comparison: str,
    corpus: str,
) -> None:
    """Draw correlations, frequency bands and STS of a series against its steps or its layers.

    A row of panels for each method: Pearson's r of weight with self-information and with the
    foremost quantity, the mean rank correlation within sentences, and the mean weight of frequency
    bands relative to the mean token. Bands around lines are intervals, dots are single trainings.

    Example: python scripts/plot_series.py series.parquet --regression tables/regression.parquet
    --within-sentence tables/within_sentence.parquet --classes tables/classes.parquet
    --encoders tables/encoders.parquet --output-svg series.svg --output-pdf series.pdf
    --comparison course --corpus held_out

    Parameters
    ----------
    series
        Table of the encoders of the series.
    regression
        Table of all regressions.
    within_sentence
        Table of rank correlations within sentences.
    classes
        Table of mean weights.
    encoders
        Table of the evaluated encoders, for their STS.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    comparison
        Name of the comparison in the tables.
    corpus
        Name of the corpus in the tables.
    """
    stages = read_table(series, SERIES).filter(comparison=comparison)
    kind = next((name for name in AXES if stages[name].null_count() < len(stages)), None)
    cell = {"comparison": comparison, "corpus": corpus}
    tables = [
        read_table(path, table).filter(**cell)
        for path, table in (
            (regression, REGRESSION),
            (within_sentence, WITHIN_SENTENCE),
            (classes, CLASSES),
        )
    ]
    if kind is None or not len(tables[0]):
        raise InputError(f"{series}, {regression}: no rows for {comparison}, {corpus}")
    places = dict(stages.select("stage", kind).rows())
    relations, shares, weights = tables
    foremost = next(name for name in FOREMOST if name in relations["quantity"])
    shown = list(dict.fromkeys([foremost, "self_information"]))
    own = shares.filter(pl.col("reference").is_null())
    rows: dict[str, list[tuple[str, list[Line]]]] = {}
    for method in sorted(relations["method"].unique()):
        rows[style.METHOD_NAMES[method]] = [
            (label, lines_of(table.filter(method=method), statistic, shown))
            for label, table, statistic in (
                ("Pearson's r", relations, "pearson"),
                ("rho within sentences", own, "sentence_spearman"),
            )
        ] + [("weight / mean weight", bands_of(weights.filter(method=method)))]
    names = dict(stages.select("stage", "encoder").rows())
    similarity = similarity_of(read_table(encoders, ENCODERS), names) if encoders else None
    figure = draw_courses(rows, similarity, places, AXES[kind], logarithmic=kind == "steps")
    figure.suptitle(f"{comparison}: {stages['encoder'][-1]}, weighed on {corpus}")
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
