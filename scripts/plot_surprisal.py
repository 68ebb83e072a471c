"""Draw surprisal in context against self-information."""

import logging
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from common.command import InputError, run
from common.contract import SURPRISAL
from common.correlations.weighed_tokens import check_words, join_types, unit_of
from common.reports import style
from common.tables import read_table, shared_metadata

BIN = 1.0
"""Nats of self-information that a mean is taken over."""


def main(*, surprisal: Path, information: Path, output_svg: Path, output_pdf: Path) -> None:
    """Draw surprisal in context against self-information, both in nats.

    Of tokens, or of words if the quantities are those of words. What lies below the diagonal is
    what the context saves. Types that the counting corpus never held are left out.

    Example: python scripts/plot_surprisal.py --surprisal surprisal/masked_lm/held_out.parquet
    --information information/language/masked_lm.parquet --output-svg surprisal.svg
    --output-pdf surprisal.pdf

    Parameters
    ----------
    surprisal
        Surprisal of the tokens of a corpus.
    information
        Quantities of the token types.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    """
    shared_metadata([surprisal, information], "tokenizer")
    check_words([surprisal], information)
    unit = unit_of(information)
    tokens = join_types(read_table(surprisal, SURPRISAL), information)
    known = tokens.drop_nulls("self_information")
    if not len(known):
        raise InputError(
            f"{surprisal}: no {unit} has a self-information in {information}; count with the same "
            "tokenizer"
        )
    counts = len(known), unit, len(tokens) - len(known)
    logging.info("%d %ss, left out %d never counted", *counts)
    x, y = known["self_information"].to_numpy(), known["surprisal"].to_numpy()
    means = (
        known.group_by((pl.col("self_information") / BIN).floor().alias("bin"), maintain_order=True)
        .agg(pl.col("self_information", "surprisal").mean())
        .sort("bin")
    )
    figure = Figure((style.COLUMN, 2.7), layout="constrained")
    axes = figure.subplots()
    right, top = 1.02 * x.max(), 1.02 * max(x.max(), y.max())
    hexagons = style.draw_density(axes, x, y, (0, right, 0, top), (2, 1.9))
    diagonal = min(right, top)
    axes.plot([0, diagonal], [0, diagonal], "k--", linewidth=0.9, label="self-information")
    axes.plot(
        means["self_information"],
        means["surprisal"],
        "-o",
        color=style.LAST,
        markersize=3,
        label=f"mean of bins of {BIN:.0f} nat",
        path_effects=style.CASED,
    )
    axes.set(xlim=(0, right), ylim=(0, top))
    axes.set_xlabel("self-information (nats)")
    axes.set_ylabel("surprisal in context (nats)")
    axes.set_title(f"context saves {x.mean() - y.mean():.2f} of {x.mean():.2f} nats a {unit}")
    figure.colorbar(hexagons, label=f"{unit}s in a hexagon", aspect=30, format="%d", pad=0.02)
    figure.legend(loc="outside lower center", ncols=2)
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
