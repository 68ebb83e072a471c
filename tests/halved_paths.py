"""Integrated Gradients of one sentence by halving alone, in float64: slow, and a judge of ours."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from common.weights.path_integral import PathIntegral

NODES = 6
FIRST = 8
SHORTEST = 1e-11


def integrate_by_halving(double: PathIntegral, tolerance: float) -> tuple[Tensor, int]:
    """Contributions [n, d] of the only sentence, and the derivative nodes that they took.

    Every interval has Gauss-Legendre nodes and is halved, down to SHORTEST, until it misses no more
    than `tolerance` of the total. Nothing is shared out and no place is looked for.
    """
    x, weights = np.polynomial.legendre.leggauss(NODES)
    x, half = (x + 1) / 2, torch.from_numpy(weights / 2)
    total = double.total.norm()
    edges = np.linspace(0, 1, FIRST + 1)
    waiting = list(pairwise(edges.tolist()))
    contributions = torch.zeros(double.start.shape[1], double.total.shape[1], dtype=torch.float64)
    nodes = 0
    while waiting:
        low, high = waiting.pop()
        width, places = high - low, low + (high - low) * x
        first, last = double.values(np.array([low, high]))
        missed = (last - first - width * half @ double.slopes_at(places)).norm()
        if missed > tolerance * total and width > SHORTEST:
            middle = (low + high) / 2
            waiting += [(low, middle), (middle, high)]
            continue
        nodes += NODES
        contributions += width * torch.einsum("k,knd->nd", half, double.derivatives_at(places))
    return contributions, nodes
