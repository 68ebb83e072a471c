"""Draw how an embedding moves along the path, and what one quadrature rule misses by its nodes."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from convergence import choose_sentences
from cyclopts import run

from common.encoders.encoder import Encoder
from common.memory import budget
from common.reports.style import FIRST, LAST, NEUTRAL, PAGE
from common.weights.integration import path_of
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT

BASELINES = {"zero": FIRST, "mask": LAST, "pad": NEUTRAL}
RESOLVED = 0.03
"""Of the total; what the embedding changes by from one place to the next."""
NARROW = 1e-4


def follow(double: PathIntegral) -> tuple[np.ndarray, torch.Tensor]:
    """Places from 0 to 1, denser where the embedding changes fast, and embeddings [m, d]."""
    places = np.linspace(0, 1, 33)
    values = double.values(places)
    while True:
        steps = values.diff(dim=0).norm(dim=1) / double.total.norm()
        large = np.flatnonzero((steps.numpy() > RESOLVED) & (np.diff(places) > 1e-12))
        if not len(large):
            return places, values
        middle = (places[large] + places[large + 1]) / 2
        order = np.argsort(np.concatenate([places, middle]))
        values = torch.cat([values, double.values(middle)])[order]
        places = np.concatenate([places, middle])[order]


def main(
    encoders: list[Path],
    text: str,
    *,
    names: list[str],
    nodes: tuple[int, ...] = (8, 16, 32, 64, 128, 256),
    output_plot: Path = Path("docs/convergence.svg"),
    memory: float = 4.0,
) -> None:
    """Draw the paths of one sentence: a row an encoder.

    Parameters
    ----------
    encoders
        Directories of sentence-transformers encoders.
    text
        The sentence.
    names
        Of the encoders, in the figure.
    nodes
        Of one Gauss-Legendre rule, captum's.
    output_plot
        The figure (SVG).
    memory
        GiB for the passes.
    """
    size = (PAGE, 0.36 * PAGE * len(encoders))
    figure, axes = plt.subplots(len(encoders), 2, figsize=size, layout="constrained", squeeze=False)
    for (left, right), directory, name in zip(axes, encoders, names, strict=True):
        encoder = Encoder(directory, device="cpu")
        within = budget(memory, encoder.modules, encoder.device)
        [sentence] = choose_sentences(encoder, [text], 1, 30)
        for baseline, colour in BASELINES.items():
            path = path_of(encoder, [sentence], baseline, within)
            double = PathIntegral(
                encoder.embed_double, path.start.double(), path.end.double(), within
            )
            places, values = follow(double)
            moved = (values - values[0]).norm(dim=1) / double.total.norm()
            left.plot(places, moved, color=colour, lw=1, label=baseline)
            missed = [float(path.completeness(STRAIGHT, [count])) for count in nodes]
            right.plot(nodes, missed, "o-", ms=3, color=colour, lw=1)
            steps = values.diff(dim=0).norm(dim=1).numpy()
            narrow = np.diff(places) < NARROW
            print(
                f"{name}, {baseline}: {len(places)} places, steepest slope "
                f"{(steps / np.diff(places)).max() / double.total.norm():.2g}, "
                f"{100 * steps[narrow].sum() / steps.sum():.0f} % of the way in steps "
                f"below {NARROW:g}; "
                + ", ".join(f"{n}: {100 * m:.2g} %" for n, m in zip(nodes, missed, strict=True))
            )
        left.set(title=name, xlabel="place on the path", ylabel="distance from start / total")
        right.set(xscale="log", yscale="log", xlabel="Gauss-Legendre nodes", ylabel="completeness")
        right.set_xticks(nodes, nodes)
        right.minorticks_off()
    axes[0, 0].legend(title="baseline", frameon=False)
    figure.savefig(output_plot, metadata={"Date": None})


if __name__ == "__main__":
    run(main)
