"""Draw weight against each quantity, by each encoder of a comparison."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.arrays import Floats
from common.command import InputError, run
from common.contract import REGRESSION
from common.correlations.weighed_tokens import of_quantity, read_tokens, unit_of
from common.reports import style
from common.tables import read_table

PANEL = 1.1
"""Height of a panel in inches."""
CHARACTERS = 14
"""Characters of a title in an inch."""


def statistics_text(row: dict[str, float | None]) -> str:
    """R squared with its interval and the slope, as the regression table has them."""
    if row["r_squared"] is None or row["slope"] is None:
        return "R² undefined"
    interval = f"[{row['r_squared_low']:.2f}, {row['r_squared_high']:.2f}]"
    slope = f"{row['slope']:+#.2g}".rstrip(".").replace("-", "\N{MINUS SIGN}")
    return f"R² = {row['r_squared']:.2f}\n{interval}\nslope {slope}"


def draw_panel(
    axes: Axes, x: Floats, y: Floats, *, row: dict, top: float, inches: float
) -> PolyCollection:
    """Density of the tokens, the regression line and its statistics above."""
    ends = np.array([x.min(), x.max()])
    hexagons = style.draw_density(axes, x, y, (ends[0], ends[1], 0, top), (inches, PANEL))
    if row["slope"] is not None:
        line = row["intercept"] + row["slope"] * ends
        axes.plot(ends, line, color=style.LAST, path_effects=style.CASED)
    axes.set_ylim(0, top)
    axes.set_title(statistics_text(row), linespacing=1.25, pad=3)
    axes.xaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    return hexagons


def main(
    *,
    weights: list[Path],
    encoders: list[str],
    information: Path,
    surprisal: Path | None = None,
    regression: Path,
    output_svg: Path,
    output_pdf: Path,
    comparison: str,
    corpus: str,
    method: str,
    quantities: list[str],
    minimum_count: int,
    largest_error: float | None = None,
) -> None:
    """Draw weight (a norm) against each quantity (nats), a row of panels for each encoder.

    Every printed number and line comes from the regression table.

    Example: python scripts/plot_regressions.py --weights masked_lm.parquet adjacent.parquet
    --encoders masked_lm adjacent --information information.parquet
    --regression tables/regression.parquet
    --output-svg adjacent.svg --output-pdf adjacent.pdf --comparison adjacent --corpus held_out
    --method shapley --quantities self_information information_gain_bayes --minimum-count 20

    Parameters
    ----------
    weights
        Weights of the same tokens by each of the encoders in turn; of several trainings, the first
        is drawn.
    encoders
        Names of the encoders in the regression table.
    information
        Quantities of the token types.
    surprisal
        Surprisal of the same tokens; needed for the quantity surprisal.
    regression
        Table of regressions that holds this comparison, corpus and method.
    output_svg
        The figure, for the web.
    output_pdf
        The figure, for a paper.
    comparison
        Name of the comparison in the regression table.
    corpus
        Name of the corpus in the regression table.
    method
        Name of the method in the regression table.
    quantities
        Columns of the figure.
    minimum_count
        Types counted fewer times are left out, as in the regression.
    largest_error
        Sentences with larger errors in any table are left out, as in the regression.
    """
    tables = {f"weight_{number}": path for number, path in enumerate(weights)}
    tokens = read_tokens(tables, information, surprisal, minimum_count, largest_error)
    chosen = {"comparison": comparison, "corpus": corpus, "method": method}
    rows = read_table(regression, REGRESSION).filter(**chosen, replicate=1)
    by_panel = {(row["stage"], row["quantity"]): row for row in rows.iter_rows(named=True)}
    width = len(quantities)
    inches = max(style.COLUMN, style.PAGE * (width + 1) / 7)
    figure = Figure((inches, len(encoders) * PANEL + 1.7), layout="constrained")
    grid = figure.subplots(len(encoders), width, sharex="col", sharey="row", squeeze=False)
    panels, across = [], (inches - 1.1) / width
    for j, quantity in enumerate(quantities):
        known = of_quantity(tokens, quantity, f"{weights[0]} with {information}")
        for i, encoder in enumerate(encoders):
            row = by_panel.get((i, quantity))
            if row is None or row["n"] != len(known):
                raise InputError(
                    f"{regression}: {'other tokens' if row else 'no row'} for {comparison}, "
                    f"{corpus}, {method}, {quantity}, {encoder}; correlate these inputs first"
                )
            x, y = known[quantity].to_numpy(), known[f"weight_{i}"].to_numpy()
            top = 1.05 * tokens[f"weight_{i}"].to_numpy().max()
            panels.append(draw_panel(grid[i, j], x, y, row=row, top=top, inches=across))
        label = textwrap.fill(f"{style.QUANTITY_NAMES[quantity]} (nats)", 17)
        grid[-1, j].set_xlabel(label, fontsize=6.5)
    for i, encoder in enumerate(encoders):
        grid[i, 0].set_ylabel(f"{encoder}\nweight (norm)")
    norm = LogNorm(1, max(2, *(np.asarray(panel.get_array()).max() for panel in panels)))
    for panel in panels:
        panel.set_norm(norm)
    label = f"{unit_of(information)}s in a hexagon"
    figure.colorbar(panels[0], ax=grid, label=label, aspect=40, pad=0.01, format="%d")
    how = style.METHOD_NAMES.get(method, method)
    title = f"{comparison}: {' → '.join(encoders)}, weighed on {corpus} by {how}"
    figure.suptitle(textwrap.fill(title, int(inches * CHARACTERS), break_on_hyphens=False))
    style.write_figure(figure, output_svg, output_pdf)


if __name__ == "__main__":
    run(main)
