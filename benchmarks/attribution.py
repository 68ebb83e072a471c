"""Compare our attributions with captum's and shap's: time, evaluations, error."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import torch
from cyclopts import run
from matplotlib.axes import Axes
from ratios import spread
from shapes import SHAPES, save_encoder
from timed_gradients import time_gradients
from timed_shapley import choose_texts, time_shapley
from tqdm import tqdm

from common.encoders.encoder import Encoder
from common.memory import budget
from common.reports.style import FIRST, LAST, NEUTRAL, PAGE

PLAYERS = (8, 10, 12)
RATIOS = (3, 10, 30, 100)
COLOURS = {"default": NEUTRAL, "MiniLM": FIRST, "BERT-base": LAST, "trained": "#009E73"}


def show(title: str, frame: pl.DataFrame) -> None:
    """Print a table as Markdown."""
    print(f"\n{title}\n")
    with pl.Config(
        tbl_formatting="MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=200,
    ):
        print(frame)


def plot_ratio(axes: Axes, frame: pl.DataFrame, by: str, peer: str, label: str) -> None:
    """Median of the peer's time over ours, with its range, a line an encoder."""
    for (name,), part in frame.group_by("encoder", maintain_order=True):
        ratio = pl.col(peer) / pl.col("ours")
        found = part.group_by(by, maintain_order=True).agg(
            low=ratio.min(), middle=ratio.median(), high=ratio.max()
        )
        around = [found["middle"] - found["low"], found["high"] - found["middle"]]
        axes.errorbar(
            found[by], found["middle"], around, marker="o", color=COLOURS[name], label=name
        )
        axes.set_xticks(found[by], found[by])
    axes.set(yscale="log", xlabel=label, ylabel=f"time of {peer} / time of ours")
    axes.set_yticks(RATIOS, RATIOS)
    axes.minorticks_off()


def least_budgets(shapley: pl.DataFrame) -> pl.DataFrame:
    """The rows of the fewest evaluations whose median error is below shap's."""
    group = ["encoder", "players"]
    better = pl.col("our_error").median() < pl.col("shap_error").median()
    kept = shapley.filter(better.over(*group, "our_evaluations"))
    return kept.filter(pl.col("our_evaluations") == pl.col("our_evaluations").min().over(group))


def main(
    *,
    output_directory: Path = Path("results/benchmarks"),
    output_plot: Path = Path("docs/attribution.svg"),
    tokens: tuple[int, ...] = (8, 16, 32, 64),
    repeats: int = 3,
    evaluations: tuple[int, ...] = (8, 64, 128),
    trained: Path | None = None,
    sentences: Path | None = None,
    device: str = "cpu",
    threads: int = 2,
    memory: float = 4.0,
) -> None:
    """Compare with captum at equal nodes and with shap's default explainer.

    Parameters
    ----------
    output_directory
        Where the tables of all repeats go, as they come.
    output_plot
        Ratios of time (SVG).
    tokens
        Lengths of the sentences for Integrated Gradients, special tokens counted in.
    repeats
        Times that each comparison is made; captum's and ours in turn.
    evaluations
        Budgets of a sentence for our Shapley values; too small ones are raised to the least.
    trained
        An encoder (sentence-transformers) for Shapley values besides those of random weights.
    sentences
        What it explains, a sentence a line, of which those of the right length are taken.
    device
        cpu or cuda.
    threads
        Threads of the processor.
    memory
        GiB for our passes.
    """
    torch.set_num_threads(threads)
    output_directory.mkdir(parents=True, exist_ok=True)
    gradients, shapley = [], []
    with tempfile.TemporaryDirectory() as place, torch.no_grad():
        for name in [*SHAPES, *(["trained"] if trained else [])]:
            made = trained if name == "trained" else save_encoder(SHAPES[name], Path(place) / name)
            encoder = Encoder(made, device=device)
            within = budget(memory, encoder.modules, encoder.device)
            for length in tqdm(tokens if name in SHAPES else (), desc=f"gradients {name}"):
                rows = time_gradients(encoder, length, repeats, within)
                gradients += [{"encoder": name} | row for row in rows]
                pl.DataFrame(gradients).write_parquet(output_directory / "gradients.parquet")
            for players in tqdm(PLAYERS if name != "BERT-base" else (), desc=f"Shapley {name}"):
                chosen = sentences if name == "trained" else None
                texts = choose_texts(encoder, chosen, players, repeats + 1)
                rows = time_shapley(encoder, texts, within, evaluations)
                shapley += [{"encoder": name} | row for row in rows]
                pl.DataFrame(shapley).write_parquet(output_directory / "shapley.parquet")
    ig, sv = pl.DataFrame(gradients), pl.DataFrame(shapley)
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 0.4 * PAGE), layout="constrained")
    plot_ratio(axes[0], ig, "tokens", "captum", "tokens of the sentence")
    plot_ratio(axes[1], least_budgets(sv), "players", "shap", "tokens, special ones not counted")
    named = {bars.get_label(): bars for panel in axes for bars in panel.containers}
    figure.legend(named.values(), named.keys(), loc="outside right center")
    figure.savefig(output_plot, metadata={"Date": None})
    ig_table = ig.group_by("encoder", "tokens", maintain_order=True).agg(
        (pl.col("ours", "captum").median()).round_sig_figs(3).name.suffix(" s"),
        spread(pl.col("captum") / pl.col("ours")).alias("captum / ours"),
        spread(pl.col("ours") / pl.col("floor")).alias("ours / floor"),
        pl.col("difference").max().round_sig_figs(2),
    )
    sv_table = sv.group_by("encoder", "players", "our_evaluations", maintain_order=True).agg(
        pl.col("shap_evaluations").median(),
        (pl.col("ours", "shap").median()).round_sig_figs(3).name.suffix(" s"),
        spread(pl.col("shap") / pl.col("ours")).alias("shap / ours"),
        pl.col("our_error", "shap_error").median().round_sig_figs(2),
    )
    show("Integrated Gradients at 16 nodes", ig_table)
    show("Shapley values", sv_table)


if __name__ == "__main__":
    run(main)
