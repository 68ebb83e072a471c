"""Statistics before and after fine-tuning as rows of marks with intervals, and their changes."""

from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from common.reports import style
from common.reports.trainings import averaged, single
from common.reports.wording import with_interval

ROW = 0.17
"""Height in inches of an item."""
WEIGHED = pl.format("{}, {}", "comparison", "corpus")
"""A group for each comparison and corpus."""
GAP = 1.6
"""Rows from the last item of a group to the heading of the next."""
TALL = 30
"""Rows from which the axis is labelled at the top, too."""
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


def marks_of(
    table: pl.DataFrame, statistic: str, item: str, group: pl.Expr, negative: pl.Expr | None = None
) -> pl.DataFrame:
    """Marks of a statistic of a table with stages, for `draw_before_after`."""
    return table.select(
        "method",
        "stage",
        "replicate",
        group=group,
        item=item,
        value=statistic,
        value_low=f"{statistic}_low",
        value_high=f"{statistic}_high",
        negative=pl.lit(False) if negative is None else negative,
    )


def draw_before_after(
    marks: pl.DataFrame,
    item_names: dict[str, str],
    label: str,
    *,
    negative: str | None = None,
    reference: float | None = None,
) -> Figure:
    """A panel for each method, a row for each item of each group, the changes at the right.

    Parameters
    ----------
    marks
        Columns method, stage (before, after or change), replicate, group, item, value, value_low,
        value_high, and negative: whether the mark points down. Groups and items come in the order
        of the rows. Of several replicates, each is a dot beside the mark of their mean.
    item_names
        How items are written.
    label
        Of the values.
    negative
        What a mark that points down means, for the legend.
    reference
        Value of a vertical line; the axis starts at 0 if there is none.
    """
    methods = sorted(marks["method"].unique())
    headings: dict[str, float] = {}
    places: dict[tuple[str, str], float] = {}
    row = 0.0
    for group in marks["group"].unique(maintain_order=True):
        items = marks.filter(group=group)["item"].unique(maintain_order=True)
        headings[group] = row
        places |= {(group, item): row + 1 + i for i, item in enumerate(items)}
        row += len(items) + GAP
    height = row - GAP + 1
    figure = Figure((style.PAGE, ROW * height + 0.9), layout="constrained")
    grid = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    for axes, method in zip(grid, methods, strict=True):
        axes.set_title(style.METHOD_NAMES.get(method, method), fontsize=8, loc="left", pad=8)
        axes.grid(axis="x")
        if reference is not None:
            axes.axvline(reference, color=style.NEUTRAL, linewidth=0.6)
        axes.text(1.02, 1, "change [interval]", transform=axes.transAxes, va="bottom", fontsize=6)
        axes.set_xlabel(label)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labeltop=height > TALL)
        axes.spines["left"].set_visible(False)
        _draw_rows(axes, marks.filter(method=method), places)
    grid[0].set_yticks(list(places.values()), [item_names.get(item, item) for _, item in places])
    grid[0].set_ylim(height - 0.4, -0.6)
    if reference is None:
        grid[0].set_xlim(left=0)
    for group, place in headings.items():
        heading = grid[-1].text(
            0.01,
            place,
            group,
            transform=blended_transform_factory(figure.transFigure, grid[-1].transData),
            va="center",
            weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        heading.set_in_layout(False)
    legend = [
        Line2D([], [], color=style.BEFORE, marker="o", markerfacecolor="white", label="before"),
        Line2D([], [], color=style.AFTER, marker="o", label="after fine-tuning"),
    ]
    if negative:
        legend.append(_neutral(negative, marker="v", linestyle=""))
    legend.append(_neutral("bootstrap interval", linewidth=0.9))
    if len(single(marks)):
        legend.append(_neutral("one training", marker=".", linestyle=""))
    figure.legend(handles=legend, loc="outside lower center", ncols=5, markerscale=0.7)
    return figure


def _neutral(label: str, **look: Any) -> Line2D:
    return Line2D([], [], color=style.NEUTRAL, label=label, **look)


def _draw_rows(axes: Axes, marks: pl.DataFrame, places: dict[tuple[str, str], float]) -> None:
    for mark in single(marks.filter(pl.col("stage") != "change")).iter_rows(named=True):
        offset, colour, _ = STAGES[mark["stage"]]
        height = places[mark["group"], mark["item"]] + offset
        axes.plot(mark["value"], height, ".", color=colour, markersize=2.5, alpha=0.6)
    by_row: dict[float, dict[str, dict[str, Any]]] = {}
    for mark in averaged(marks).iter_rows(named=True):
        by_row.setdefault(places[mark["group"], mark["item"]], {})[mark["stage"]] = mark
    for place, stages in by_row.items():
        ends = {
            name: (stages[name]["value"], place + offset)
            for name, (offset, *_) in STAGES.items()
            if stages[name]["value"] is not None
        }
        if len(ends) == 2:
            axes.annotate("", ends["after"], ends["before"], arrowprops=ARROW)
        for name, (value, height) in ends.items():
            mark, (_, colour, fill) = stages[name], STAGES[name]
            if mark["value_low"] is not None:
                axes.hlines(height, mark["value_low"], mark["value_high"], colour, linewidth=0.9)
            axes.plot(
                value,
                height,
                marker="v" if mark["negative"] else "o",
                linestyle="",
                color=colour,
                markerfacecolor=fill,
                markersize=4,
                markeredgewidth=0.9,
                clip_on=False,
            )
        axes.text(
            1.02,
            place,
            with_interval(stages["change"], "value", signed=True),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=6,
        )
