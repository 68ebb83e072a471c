"""Statistics of the encoders of a comparison as rows of marks with intervals, and their changes."""

from itertools import pairwise
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from common.reports import style
from common.reports.trainings import averaged, encoders_of, single
from common.reports.wording import with_interval

ROW = 0.17
"""Height in inches of an item."""
SHOWN = 4
"""Encoders of a comparison that are all named."""
GAP = 1.6
"""Rows from the last item of a group to the heading of the next."""
TALL = 30
"""Rows from which the axis is labelled at the top, too."""
SPAN = 0.34
"""Rows from the mark of the first encoder to that of the last."""
ARROW: dict[str, Any] = {
    "arrowstyle": "-|>,head_width=0.12,head_length=0.25",
    "color": style.NEUTRAL,
    "linewidth": 0.6,
    "shrinkA": 2.5,
    "shrinkB": 2.5,
}


def weighed(table: pl.DataFrame) -> pl.Expr:
    """A group for each comparison and corpus of a table of all encoders, which names these."""
    series = {name: chain(encoders_of(rows)) for (name,), rows in table.group_by("comparison")}
    encoders = pl.col("comparison").replace_strict(series, return_dtype=pl.String)
    return pl.format("{}, {}: {}", "comparison", "corpus", encoders)


def chain(encoders: list[str]) -> str:
    """The encoders of a comparison in their order; of many, the first and the last."""
    if len(encoders) > SHOWN:
        return f"{encoders[0]} → … → {encoders[-1]} ({len(encoders)} encoders)"
    return " → ".join(encoders)


def colours(encoders: int) -> list[str]:
    """A colour for each encoder of a comparison, from the first's to the last's."""
    between = LinearSegmentedColormap.from_list("series", [style.FIRST, style.LAST])
    return [to_hex(between(stage / max(1, encoders - 1))) for stage in range(encoders)]


def marks_of(
    table: pl.DataFrame, statistic: str, item: str, group: pl.Expr, negative: pl.Expr | None = None
) -> pl.DataFrame:
    """Marks of a statistic of a table with stages, for `draw_series`."""
    return table.select(
        "method",
        "stage",
        "reference",
        "replicate",
        group=group,
        item=item,
        value=statistic,
        value_low=f"{statistic}_low",
        value_high=f"{statistic}_high",
        negative=pl.lit(False) if negative is None else negative,
    )


def draw_series(
    marks: pl.DataFrame,
    item_names: dict[str, str],
    label: str,
    *,
    negative: str | None = None,
    reference: float | None = None,
) -> Figure:
    """A panel for each method, a row for each item of each group, the last change at the right.

    Parameters
    ----------
    marks
        Columns method, stage, reference (null, or the encoder that the value is a change from),
        replicate, group, item, value, value_low, value_high, and negative: whether the mark points
        down. Groups and items come in the order of the rows. Of several replicates, each is a dot
        beside the mark of their mean.
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
    encoders = marks["stage"].n_unique()
    first, at_right = (
        ("first encoder", "change [interval]") if encoders > 1 else ("encoder", "value [interval]")
    )
    figure = Figure((style.PAGE, ROW * height + 0.9), layout="constrained")
    grid = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    for axes, method in zip(grid, methods, strict=True):
        axes.set_title(style.METHOD_NAMES.get(method, method), fontsize=8, loc="left", pad=8)
        axes.grid(axis="x")
        if reference is not None:
            axes.axvline(reference, color=style.NEUTRAL, linewidth=0.6)
        axes.text(1.02, 1, at_right, transform=axes.transAxes, va="bottom", fontsize=6)
        axes.set_xlabel(label)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labeltop=height > TALL)
        axes.spines["left"].set_visible(False)
        _draw_rows(axes, marks.filter(method=method), places, signed=reference == 0)
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
        Line2D([], [], color=style.FIRST, marker="o", markerfacecolor="white", label=first),
    ]
    if encoders > 1:
        legend.append(Line2D([], [], color=style.LAST, marker="o", label="last encoder"))
    if negative:
        legend.append(_neutral(negative, marker="v", linestyle=""))
    legend.append(_neutral("bootstrap interval", linewidth=0.9))
    if len(single(marks)):
        legend.append(_neutral("one training", marker=".", linestyle=""))
    figure.legend(handles=legend, loc="outside lower center", ncols=5, markerscale=0.7)
    return figure


def _neutral(label: str, **look: Any) -> Line2D:
    return Line2D([], [], color=style.NEUTRAL, label=label, **look)


def _draw_rows(
    axes: Axes, marks: pl.DataFrame, places: dict[tuple[str, str], float], *, signed: bool
) -> None:
    of_group = dict(marks.group_by("group").agg(pl.col("stage").n_unique()).rows())
    looks = {group: _looks(encoders) for group, encoders in of_group.items()}
    own = pl.col("reference").is_null()
    for mark in single(marks.filter(own)).iter_rows(named=True):
        offset, colour, _ = looks[mark["group"]][mark["stage"]]
        height = places[mark["group"], mark["item"]] + offset
        axes.plot(mark["value"], height, ".", color=colour, markersize=2.5, alpha=0.6)
    for (group, item), rows in averaged(marks).group_by("group", "item", maintain_order=True):
        place, ends = places[group, item], []
        values = rows.filter(own).drop_nulls("value").sort("stage")
        for mark in values.iter_rows(named=True):
            offset, colour, fill = looks[group][mark["stage"]]
            ends.append((mark["value"], place + offset))
            if mark["value_low"] is not None:
                axes.hlines(
                    ends[-1][1], mark["value_low"], mark["value_high"], colour, linewidth=0.9
                )
            axes.plot(
                *ends[-1],
                marker="v" if mark["negative"] else "o",
                linestyle="",
                color=colour,
                markerfacecolor=fill,
                markersize=4,
                markeredgewidth=0.9,
                clip_on=False,
            )
        for start, end in pairwise(ends):
            axes.annotate("", end, start, arrowprops=ARROW)
        last = rows.sort("stage", pl.col("reference").is_not_null()).row(-1, named=True)
        axes.text(
            1.02,
            place,
            with_interval(last, "value", signed=signed or last["reference"] is not None),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=6,
        )


def _looks(encoders: int) -> list[tuple[float, str, str]]:
    """Rows from the middle, colour and fill of the mark of each encoder; the first is hollow."""
    step = SPAN / max(1, encoders - 1)
    offsets = [SPAN * (encoders > 1) / -2 + step * stage for stage in range(encoders)]
    each = colours(encoders)
    return list(zip(offsets, each, ["white", *each[1:]], strict=True))
