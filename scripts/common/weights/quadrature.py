"""Gauss-Legendre quadrature along a path from 0 to 1, evenly or crowded around a place."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Parametrisation:
    """Change of variable a = centre + width sinh(u), which crowds nodes around `centre`.

    Layer normalisation puts poles near the straight path from a baseline to a sentence; moved
    away by this map, they let Gauss-Legendre quadrature converge with fewer nodes (Tee and
    Trefethen, "A rational spectral collocation method with adaptively transformed Chebyshev grid
    points", 2006). A large width leaves the path as it is.
    """

    centre: float
    width: float


STRAIGHT = Parametrisation(0.0, 1e3)
PATHS = [STRAIGHT] + [
    Parametrisation(c, w) for c in (0.0, 0.1, 0.2, 0.35) for w in (0.01, 0.03, 0.1, 0.3)
]


@cache
def quadrature(path: Parametrisation, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in [0, 1] and weights [nodes, 2] along `path`.

    The first weights are those of Gauss-Legendre quadrature, the second of the interpolating rule
    on every other node, to tell the error from.
    """
    x, gauss = np.polynomial.legendre.leggauss(nodes)
    few = x[1::2]
    moments = np.polynomial.legendre.legvander(few, len(few) - 1).T if len(few) else np.eye(0)
    weights = np.zeros((nodes, 2))
    weights[:, 0] = gauss
    weights[1::2, 1] = np.linalg.solve(moments, 2 * (np.arange(len(few)) == 0))
    low, high = np.arcsinh(np.array([-path.centre, 1 - path.centre]) / path.width)
    u = low + (high - low) * (x + 1) / 2
    jacobian = path.width * np.cosh(u) * (high - low) / 2
    return path.centre + path.width * np.sinh(u), jacobian[:, None] * weights


def points_along(
    start: Tensor, step: Tensor, path: Parametrisation, nodes: list[int], size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The points of all sentences, `size` at a time: sentence [m], points [m, n, h], weights
    [m, 2].

    Each sentence goes from `start` to `start` + `step` [b, n, h] by its number of `nodes`.
    """
    if not any(nodes):
        return
    owner = torch.repeat_interleave(torch.arange(len(nodes)), torch.tensor(nodes)).to(start.device)
    rules = [quadrature(path, count) for count in nodes if count]
    places = torch.from_numpy(np.concatenate([r[0] for r in rules])).to(start.device)
    weights = torch.from_numpy(np.concatenate([r[1] for r in rules])).to(start.device)
    precision = torch.promote_types(start.dtype, torch.float32)
    for rows in torch.arange(len(owner), device=start.device).split(size):
        here = owner[rows]
        along = places[rows].to(precision)[:, None, None]
        yield here, (start[here] + along * step[here]).to(start.dtype), weights[rows]
