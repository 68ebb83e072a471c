"""Draw the course of trainings."""

import math
import textwrap
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from common.command import InputError, run
from common.contract import TRAINING
from common.reports import style
from common.tables import read_table

COLUMNS = 3
"""Panels side by side at most."""


def main(trainings: list[Path], *, names: list[str], output_svg: Path, output_pdf: Path) -> None:
    """Draw training loss and held-out loss (nats) against optimiser steps, a panel an encoder.

    Example: python scripts/plot_training.py training/masked_lm.parquet training/adjacent.parquet
    --names masked_lm adjacent --output-svg training.svg --output-pdf training.pdf

    Parameters
    ----------
    trainings
        Courses of trainings.
    names
        Names of their encoders, in the same order.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    """
    if len(names) != len(trainings):
        raise InputError(
            f"--names: {len(names)} names for {len(trainings)} trainings; give one each"
        )
    rows = math.ceil(len(names) / COLUMNS)
    columns = math.ceil(len(names) / rows)
    width = max(style.COLUMN, style.PAGE * columns / COLUMNS)
    figure = Figure((width, 1.6 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, path, name in zip(grid, trainings, names, strict=False):
        course = read_table(path, TRAINING)
        training = course.drop_nulls("loss")
        held_out = course.drop_nulls("evaluation_loss")
        if not len(training) + len(held_out):
            raise InputError(f"{path}: no row has a loss, nothing to draw")
        axes.plot(training["step"], training["loss"], color=style.FIRST, label="training")
        axes.plot(
            held_out["step"],
            held_out["evaluation_loss"],
            "--o",
            color=style.LAST,
            markersize=3,
            label="held-out",
        )
        axes.set_title(textwrap.fill(name, 32))
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("optimiser steps", fontsize=7)
    figure.supylabel("loss (nats)", fontsize=7)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
