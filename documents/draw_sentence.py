"""Draw one sentence as several encoders weigh it: a row each, tokens shaded by their share."""

from pathlib import Path

import polars as pl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.command import run
from common.contract import WEIGHTS
from common.reports.style import FIRST
from common.reports.token_views import readings
from common.tables import read_table, whole


def main(weights: list[Path], *, names: list[str], output_plot: Path) -> None:
    """Draw the first sentence of each table of weights; special tokens are left out.

    Parameters
    ----------
    weights
        Tables of weights (Parquet) of the same sentence, one an encoder.
    names
        Of the encoders.
    output_plot
        The figure (SVG).
    """
    rows = [shares(read_table(path, WEIGHTS)) for path in weights]
    highest = max(row["share"].max() for row in rows)
    breadth = 0.1 + max(sum(0.078 * len(one) + 0.14 for one in row["reading"]) for row in rows)
    figure = Figure(figsize=(breadth, 0.62 * len(rows) + 0.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, breadth), ylim=(0.62 * len(rows) + 0.1, 0))
    axes.axis("off")
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        top = 0.62 * number
        axes.text(0.05, top + 0.17, name, fontsize=8, color="#555555", va="center")
        widths = [0.078 * len(token) + 0.1 for token in row["reading"]]
        left = 0.05
        for token, share, width in zip(row["reading"], row["share"], widths, strict=True):
            alpha = 0.75 * share / highest
            box = {"facecolor": FIRST, "alpha": alpha, "linewidth": 0}
            axes.add_patch(Rectangle((left, top + 0.28), width, 0.22, **box))
            centre = left + width / 2
            axes.text(centre, top + 0.40, token, fontsize=8.5, ha="center", va="center")
            axes.text(centre, top + 0.57, f"{share:.0%}", fontsize=6, ha="center", color="#555555")
            left += width + 0.04
    with whole(output_plot) as partial:
        FigureCanvasSVG(figure).print_svg(str(partial), metadata={"Date": None})


def shares(table: pl.DataFrame) -> pl.DataFrame:
    """Reading and share of the sentence's weight of each token that is not special."""
    text = table.filter(~pl.col("special"), sentence_id=table["sentence_id"].min())
    return text.select(reading=readings(text["token"]), share=pl.col("weight") / pl.sum("weight"))


if __name__ == "__main__":
    run(main)
