"""Draw the norms of static encoders' word vectors against information gain."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.command import InputError, run
from common.contract import THEORY, THEORY_WORDS
from common.reports import style
from common.tables import read_table

BINS = 12
"""Groups of as many words each, whose means make the curve."""
ROWS = {"metric": "norm under G (nats)", "divergence": "encoder's own KL (nats)"}


def main(*, theory: Path, words: Path, output_svg: Path, output_pdf: Path) -> None:
    """Draw norm under G, and the divergence it is the second order of, against information gain.

    Of encoders of adjacent sentences, the least and the most dimensions, untied if there are any.
    The information gain (nats) is that of adjacent sentences, exact or bayes.

    Example: python scripts/plot_theory.py --theory theory.parquet --words theory_words.parquet
    --output-svg theory.svg --output-pdf theory.pdf

    Parameters
    ----------
    theory
        Regressions of norms on information gain.
    words
        Norms and information gain of each word.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    """
    points = read_table(words, THEORY_WORDS).filter(cooccurrence="adjacent")
    if points.is_empty():
        raise InputError(f"{words}: no encoder of adjacent sentences, nothing to draw")
    vectors = max(points["vectors"])
    dimensions = points["dimension"].min(), points["dimension"].max()
    quantity = "exact" if "adjacent_exact" in points.columns else "bayes"
    shown = points.filter(pl.col("dimension").is_in(dimensions), vectors=vectors)
    groups = shown.partition_by("source", "dimension", as_dict=True)
    fits = read_table(theory, THEORY).filter(
        cooccurrence="adjacent", vectors=vectors, gain_of="adjacent", quantity=quantity
    )
    figure = Figure((style.PAGE, 3.6), layout="constrained")
    grid = figure.subplots(len(ROWS), len(groups), squeeze=False, sharex=True, sharey="row")
    for column, ((source, dimension), group) in zip(grid.T, sorted(groups.items()), strict=True):
        known = group.drop_nulls(f"adjacent_{quantity}")
        if len(known) < 3:
            raise InputError(f"{words}: {len(known)} words have adjacent_{quantity}, 3 are needed")
        for axes, norm in zip(column, ROWS, strict=True):
            row = fits.filter(source=source, dimension=dimension, norm=norm)
            if len(row) != 1:
                raise InputError(
                    f"{theory}: {len(row)} rows for the encoder of {source} pairs with {dimension} "
                    f"dimensions and {norm} in {words}; take both from one run"
                )
            _draw(axes, known[f"adjacent_{quantity}"].to_numpy(), known[norm].to_numpy())
            about = row.row(0, named=True)
            r_squared, rho = (
                "undefined" if about[name] is None else f"{about[name]:.2f}"
                for name in ("r_squared", "spearman")
            )
            axes.set_title(f"R² = {r_squared}, ρ = {rho}")
        pairs = {"exact": "exact pairs", "sampled": "sampled sentences"}[source]
        column[0].set_title(f"{pairs}, {dimension} d\n{column[0].get_title()}")
    for axes, label in zip(grid[:, 0], ROWS.values(), strict=True):
        axes.set_ylabel(label)
    names = {"exact": "exact", "bayes": "Bayes"}
    figure.supxlabel(
        f"information gain of adjacent sentences, {names[quantity]} (nats)", fontsize=7
    )
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3)
    style.write_figure(figure, output_svg, output_pdf)


def _draw(axes: Axes, gain: np.ndarray, norm: np.ndarray) -> None:
    """Words, the means of `BINS` groups of like gain, and the identity."""
    axes.plot(
        gain,
        norm,
        ".",
        color=style.FIRST,
        markersize=1.5,
        alpha=0.35,
        label="word",
        rasterized=True,
    )
    groups = np.array_split(np.argsort(gain, kind="stable"), min(BINS, len(gain)))
    means = [(gain[group].mean(), norm[group].mean()) for group in groups]
    axes.plot(*zip(*means, strict=True), color=style.LAST, label="mean", path_effects=style.CASED)
    end = gain.max()
    axes.plot([0, end], [0, end], "k--", linewidth=0.9, label="norm = information gain")
    axes.grid()


if __name__ == "__main__":
    run(main)
