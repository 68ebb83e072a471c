"""Draw encoders side by side: what their weights follow, and who agrees with whom."""

from pathlib import Path

from common.command import InputError, run
from common.contract import AGREEMENT, ENCODERS, FOREMOST, REGRESSION
from common.reports import style
from common.reports.atlases import draw_atlas
from common.reports.trainings import similarity_by_encoder
from common.tables import read_table


def main(
    agreement: Path,
    *,
    regression: Path,
    encoders: Path | None = None,
    output_svg: Path,
    output_pdf: Path,
    comparison: str,
    corpus: str,
    method: str,
) -> None:
    """Draw the encoders of a comparison, ordered by what their weights follow.

    Left, Pearson's r of weight and the foremost quantity with its interval; then r with every
    quantity, and STS Spearman; right, the mean rank correlation, within sentences, of the weights
    by every two encoders.

    Example: python scripts/plot_atlas.py tables/agreement.parquet
    --regression tables/regression.parquet --encoders tables/encoders.parquet
    --output-svg atlas.svg --output-pdf atlas.pdf --comparison atlas --corpus stsb
    --method shapley

    Parameters
    ----------
    agreement
        Table of pairs of encoders.
    regression
        Table of all regressions.
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
    method
        Name of the method in the tables.
    """
    cell = {"comparison": comparison, "corpus": corpus, "method": method}
    pairs = read_table(agreement, AGREEMENT).filter(**cell)
    relations = read_table(regression, REGRESSION).filter(**cell)
    for path, rows in ((agreement, pairs), (regression, relations)):
        if rows.is_empty():
            raise InputError(f"{path}: no row for {comparison}, {corpus}, {method}; make it first")
    quantities = [name for name in FOREMOST if name in relations["quantity"]]
    similarity = None
    if encoders is not None:
        similarity = dict(similarity_by_encoder(read_table(encoders, ENCODERS)).rows())
    figure = draw_atlas(relations, pairs, similarity, quantities)
    figure.suptitle(f"{comparison}: {corpus}, {style.METHOD_NAMES[method]}")
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
