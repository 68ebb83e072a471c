"""Integrated Gradients of a vector-valued function, exact for every dimension at once.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (2017).
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

Embed = Callable[[Tensor], Tensor]
"""Input embeddings [b, n, h] to sentence embeddings [b, d], each sentence by itself."""

FEWEST_NODES = 8
POWER = 3


def quadrature(nodes: int, power=POWER) -> tuple[Tensor, Tensor]:
    points, weights = np.polynomial.legendre.leggauss(nodes)
    u, w = (points + 1) / 2, weights / 2
    return torch.from_numpy(u**power), torch.from_numpy(power * u ** (power - 1) * w)


def contributions_at(embed: Embed, points: Tensor, step: Tensor, batch_tokens: int) -> Tensor:
    """[b, n, d]"""
    b, n, _ = points.shape
    d = embed(points[:1]).shape[-1]
    chunk = max(1, batch_tokens // (b * n))
    if n > d:
        _, pull = vjp(embed, points)
        basis = torch.eye(d, dtype=points.dtype, device=points.device)

        def backward(cotangent):
            return (pull(cotangent.expand(b, d))[0] * step).sum(-1)

        return vmap(backward, out_dims=-1, chunk_size=chunk)(basis)
    basis = torch.eye(n, dtype=points.dtype, device=points.device)

    def forward(token):
        return jvp(embed, (points,), (step * token[:, None],))[1]

    return vmap(forward, out_dims=1, chunk_size=chunk)(basis)


def slope_at(embed, points, step):
    return jvp(embed, (points,), (step,))[1]
