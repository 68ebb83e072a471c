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
from common.weights.steep_paths import SHARED_NODES, Line, Part, steepest_places

STEEP = 0.25
"""An interval that misses more than this share of its change is searched for a pole."""
NEAR = 1 / 32
"""Distance from the steepest place, of that to the end, of a node that tells what grows there."""
FOLDS = 10
"""Factors of e that distances shrink by towards the place, each of which may add as much."""
UNEVEN = 1 / 4
"""Of the difference of two nodes; what varies evenly they integrate exactly."""
LEFT = 0.7
"""Of what errors are allowed to be, to leave something to what is divided."""
DIVIDED = 2 * NODES + SHARED_NODES
"""Nodes of what an interval is divided into, at most."""
LEAST_NODES = FIRST * NODES


def refine(line: Line, tolerance: float, max_nodes: int) -> tuple[Tensor, Tensor, int]:
    """Contributions [n, d] of the tokens, and the error [n] of each, in the embedding's unit.

    And the nodes that another round would have taken in all, or 0 if none is needed.

    Intervals are chosen by slopes, one tangent a node, until they miss `tolerance` of the total
    over the root of n, about the mean weight; then by the tokens' errors, until the largest is
    `tolerance` times the mean weight, or `max_nodes`, LEAST_NODES at least, are spent.
    """
    tokens = line.plain.start.shape[1]
    total = float(line.changes([(0.0, 1.0)])[0].norm())
    parts = fresh = _parts(line, even_intervals())
    while fresh:
        _measure_slopes(line, fresh)
        affordable = (max_nodes - sum(part.nodes for part in parts)) // DIVIDED
        missed = np.array([[part.missed] for part in parts])
        worst = _worst(missed, tolerance * total / math.sqrt(tokens))[: max(affordable, 0)]
        parts, fresh = _split(line, parts, worst)
    fresh = parts
    while True:
        for part in fresh:
            _measure_tokens(line, part)
        contributions = torch.stack([p.contributions for p in parts]).sum(0)
        error = torch.stack([p.error for p in parts]).norm(dim=0)
        allowed = tolerance * float(contributions.norm(dim=1).mean())
        worst = _worst(torch.stack([p.error for p in parts]).numpy(), allowed)
        affordable = (max_nodes - line.nodes) // DIVIDED
        if not worst or affordable <= 0:
            return contributions, error, line.nodes + DIVIDED * len(worst) if worst else 0
        parts, fresh = _split(line, parts, worst[:affordable])


def _parts(line: Line, intervals: list[Interval]) -> list[Part]:
    changes = line.changes([(i.low, i.high) for i in intervals])
    return [Part(*both) for both in zip(intervals, changes, strict=True)]


def _worst(errors: np.ndarray, allowed: float) -> list[int]:
    """The fewest parts, the worst first, without which errors [parts, n] are LEFT of `allowed`.

    None if they are not above it. Errors of parts are vectors of their own, so squares add up.
    """
    order = np.argsort(errors.max(1), kind="stable")
    sums = np.sqrt((errors[order] ** 2).cumsum(0)).max(1)
    return order[sums > LEFT * allowed][::-1].tolist() if sums[-1] > allowed else []


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
    is known of the tokens' sum, and taken to hold for each.
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
        part.contributions, part.error = found, ratio * gap.norm(dim=1)
        return
    slopes = derivatives.sum(1)
    shares = (_weighted(weights, derivatives * slopes[:, None]).sum(1)) / float(
        torch.from_numpy(weights) @ slopes.square().sum(1)
    )
    part.contributions = shares[:, None] * part.change
    part.error = torch.full_like(shares, whole)


def _share(line: Line, part: Part) -> None:
    """Share out the change in the proportions of the steepest place, and integrate what is left.

    The derivatives less their proportions of the slope sum up to nothing, and are smooth where the
    steep scalar is the only one: a node in the middle of either side serves. The error is of the
    difference of the two, what is left at the steepest place itself, as wide as it is, and what
    grows towards it, as a fourth node tells.
    """
    low, high = part.interval.low, part.interval.high
    pole = steepest_places(line, [part])[0]
    near = NEAR * (high - pole if high - pole > pole - low else low - pole)
    places = np.array([pole, (low + pole) / 2, (pole + high) / 2, pole + near])
    derivatives = line.derivatives_at(places, True)
    slopes = derivatives.sum(1)
    shares = derivatives[0] @ slopes[0] / slopes[0].square().sum()
    rest = derivatives - shares[:, None] * slopes[:, None]
    smooth = (pole - low) * rest[1] + (high - pole) * rest[2]
    steep = rest[0].norm(dim=1) * part.change.norm() / slopes[0].norm()
    part.contributions = shares[:, None] * part.change + smooth
    grows = FOLDS * abs(near) * (rest[3] - rest[2 if near > 0 else 1]).norm(dim=1)
    part.error = steep + grows + UNEVEN * (high - low) * (rest[1] - rest[2]).norm(dim=1)


def _weighted(weights: np.ndarray, derivatives: Tensor) -> Tensor:
    return torch.einsum("k,knd->nd", torch.from_numpy(weights), derivatives)
