"""Lines of statistics along a series of encoders: the course of a training, or layers."""

from dataclasses import dataclass

import matplotlib
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.reports import style
from common.reports.trainings import WITHOUT_NUMBER, averaged, single

HEIGHT = 1.75
"""Inches of a row of panels."""
Places = dict[int, int]
"""Steps or layers by stage."""


@dataclass(frozen=True)
class Line:
    """A statistic by stage: its mean over trainings with the interval, and single trainings.

    `mean` has the columns stage, value, low and high; `each` stage and value.
    """

    label: str
    colour: str
    mean: pl.DataFrame
    each: pl.DataFrame


def line_of(table: pl.DataFrame, statistic: str, label: str, colour: str) -> Line:
    """The line of a statistic of a table with stages and replicates."""
    low, high = f"{statistic}_low", f"{statistic}_high"
    mean = averaged(table).sort("stage").select("stage", value=statistic, low=low, high=high)
    return Line(label, colour, mean, single(table).select("stage", value=statistic))


def lines_of(table: pl.DataFrame, statistic: str, quantities: list[str]) -> list[Line]:
    """A line for each of the quantities."""
    colours = [style.LAST, style.NEUTRAL]
    return [
        line_of(table.filter(quantity=quantity), statistic, style.QUANTITY_NAMES[quantity], colour)
        for quantity, colour in zip(quantities, colours, strict=False)
    ]


def bands_of(classes: pl.DataFrame) -> list[Line]:
    """A line for each frequency band: its weight relative to the mean token's."""
    rows = classes.filter(pl.col("reference").is_null(), grouping="zipf_band")
    bands = sorted(rows["group"].unique())
    colours = matplotlib.colormaps["cividis"]
    return [
        line_of(
            rows.filter(group=band),
            "relative_weight",
            band,
            matplotlib.colors.to_hex(colours(k / max(len(bands) - 1, 1))),
        )
        for k, band in enumerate(bands)
    ]


def similarity_of(encoders: pl.DataFrame, stages: dict[int, str]) -> Line:
    """Spearman's rho of cosine and score by stage, of encoders whose trainings are numbered."""
    named = encoders.select(encoder=WITHOUT_NUMBER, value="sts_spearman")
    by_stage = pl.DataFrame({"stage": list(stages), "encoder": list(stages.values())})
    each = by_stage.join(named, "encoder", how="inner").select("stage", "value")
    none = pl.lit(None, pl.Float64)
    mean = each.group_by("stage").agg(pl.col("value").mean()).with_columns(low=none, high=none)
    several = each if len(each) > len(mean) else each.clear()
    return Line("", style.FIRST, mean.sort("stage"), several)


def draw_courses(
    rows: dict[str, list[tuple[str, list[Line]]]],
    similarity: Line | None,
    places: Places,
    label: str,
    *,
    logarithmic: bool,
) -> Figure:
    """A row of panels for each method, and one of the similarity of sentences.

    Parameters
    ----------
    rows
        Panels by the name of the method: the label of their values, and their lines.
    places
        Where a stage stands on the horizontal axis.
    label
        Of that axis.
    logarithmic
        Whether it is so, from the first place above 0, before which it is linear.
    """
    panels = len(next(iter(rows.values())))
    columns = panels + (similarity is not None)
    size = (style.PAGE * columns / 3.4, HEIGHT * len(rows) + 0.75)
    figure = Figure(size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True)
    for k, (method, row) in enumerate(rows.items()):
        for axes, (value, lines) in zip(grid[k], row, strict=False):
            _draw(axes, lines, places)
            axes.set_ylabel(value)
            axes.axhline(1 if "/" in value else 0, color=style.NEUTRAL, linewidth=0.5)
        grid[k][0].set_title(method, loc="left", weight="bold")
        if similarity is not None and k == 0:
            _draw(grid[k][-1], [similarity], places)
            grid[k][-1].set_ylabel("STS Spearman")
        elif similarity is not None:
            grid[k][-1].set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel(label)
    if logarithmic:
        first = min(place for place in places.values() if place > 0)
        grid[0][0].set_xscale("symlog", linthresh=first, linscale=0.5)
    if similarity is not None:
        grid[0][-1].set_xlabel(label)
        grid[0][-1].tick_params(labelbottom=True)
    for k, title in ((0, None), (panels - 1, "log10 per billion tokens")):
        handles, labels = grid[0][k].get_legend_handles_labels()
        figure.legend(
            *(handles, labels),
            title=title,
            loc="outside lower left" if k == 0 else "outside lower right",
            ncols=len(labels),
        )
    return figure


def _draw(axes: Axes, lines: list[Line], places: Places) -> None:
    for line in lines:
        x = [places[stage] for stage in line.mean["stage"]]
        axes.plot(x, line.mean["value"], ".-", color=line.colour, label=line.label, markersize=4)
        known = line.mean.drop_nulls("low")
        at = [places[stage] for stage in known["stage"]]
        low, high = known["low"].to_numpy(), known["high"].to_numpy()
        axes.fill_between(at, low, high, color=line.colour, alpha=0.15, linewidth=0)
        of_each = [places[stage] for stage in line.each["stage"]]
        axes.plot(of_each, line.each["value"], ".", color=line.colour, markersize=2, alpha=0.5)
    axes.grid(axis="y")
