"""Seconds of Integrated Gradients: ours, captum's and the floor."""

import time
from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients
from shapes import draw_sentence
from torch import Tensor

from common.encoders.encoder import Encoder
from common.memory import Budget, peak_bytes
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT

NODES = 16
DIMENSIONS = 8


def seconds(computation: Callable[[], Tensor], device: str) -> tuple[float, Tensor]:
    """Wall time of `computation`, and what it gave."""
    began = time.perf_counter()
    result = computation()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


def time_gradients(
    encoder: Encoder, tokens: int, repeats: int, within: Budget
) -> list[dict[str, float]]:
    """One sentence at equal nodes, a row a repeat; `difference` is relative, over all compared.

    captum attributes one dimension at a time; it is timed on DIMENSIONS of them and its time is
    scaled to all. The floor is n + 1 passes of the encoder a node, split as ours are. That a job
    measures what its passes hold, once, is not counted.
    """
    ids = torch.tensor([encoder.tokenizer(draw_sentence(tokens, 0))["input_ids"]])
    end = encoder.embeddings(ids)
    start = torch.zeros_like(end)
    captum = IntegratedGradients(encoder.embed)
    width = encoder.embed(end).shape[1]
    chosen = np.linspace(0, width - 1, DIMENSIONS).astype(int).tolist()
    passes = end.repeat(NODES * (tokens + 1), 1, 1)
    rows_of_pass = within.rows(peak_bytes(lambda: encoder.embed(end)))

    def ours() -> Tensor:
        return PathIntegral(encoder.embed, start, end, within).contributions(STRAIGHT, [NODES])[0]

    def theirs() -> Tensor:
        found = [
            captum.attribute(end, start, target=k, n_steps=NODES, method="gausslegendre")
            for k in chosen
        ]
        return torch.stack([part[0].sum(-1) for part in found], dim=1).cpu()

    def floor() -> Tensor:
        return torch.cat([encoder.embed(part) for part in passes.split(rows_of_pass)])

    rows = []
    PathIntegral(encoder.embed, start, end, within).contributions(STRAIGHT, [1])
    for _ in range(repeats):
        our_seconds, a = seconds(ours, encoder.device)
        their_seconds, b = seconds(theirs, encoder.device)
        rows.append(
            {
                "tokens": tokens,
                "ours": our_seconds,
                "captum": their_seconds * width / DIMENSIONS,
                "floor": seconds(floor, encoder.device)[0],
                "difference": float((a[:, chosen] - b).norm() / b.norm()),
            }
        )
    return rows
