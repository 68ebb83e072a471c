"""Integrated Gradients of one sentence, refined where its embedding changes fast along the path.

What an interval of the path misses is known: the difference of the embedding at its ends less the
sum of its contributions. A deep encoder changes by much within so short a piece of the path that
no rule resolves it; there one hidden scalar crosses, which tokens move in proportion to their
derivatives. So the difference across such a piece is shared out in the proportions of its steepest
place, found by bisection, and nodes crowd towards it from both sides.
"""

import math

import numpy as np
import torch
from torch import Tensor

from common.weights.intervals import FIRST, NODES, Interval, even_intervals
from common.weights.path_integral import SAFETY
from common.weights.steep_paths import SHARED_NODES, Line, Part, steepest_places

STEEP = 0.25
"""An interval that misses more than this share of its change is searched for a pole."""
FLANK = 1 / 8
"""Distance from the steepest place, in widths of a shared interval, that tells its error."""
DIVIDED = 2 * NODES + SHARED_NODES
"""Nodes of what an interval is divided into, at most."""
LEAST_NODES = FIRST * NODES


def refine(line: Line, tolerance: float, max_nodes: int) -> tuple[Tensor, Tensor, int]:
    """Contributions [n, d] of the tokens, and the error [n] of each, in the embedding's unit.

    And the nodes that another round would have taken in all, or 0 if none is needed.

    Intervals are chosen by slopes, one tangent a node, until they miss `tolerance` of the total;
    then by the tokens' errors, until the largest is `tolerance` times the mean weight, or
    `max_nodes`, LEAST_NODES at least, are spent.
    """
    total = float(line.changes([(0.0, 1.0)])[0].norm())
    parts = fresh = _parts(line, even_intervals())
    while fresh:
        _measure_slopes(line, fresh)
        affordable = (max_nodes - sum(part.nodes for part in parts)) // DIVIDED
        worst = _worst([part.missed for part in parts], tolerance * total, affordable)
        parts, fresh = _split(line, parts, worst)
    fresh = parts
    while True:
        for part in fresh:
            _measure_tokens(line, part)
        contributions = torch.stack([p.contributions for p in parts]).sum(0)
        error = torch.stack([p.error for p in parts]).sum(0)
        allowed = tolerance * float(contributions.norm(dim=1).mean())
        each = [float(p.error.max()) for p in parts]
        if error.max() <= allowed:
            return contributions, error, 0
        worst = _worst(each, allowed / 2, len(each))
        affordable = (max_nodes - line.nodes) // DIVIDED
        if affordable <= 0:
            return contributions, error, line.nodes + DIVIDED * len(worst)
        worst = worst[-affordable:]
        parts, fresh = _split(line, parts, worst)


def _parts(line: Line, intervals: list[Interval]) -> list[Part]:
    changes = line.changes([(i.low, i.high) for i in intervals])
    return [Part(*both) for both in zip(intervals, changes, strict=True)]


def _worst(missed: list[float], allowed: float, most: int) -> list[int]:
    """The fewest without which half of what is `allowed` is left; none if no more is missed."""
    order = np.argsort(missed, kind="stable")
    below = np.cumsum(np.array(missed)[order])
    if below[-1] <= allowed or most <= 0:
        return []
    return order[below > allowed / 2][-most:].tolist()


def _split(line: Line, parts: list[Part], worst: list[int]) -> tuple[list[Part], list[Part]]:
    """All parts with the worst cut up, and those that are new."""
    chosen = [parts[k] for k in sorted(worst)]
    searched = [
        part
        for part in chosen
        if part.interval.shared
        or (part.interval.even and part.missed > STEEP * float(part.change.norm()))
    ]
    poles = dict(zip(map(id, searched), steepest_places(line, searched), strict=True))
    intervals: list[Interval] = []
    for part in chosen:
        pole = poles.get(id(part), math.nan)
        intervals += part.interval.halves() if math.isnan(pole) else part.interval.around(pole)
    new = _parts(line, intervals)
    return [part for k, part in enumerate(parts) if k not in worst] + new, new


def _measure_slopes(line: Line, parts: list[Part]) -> None:
    for fine in (False, True):
        group = [part for part in parts if part.fine == fine and not part.interval.shared]
        if not group:
            continue
        rules = [part.interval.rule() for part in group]
        slopes = line.slopes_at(np.concatenate([rule[0] for rule in rules]), fine)
        for part, rule, each in zip(group, rules, slopes.split(NODES), strict=True):
            part.missed = float((torch.from_numpy(rule[1]) @ each - part.change).norm())


def _measure_tokens(line: Line, part: Part) -> None:
    """Integrate the tokens' derivatives on a part, or share out its change.

    How much smaller the error of seven nodes is than their difference from the embedded Gauss rule
    is known of the tokens' sum, and taken to hold for each, but for a factor of SAFETY.
    """
    if part.interval.shared:
        _share(line, part)
        return
    places, weights, gauss = part.interval.rule()
    derivatives = line.derivatives_at(places, part.fine)
    found = _weighted(weights, derivatives)
    gap = found - _weighted(gauss, derivatives)
    part.missed = float((found.sum(0) - part.change).norm())
    whole = float(part.change.norm())
    if part.missed <= whole:
        ratio = min(1.0, part.missed / max(float(gap.sum(0).norm()), 1e-30))
        part.contributions, part.error = found, SAFETY * ratio * gap.norm(dim=1)
        return
    slopes = derivatives.sum(1)
    shares = (_weighted(weights, derivatives * slopes[:, None]).sum(1)) / float(
        torch.from_numpy(weights) @ slopes.square().sum(1)
    )
    part.contributions = shares[:, None] * part.change
    part.error = torch.full_like(shares, whole)


def _share(line: Line, part: Part) -> None:
    """Share out the change in the proportions of the steepest place.

    The error is what they leave of the derivatives on its flank, if it were so all along.
    """
    low, high = part.interval.low, part.interval.high
    pole = steepest_places(line, [part])[0]
    side = 1 if high - pole > pole - low else -1
    places = np.array([pole, pole + side * FLANK * (high - low)])
    derivatives = line.derivatives_at(places, part.fine)
    slopes = derivatives.sum(1)
    shares = derivatives[0] @ slopes[0] / slopes[0].square().sum()
    off = (derivatives[1] - shares[:, None] * slopes[1]).norm(dim=1)
    reach = max(high - low, float(part.change.norm() / slopes[1].norm().clamp_min(1e-30)))
    part.contributions, part.error = shares[:, None] * part.change, off * reach


def _weighted(weights: np.ndarray, derivatives: Tensor) -> Tensor:
    return torch.einsum("k,knd->nd", torch.from_numpy(weights), derivatives)
