"""Time Integrated Gradients against captum and against the floor, side by side in one process."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import torch
from captum.attr import IntegratedGradients
from cyclopts import run
from shapes import SHAPES, draw_sentence, save_encoder
from torch import Tensor
from tqdm import tqdm

from common.encoders import Encoder
from common.memory import budget, in_passes
from common.path_integral import PathIntegral
from common.quadrature import STRAIGHT
from common.style import AFTER, BEFORE, COLUMN

NODES = 16
DIMENSIONS = 8


def seconds(computation: Callable[[], Tensor], device: str) -> tuple[float, Tensor]:
    """Wall time of `computation`, and what it gave."""
    began = time.perf_counter()
    result = computation()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


def measure(encoder: Encoder, tokens: int, repeats: int, memory: float) -> list[dict[str, float]]:
    """Seconds of ours, captum and the floor for one sentence at equal nodes, `repeats` times.

    captum attributes one dimension at a time; it is timed on DIMENSIONS of them and its time is
    scaled to all. The floor is n + 1 passes of the encoder a node, split as ours are.
    """
    ids = torch.tensor([encoder.tokenizer(draw_sentence(tokens, 0))["input_ids"]])
    end = encoder.embeddings(ids)
    start = torch.zeros_like(end)
    within = budget(memory, encoder.modules, encoder.device)
    captum = IntegratedGradients(encoder.embed)
    width = encoder.embed(end).shape[1]
    chosen = np.linspace(0, width - 1, DIMENSIONS).astype(int).tolist()
    passes = end.repeat(NODES * (tokens + 1), 1, 1)

    def ours() -> Tensor:
        return PathIntegral(encoder.embed, start, end, within).contributions(STRAIGHT, [NODES])[0]

    def theirs() -> Tensor:
        found = [
            captum.attribute(end, start, target=k, n_steps=NODES, method="gausslegendre")
            for k in chosen
        ]
        return torch.stack([part[0].sum(-1) for part in found], dim=1).cpu()

    rows = []
    for _ in range(repeats):
        our_seconds, a = seconds(ours, encoder.device)
        their_seconds, b = seconds(theirs, encoder.device)
        floor = seconds(lambda: in_passes(encoder.embed, passes, within=within), encoder.device)[0]
        difference = float((a[:, chosen] - b).norm() / b.norm())
        rows.append(
            {
                "tokens": tokens,
                "ours": our_seconds,
                "captum": their_seconds * width / DIMENSIONS,
                "floor": floor,
                "difference": difference,
            }
        )
    return rows


def summarise(frame: pl.DataFrame) -> pl.DataFrame:
    """Medians of the seconds, and min-median-max of the ratios."""
    shown = []
    for ratio in (pl.col("captum") / pl.col("ours"), pl.col("ours") / pl.col("floor")):
        parts = [ratio.min().round(2), ratio.median().round(2), ratio.max().round(2)]
        shown.append(pl.format("{} - {} - {}", *parts))
    return frame.group_by("encoder", "tokens", maintain_order=True).agg(
        ours_ms=(1000 * pl.col("ours").median()).round(0),
        captum_ms=(1000 * pl.col("captum").median()).round(0),
        captum_by_ours=shown[0],
        ours_by_floor=shown[1],
        difference=pl.col("difference").max(),
    )


def plot(frame: pl.DataFrame, path: Path) -> None:
    """Ratio of captum's time to ours by the length of the sentence."""
    figure, axes = plt.subplots(figsize=(COLUMN, 0.75 * COLUMN), layout="constrained")
    for colour, ((name,), part) in zip(
        (BEFORE, AFTER), frame.group_by("encoder", maintain_order=True), strict=False
    ):
        ratio = part.with_columns(ratio=pl.col("captum") / pl.col("ours"))
        by_length = ratio.group_by("tokens", maintain_order=True).agg(
            low=pl.col("ratio").min(), middle=pl.col("ratio").median(), high=pl.col("ratio").max()
        )
        around = [by_length["middle"] - by_length["low"], by_length["high"] - by_length["middle"]]
        axes.errorbar(
            by_length["tokens"], by_length["middle"], around, marker="o", color=colour, label=name
        )
    axes.set(xscale="log", yscale="log", xlabel="tokens of the sentence")
    axes.set_ylabel("time of captum / time of ours")
    axes.set_xticks(by_length["tokens"], by_length["tokens"])
    axes.legend()
    figure.savefig(path)


def main(
    *,
    output_table: Path = Path("results/benchmarks/attribution.parquet"),
    output_plot: Path = Path("docs/attribution.svg"),
    tokens: tuple[int, ...] = (8, 16, 32, 64),
    repeats: int = 5,
    device: str = "cpu",
    threads: int = 2,
    memory: float = 4.0,
) -> None:
    """Time Integrated Gradients against captum at equal nodes, on encoders with random weights."""
    torch.set_num_threads(threads)
    output_table.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as place, torch.no_grad():
        work = [(name, length) for name in SHAPES for length in tokens]
        for name, length in tqdm(work):
            directory = Path(place) / name
            if not directory.exists():
                encoder = Encoder(save_encoder(SHAPES[name], directory), device=device)
            rows += [{"encoder": name} | row for row in measure(encoder, length, repeats, memory)]
    frame = pl.DataFrame(rows)
    frame.write_parquet(output_table)
    plot(frame, output_plot)
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1):
        print(summarise(frame))


if __name__ == "__main__":
    run(main)
