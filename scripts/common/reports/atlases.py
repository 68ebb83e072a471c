"""Encoders side by side: what their weights follow, how good they are, who agrees with whom."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.arrays import Floats
from common.reports import style
from common.reports.trainings import averaged, single
from common.reports.wording import number

ROW = 0.24
"""Height in inches of an encoder."""
HEADS = 1.5
"""Inches of the heads of the columns, and of what is below the panels."""
DARK = 0.6
"""Of a scale from -1 to 1, beyond which numbers are white."""


def order_of(relations: pl.DataFrame, foremost: str) -> list[str]:
    """Encoders from the highest correlation of weight with the foremost quantity to the lowest."""
    of_foremost = averaged(relations).filter(quantity=foremost)
    ordered = of_foremost.sort("pearson", "stage", descending=[True, False], nulls_last=True)
    return ordered["encoder"].to_list()


def matrix_of(agreement: pl.DataFrame, encoders: list[str]) -> Floats:
    """Mean rho within sentences of the weights by every two encoders; 1 of one with itself."""
    place = {name: k for k, name in enumerate(encoders)}
    matrix = np.eye(len(encoders))
    for row in averaged(agreement).iter_rows(named=True):
        i, j = place[row["encoder"]], place[row["other"]]
        value = row["sentence_spearman"]
        matrix[i, j] = matrix[j, i] = np.nan if value is None else value
    return matrix


def draw_atlas(
    relations: pl.DataFrame,
    agreement: pl.DataFrame,
    similarity: dict[str, float | None] | None,
    quantities: list[str],
) -> Figure:
    """A row an encoder: r with the first quantity and its interval, r with all, agreement.

    Parameters
    ----------
    relations
        Regressions of one comparison, corpus and method.
    agreement
        Pairs of encoders of the same.
    similarity
        STS Spearman by encoder, if encoders were evaluated.
    quantities
        The columns of correlations, the foremost first.
    """
    encoders = order_of(relations, quantities[0])
    columns = len(quantities) + (similarity is not None)
    ratios = [1.6, 0.34 * columns, 0.34 * len(encoders)]
    size = (max(style.PAGE, 1.6 + sum(ratios)), ROW * len(encoders) + HEADS)
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(1, 3, sharey=True, width_ratios=ratios)
    _draw_intervals(axes[0], relations.filter(quantity=quantities[0]), encoders)
    axes[0].set_xlabel(f"r with {style.QUANTITY_NAMES[quantities[0]]}")
    table = np.array([[_value(relations, name, one) for one in quantities] for name in encoders])
    labels = [style.QUANTITY_NAMES[name] for name in quantities]
    if similarity is not None:
        of_each = [[similarity.get(name)] for name in encoders]
        table = np.hstack([table, np.array(of_each, float)])
        labels.append("STS Spearman")
    _draw_cells(axes[1], table, labels)
    _draw_cells(axes[2], matrix_of(agreement, encoders), encoders)
    axes[1].set_title("r with each quantity")
    axes[2].set_title("rho of weights, by two encoders")
    axes[0].set_yticks(range(len(encoders)), encoders)
    axes[0].set_ylim(len(encoders) - 0.5, -0.5)
    return figure


def _value(relations: pl.DataFrame, encoder: str, quantity: str) -> float:
    row = averaged(relations).filter(encoder=encoder, quantity=quantity)["pearson"]
    return float("nan") if row.is_empty() or row[0] is None else float(row[0])


def _draw_intervals(axes: Axes, relations: pl.DataFrame, encoders: list[str]) -> None:
    place = {name: k for k, name in enumerate(encoders)}
    axes.axvline(0, color=style.NEUTRAL, linewidth=0.6)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=5)
    for row in averaged(relations).drop_nulls("pearson").iter_rows(named=True):
        at = place[row["encoder"]]
        if row["pearson_low"] is not None:
            axes.hlines(at, row["pearson_low"], row["pearson_high"], style.LAST, linewidth=0.9)
        axes.plot(row["pearson"], at, "o", color=style.LAST, markersize=4)
    for row in single(relations).drop_nulls("pearson").iter_rows(named=True):
        axes.plot(row["pearson"], place[row["encoder"]] + 0.2, ".", color=style.LAST, markersize=2)


def _draw_cells(axes: Axes, values: Floats, labels: list[str]) -> None:
    shade: dict[str, Any] = {"cmap": "PuOr_r", "vmin": -1, "vmax": 1, "aspect": "auto"}
    axes.imshow(values, **shade)
    for (row, column), value in np.ndenumerate(values):
        text = "" if np.isnan(value) else number(value)
        colour = "white" if abs(value) > DARK else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=5.5, color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.tick_params(length=0)
