"""Integrated Gradients of a vector-valued function, exact for every dimension at once.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (2017).
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from common.quadrature import PATHS, Parametrisation, points_along

Embed = Callable[[Tensor], Tensor]
"""Input embeddings [b, n, h] to sentence embeddings [b, d], each sentence by itself."""

FEWEST_NODES = 8
TRIAL_NODES = 12


def choose_path(embed: Embed, start: Tensor, end: Tensor, batch_tokens: int) -> Parametrisation:
    """The path of the smallest mean log completeness error at few nodes."""
    nodes = [TRIAL_NODES] * len(start)
    errors = [
        completeness(embed, start, end, path=path, nodes=nodes, batch_tokens=batch_tokens)
        for path in PATHS
    ]
    scores = [float(error.clamp_min(1e-6).log().mean()) for error in errors]
    return PATHS[int(np.argmin(scores))]


def integrate_path(
    embed: Embed,
    start: Tensor,
    end: Tensor,
    *,
    path: Parametrisation,
    tolerance: float,
    max_nodes: int,
    batch_tokens: int,
) -> tuple[Tensor, Tensor, list[int]]:
    """Contribution of every token to the change of the embedding from `start` to `end` [b, n, h].

    Returns contributions [b, n, d], the relative completeness error [b] of each sentence and its
    number of nodes, the first found to keep the error within `tolerance` or `max_nodes`. The sum of
    the contributions is one directional derivative, so nodes are chosen with one tangent a node.
    """
    nodes = choose_nodes(
        embed,
        start,
        end,
        path=path,
        tolerance=tolerance,
        max_nodes=max_nodes,
        batch_tokens=batch_tokens,
    )
    total = embed(end) - embed(start)
    contributions = torch.zeros(*start.shape[:2], total.shape[1], dtype=torch.float64)
    length = start.shape[1]
    for owner, points, weights in points_along(start, end, path, nodes, batch_tokens // length**2):
        part = contributions_at(embed, points, (end - start)[owner], batch_tokens).double()
        contributions.index_add_(0, owner.cpu(), (weights[:, None, None] * part).cpu())
    return contributions, relative(contributions.sum(1), total), nodes


def choose_nodes(
    embed: Embed,
    start: Tensor,
    end: Tensor,
    *,
    path: Parametrisation,
    tolerance: float,
    max_nodes: int,
    batch_tokens: int,
) -> list[int]:
    """Nodes that each sentence needs, extrapolating the geometric decay of its error."""
    count = len(start)
    nodes = [min(FEWEST_NODES, max_nodes)] * count
    decay = [math.log(10) / FEWEST_NODES] * count
    before: dict[int, tuple[int, float]] = {}
    left = list(range(count))
    while left:
        tried = [nodes[k] for k in left]
        errors = completeness(
            embed, start[left], end[left], path=path, nodes=tried, batch_tokens=batch_tokens
        ).tolist()
        open_ = []
        for k, error in zip(left, errors, strict=True):
            if not error > tolerance or nodes[k] >= max_nodes:
                continue
            if k in before and error < before[k][1]:
                decay[k] = math.log(before[k][1] / error) / (nodes[k] - before[k][0])
            before[k] = (nodes[k], error)
            more = min(math.log(error / tolerance) / decay[k], nodes[k])
            nodes[k] = min(nodes[k] + max(2, math.ceil(more)), max_nodes)
            open_.append(k)
        left = open_
    return nodes


def completeness(
    embed: Embed,
    start: Tensor,
    end: Tensor,
    *,
    path: Parametrisation,
    nodes: list[int],
    batch_tokens: int,
) -> Tensor:
    """Relative completeness error [b] of sentences integrated with `nodes` each."""
    total = embed(end) - embed(start)
    found = torch.zeros(total.shape, dtype=torch.float64)
    for owner, points, weights in points_along(
        start, end, path, nodes, batch_tokens // start.shape[1]
    ):
        slope = jvp(embed, (points,), ((end - start)[owner],))[1].double()
        found.index_add_(0, owner.cpu(), (weights[:, None] * slope).cpu())
    return relative(found, total)


def contributions_at(embed: Embed, points: Tensor, step: Tensor, batch_tokens: int) -> Tensor:
    """Derivatives [b, n, d] at `points` along the `step` of each token [b, n, h].

    Forward mode, a tangent for each token; reverse mode where there are fewer dimensions.
    """
    size, length, _ = points.shape
    width = embed(points[:1]).shape[1]
    chunk = max(1, batch_tokens // (size * length))

    def forward(token: Tensor) -> Tensor:
        return jvp(embed, (points,), (step * token[:, None],))[1]

    if length <= width:
        return vmap(forward, out_dims=1, chunk_size=chunk)(_basis(length, points))
    pull = vjp(embed, points)[1]

    def backward(dimension: Tensor) -> Tensor:
        return (pull(dimension.expand(size, width))[0] * step).sum(-1)

    return vmap(backward, out_dims=2, chunk_size=chunk)(_basis(width, points))


def relative(found: Tensor, total: Tensor) -> Tensor:
    """Norm of the difference over the norm of `total`, [b]; 0 where both are nothing."""
    total = total.double().cpu()
    return (found - total).norm(dim=1) / total.norm(dim=1).clamp_min(1e-30)


def _basis(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)
