"""Similarities attributed to pairs of tokens: ours against integrated Jacobians in reverse mode.

Integrated Jacobians (Moeller et al. 2023, 2024: xsbert) take one backward pass a dimension of the
embedding, with all nodes of the path in one batch. Ours takes contribution vectors in forward mode.
Equal sentences, nodes and encoder; theirs is timed on a few dimensions and scaled to all, whose
passes are alike. What both then do, a product of two small matrices, is part of ours alone.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from cyclopts import run
from shapes import SHAPES, draw_sentence, save_encoder
from torch import Tensor
from tqdm import tqdm

from common.encoders.encoder import Encoder
from common.memory import Budget, budget
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT, quadrature

NODES = 16


def by_jacobians(encoder: Encoder, end: Tensor, dimensions: list[int]) -> Tensor:
    """Contributions [n, dimensions] of the tokens of a sentence [1, n, h], from zero."""
    places, weights = (torch.from_numpy(each).float() for each in quadrature(STRAIGHT, NODES))
    points = (places[:, None, None] * end).requires_grad_()
    with torch.enable_grad():
        embedded = encoder.embed(points)
        rows = [
            torch.autograd.grad(embedded[:, k].sum(), points, retain_graph=True)[0]
            for k in dimensions
        ]
    jacobian = torch.einsum("p,kpnh->knh", weights[:, 0], torch.stack(rows))
    return torch.einsum("knh,nh->nk", jacobian, end[0])


def by_ours(encoder: Encoder, end: Tensor, within: Budget) -> Tensor:
    """Contributions [n, d] of the tokens of a sentence [1, n, h], from zero."""
    start = torch.zeros_like(end)
    return PathIntegral(encoder.embed, start, end, within).contributions(STRAIGHT, [NODES])[0]


def main(
    *,
    shapes: tuple[str, ...] = ("MiniLM", "BERT-base"),
    tokens: tuple[int, ...] = (8, 16),
    pairs: int = 3,
    dimensions: int = 8,
    threads: int = 1,
    output_table: Path = Path("results/benchmarks/pairs.parquet"),
) -> None:
    """Time both on pairs of random sentences, a row a pair.

    Parameters
    ----------
    shapes
        Of MiniLM, BERT-base and default.
    tokens
        Tokens of each sentence, special ones counted.
    pairs
        Pairs of each length.
    dimensions
        That reverse mode is timed on, and both are compared in.
    threads
        Threads of the processor.
    output_table
        Seconds of every pair, and the relative difference of the contributions (Parquet).
    """
    torch.set_num_threads(threads)
    rows = []
    for shape in shapes:
        with tempfile.TemporaryDirectory() as place:
            encoder = Encoder(save_encoder(SHAPES[shape], Path(place)), device="cpu")
        within = budget(4, encoder.modules, encoder.device)
        width = SHAPES[shape].width
        chosen = np.linspace(0, width - 1, dimensions).astype(int).tolist()
        for length in tokens:
            for pair in tqdm(range(-1, pairs), desc=f"{shape}, {length} tokens"):
                texts = [draw_sentence(length, 2 * pair + side + 2) for side in (0, 1)]
                ends = [
                    encoder.embeddings(torch.tensor([encoder.tokenizer(text)["input_ids"]]))
                    for text in texts
                ]
                began = time.perf_counter()
                theirs = [by_jacobians(encoder, end, chosen) for end in ends]
                middle = time.perf_counter()
                ours = [by_ours(encoder, end, within) for end in ends]
                attributions = ours[0] @ ours[1].T
                ended = time.perf_counter()
                if pair < 0:  # the first measures what passes hold
                    continue
                assert attributions.shape == (length, length)
                gap = max(
                    float((a[:, chosen] - b).norm() / b.norm())
                    for a, b in zip(ours, theirs, strict=True)
                )
                scaled = (middle - began) * width / dimensions
                seconds = ended - middle
                rows.append([shape, length, pair, seconds, scaled, scaled / seconds, gap])
    names = ["shape", "tokens", "pair", "ours", "jacobians", "ratio", "difference"]
    frame = pl.DataFrame(rows, names, orient="row")
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    ratio = [pl.col("ratio").min(), pl.col("ratio").median(), pl.col("ratio").max()]
    shown = frame.group_by("shape", "tokens", maintain_order=True).agg(
        ours_s=pl.col("ours").median().round(2),
        jacobians_s=pl.col("jacobians").median().round(0),
        jacobians_by_ours=pl.format("{} - {} - {}", *(part.round(0) for part in ratio)),
        difference=pl.col("difference").max(),
    )
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1):
        sys.stdout.write(f"{threads} threads, {NODES} nodes, {pairs} pairs of each length\n")
        sys.stdout.write(f"{shown}\n")


if __name__ == "__main__":
    run(main)
