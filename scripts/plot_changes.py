"""Draw how R squared changed by fine-tuning, for all comparisons."""

from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from common import style
from common.command import InputError, run
from common.contract import CHANGE, QUANTITIES, REGRESSION
from common.tables import read_table

ROW = 0.17
"""Height in inches of a quantity."""
OFFSET = 0.17
"""Rows between the marks of before and after."""
STAGES = {"before": (-OFFSET, style.BEFORE, "white"), "after": (OFFSET, style.AFTER, style.AFTER)}
"""Where a stage is drawn in its row, its colour and its fill."""
ARROW: dict[str, Any] = {
    "arrowstyle": "-|>,head_width=0.12,head_length=0.25",
    "color": style.NEUTRAL,
    "linewidth": 0.6,
    "shrinkA": 2.5,
    "shrinkB": 2.5,
}


def layout(groups: list[tuple[str, ...]], quantities: list[str]) -> dict[tuple[str, ...], float]:
    """Row of each (comparison, corpus) heading and of each of its quantities, from the top."""
    places: dict[tuple[str, ...], float] = {}
    for i, group in enumerate(groups):
        top = i * (len(quantities) + 1.6)
        places[group] = top
        for j, quantity in enumerate(quantities):
            places[*group, quantity] = top + j + 1
    return places


def change_text(row: dict) -> str:
    """Change of R squared with its interval, as the change table has it."""
    if row["r_squared_change"] is None:
        return "undefined"
    names = ("r_squared_change", "r_squared_change_low", "r_squared_change_high")
    change, low, high = (f"{row[name]:+.2f}".replace("-", "\N{MINUS SIGN}") for name in names)
    return f"{change} [{low}, {high}]"


def draw_row(axes: Axes, place: float, stages: dict[str, dict]) -> None:
    """Both R squared with their intervals, and an arrow from before to after."""
    known = {name: row for name, row in stages.items() if row["r_squared"] is not None}
    heights = {name: place + STAGES[name][0] for name in known}
    if len(known) == 2:
        tail, head = ((known[name]["r_squared"], heights[name]) for name in ("before", "after"))
        axes.annotate("", head, tail, arrowprops=ARROW)
    for name, row in known.items():
        _, colour, fill = STAGES[name]
        axes.hlines(
            heights[name], row["r_squared_low"], row["r_squared_high"], colour, linewidth=0.9
        )
        axes.plot(
            *(row["r_squared"], heights[name], "v" if row["slope"] < 0 else "o"),
            color=colour,
            markerfacecolor=fill,
            markersize=4,
            markeredgewidth=0.9,
            clip_on=False,
        )


def main(*, regression: Path, change: Path, output_svg: Path, output_pdf: Path) -> None:
    """Draw R squared (no unit) before and after fine-tuning, for all comparisons and quantities.

    A panel for each method. At the right is the change, after minus before, with its interval;
    it and every mark come from the tables.

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
    by_row: dict[tuple[str, ...], dict[str, dict]] = {}
    for row in regressions.iter_rows(named=True):
        key = tuple(row[name] for name in ("method", "comparison", "corpus", "quantity"))
        by_row.setdefault(key, {})[row["stage"]] = row
    methods = sorted({key[0] for key in by_row})
    groups = sorted({key[1:3] for key in by_row})
    quantities = [name for name in QUANTITIES if name in regressions["quantity"]]
    places = layout(groups, quantities)
    height = max(places.values()) + 1
    figure = Figure((style.PAGE, ROW * height + 0.9), layout="constrained")
    grid = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    for axes, method in zip(grid, methods, strict=True):
        axes.set_title(style.METHOD_NAMES.get(method, method), fontsize=8, loc="left", pad=8)
        axes.grid(axis="x")
        for key, stages in by_row.items():
            if key[0] == method:
                draw_row(axes, places[key[1:]], stages)
        for row in changes.filter(pl.col("method") == method).iter_rows(named=True):
            place = places[row["comparison"], row["corpus"], row["quantity"]]
            where = axes.get_yaxis_transform()
            axes.text(1.02, place, change_text(row), transform=where, va="center", fontsize=6)
        axes.text(1.02, 1, "change [interval]", transform=axes.transAxes, va="bottom", fontsize=6)
        axes.set_xlabel("R² of weight on quantity")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    rows = {key: place for key, place in places.items() if len(key) == 3}
    grid[0].set_yticks(list(rows.values()), [style.QUANTITY_NAMES[key[2]] for key in rows])
    grid[0].set_ylim(height - 0.4, -0.6)
    grid[0].set_xlim(left=0)
    for key in groups:
        heading = grid[-1].text(
            *(0.01, places[key], f"{key[0]}, {key[1]}"),
            transform=blended_transform_factory(figure.transFigure, grid[-1].transData),
            va="center",
            weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        heading.set_in_layout(False)
    legend = [
        Line2D([], [], color=style.BEFORE, marker="o", markerfacecolor="white", label="before"),
        Line2D([], [], color=style.AFTER, marker="o", label="after fine-tuning"),
        Line2D([], [], color=style.NEUTRAL, marker="v", linestyle="", label="negative slope"),
        Line2D([], [], color=style.NEUTRAL, linewidth=0.9, label="bootstrap interval"),
    ]
    figure.legend(handles=legend, loc="outside lower center", ncols=4, markerscale=0.7)
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
