"""Why norms of few dimensions follow the information gain better: cumulants of a word's scores.

With s(w') the score of w' after w, P(w' | w) = P(w') exp(s(w')) / Z, and its KL from P is
k2 / 2 + k3 / 3 + k4 / 8 + ..., k2, k3, k4 the cumulants of s under P. (K(t) = log E exp(t s) is
their generating function, and KL = K'(1) - K(1).) k2 / 2 is the metric norm of u_w; the norm of
u_w less the mean of all u, as in tables, takes the mean score of w' over all w away first.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from cyclopts import run
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from common.arrays import Floats
from common.corpora.grammar import divergence_from_marginal
from common.theory.static_encoder import fit
from common.theory.word_pairs import Cooccurrence, exact_pairs

SUMS = {"k2 / 2": 1, "k2 / 2 + k3 / 3": 2, "k2 / 2 + k3 / 3 + k4 / 8": 3}
"""How many of the terms each takes."""


def cumulants(scores: Floats, probability: Floats) -> Floats:
    """k2, k3 and k4 of each row of scores [types, types] under P [types]; [3, types]."""
    centred = scores - (scores @ probability)[:, None]
    second, third, fourth = ((centred**n) @ probability for n in (2, 3, 4))
    return np.stack([second, third, fourth - 3 * second**2])


def score_matrices(joint: Floats, dimensions: list[int]) -> Iterator[tuple[str, Floats]]:
    """Scores [types, types] at the optimum of all dimensions, which are PMI, and of fewer."""
    marginal = joint.sum(axis=1)
    yield "all", np.log(joint / np.outer(marginal, marginal))
    last = None
    for dimension in sorted(dimensions, reverse=True):
        last = fit(joint, dimension, tied=False, start=last)
        yield str(dimension), last.words @ last.contexts.T


def describe(scores: Floats, gain: Floats, marginal: Floats) -> dict[str, float]:
    """R2 and rho of each sum, and of the centred k2 / 2, with the exact gain; the median skew."""
    k2, k3, k4 = cumulants(scores, marginal)
    terms = np.cumsum([k2 / 2, k3 / 3, k4 / 8], axis=0)
    centred = cumulants(scores - marginal @ scores, marginal)[0] / 2
    found = {
        "skew": float(np.median(k3 / k2**1.5)),
        "R2 metric": float(np.corrcoef(centred, gain)[0, 1] ** 2),
        "rho metric": float(spearmanr(centred, gain).statistic),
    }
    for name, number in SUMS.items():
        found[f"R2 {name}"] = float(np.corrcoef(terms[number - 1], gain)[0, 1] ** 2)
        found[f"rho {name}"] = float(spearmanr(terms[number - 1], gain).statistic)
    return found


def draw(table: pl.DataFrame, output: Path) -> None:
    """R2 of the sums, and the skew, by dimension."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    places = np.arange(len(table))
    for name, marker in zip(SUMS, "o^s", strict=True):
        left.plot(places, table[f"R2 {name}"], marker=marker, label=name)
    left.set(ylabel="R² with the exact information gain", ylim=(None, 1.01))
    left.legend(frameon=False, fontsize=8)
    right.plot(places, table["skew"], marker="o", color="0.2")
    right.axhline(0, color="0.3", linewidth=0.6)
    right.set(ylabel="median skew of words' scores")
    for axes in (left, right):
        axes.set_xticks(places, table["dimensions"])
        axes.set_xlabel("dimensions of the vectors (all: PMI itself)")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(output, metadata={"Date": None})


def main(
    dimensions: list[int],
    *,
    cooccurrence: Cooccurrence = "adjacent",
    output_table: Path = Path("results/benchmarks/cumulants.csv"),
    output_plot: Path = Path("docs/cumulants.svg"),
) -> None:
    """Fit untied static encoders to the exact pairs of the generated language.

    Parameters
    ----------
    dimensions
        Of the vectors, an encoder each.
    cooccurrence
        Where the words of a pair stand.
    output_table
        R2, rho and skew of each (csv).
    output_plot
        The same, drawn (SVG).
    """
    _, joint = exact_pairs(cooccurrence)
    gain, marginal = divergence_from_marginal(joint), joint.sum(axis=1)
    rows = []
    for name, scores in score_matrices(joint, dimensions):
        rows.append({"dimensions": name} | describe(scores, gain, marginal))
        print(rows[-1], flush=True)
    table = pl.DataFrame(rows)
    output_table.parent.mkdir(parents=True, exist_ok=True)
    table.write_csv(output_table)
    draw(table, output_plot)


if __name__ == "__main__":
    run(main)
