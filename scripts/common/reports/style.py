"""One look for all figures: sizes of a paper, colours and marks that also differ in grey."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from common import contract
from common.arrays import Floats
from common.command import provenance
from common.tables import whole

COLUMN, PAGE = 3.03, 6.3
"""Width in inches of a column and of the text of an ACL page."""
FIRST, LAST, NEUTRAL = "#0072B2", "#D55E00", "#666666"
"""Blue and vermilion of Okabe and Ito (2008), which colour-blind readers tell apart."""
HEXAGONS = 22
"""Hexagons of a density in an inch."""
CASED = [withStroke(linewidth=2.6, foreground="white")]
"""A white edge that lifts a line off a density."""
QUANTITY_NAMES = contract.QUANTITY_NAMES
METHOD_NAMES = {
    "integrated_gradients": "Integrated Gradients",
    "shapley": "Shapley values",
    "occlusion": "occlusion",
}

matplotlib.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 7,
        "axes.titlesize": 7,
        "axes.labelsize": 7,
        "xtick.labelsize": 6.5,
        "ytick.labelsize": 6.5,
        "legend.fontsize": 7,
        "figure.titlesize": 8,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.linewidth": 0.4,
        "grid.color": "#dddddd",
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "svg.hashsalt": "how sentence encoders weight words",
        "pdf.fonttype": 42,
    }
)

Limits = tuple[float, float, float, float]


def draw_density(
    axes: Axes, x: Floats, y: Floats, limits: Limits, inches: tuple[float, float]
) -> PolyCollection:
    """Tokens in regular hexagons, logarithmic.

    Parameters
    ----------
    limits
        Left, right, bottom and top of the hexagons.
    inches
        Width and height of the panel.
    """
    return axes.hexbin(
        x,
        y,
        gridsize=(round(HEXAGONS * inches[0]), round(HEXAGONS * inches[1] / 3**0.5)),
        extent=limits,
        mincnt=1,
        linewidths=0.1,
        cmap="cividis_r",
        norm=LogNorm(),
    )


def write_figure(figure: Figure, output_svg: Path, output_pdf: Path) -> None:
    """Write both files or neither; the same figure gives the same bytes."""
    about = f"config_hash {provenance().get('config_hash', 'unknown')}"
    with whole(output_svg) as svg, whole(output_pdf) as pdf:
        undated: dict[str, Any] = {"Date": None, "Description": about}
        figure.savefig(svg, format="svg", metadata=undated)
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Keywords": about})
