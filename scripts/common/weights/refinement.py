"""Integrated Gradients of one sentence, refined where its embedding changes fast along the path.

What an interval of the path misses is known: the difference of the embedding at its ends less the
sum of its contributions. A deep encoder changes by much within so short a piece of the path that
no rule resolves it; there one hidden scalar crosses, which tokens move in proportion to their
derivatives. So the difference across such a piece is shared out in the proportions of its steepest
place, found by bisection, and nodes crowd towards it from both sides.

Of an encoder and those that it was cut to, the whole is refined first, as if it were alone. A pass
tells of all; and the others are as steep at the same places, or not at all.
"""

import math
from dataclasses import dataclass
from functools import partial

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


@dataclass(frozen=True)
class Refined:
    """Contributions [n, d] of the tokens, and the error [n] of each, in the embedding's unit.

    The `nodes` that they took, and those that another round would have taken in all, or 0 if none
    is needed.
    """

    contributions: Tensor
    error: Tensor
    nodes: int
    wanted: int


def refine(line: Line, tolerance: float, max_nodes: int) -> list[Refined]:
    """Integrate along a path by each of its encoders.

    Intervals are chosen by slopes, one tangent a node, until they miss `tolerance` of the total
    over the root of n, about the mean weight; then by the tokens' errors, until the largest is
    `tolerance` times the mean weight and their sum misses no more than this share of the total, or
    `max_nodes`, LEAST_NODES at least, are spent. Those that were spent on another encoder are free.
    """
    parts = _parts(line, even_intervals())
    encoders = len(line.plain.side_by_side(parts[0].change))
    found = []
    for line.one in reversed(range(encoders)):
        parts = _divide_by_slopes(line, parts, tolerance, max_nodes)
        parts, refined = _divide_by_errors(line, parts, tolerance, max_nodes)
        found.append(refined)
    return found[::-1]


def _divide_by_slopes(
    line: Line, parts: list[Part], tolerance: float, max_nodes: int
) -> list[Part]:
    tokens = line.plain.start.shape[1]
    total = float(line.total.norm())
    while True:
        _measure_slopes(line, [part for part in parts if not part.missed.size])
        affordable = (max_nodes - sum(part.nodes for part in parts if part.fresh)) // DIVIDED
        missed = np.array([part.missed for part in parts])[:, [line.one]]
        worst = _worst(missed, tolerance * total / math.sqrt(tokens))[: max(affordable, 0)]
        if not worst:
            return parts
        parts = _split(line, parts, worst)


def _divide_by_errors(
    line: Line, parts: list[Part], tolerance: float, max_nodes: int
) -> tuple[list[Part], Refined]:
    """The parts in the end, and what they come to."""
    total = line.total
    before = line.nodes
    given = sum(part.nodes for part in parts if not part.fresh)
    while True:
        for part in parts:
            if part.fresh:
                _measure_tokens(line, part)
        contributions = torch.stack([line.of_one(p.contributions) for p in parts]).sum(0)
        errors = torch.stack([p.error[line.one] for p in parts])
        allowed = tolerance * float(contributions.norm(dim=1).mean())
        worst = _worst(errors.numpy(), allowed)
        beyond = float((contributions.sum(0) - total).norm()) > tolerance * float(total.norm())
        if beyond and not worst:
            worst = [int(np.argmax([part.missed[line.one] for part in parts]))]
        spent = line.nodes - before
        affordable = (max_nodes - spent) // DIVIDED
        if not worst or affordable <= 0:
            wanted = spent + DIVIDED * len(worst) if worst else 0
            return parts, Refined(contributions, errors.norm(dim=0), given + spent, wanted)
        parts = _split(line, parts, worst[:affordable])


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


def _split(line: Line, parts: list[Part], worst: list[int]) -> list[Part]:
    """The parts with the worst cut up, new ones last."""
    chosen = [parts[k] for k in sorted(worst)]
    searched = [part for part in chosen if part.interval.shared or _may_be_steep(line, part)]
    poles = dict(zip(map(id, searched), steepest_places(line, searched), strict=True))
    intervals: list[Interval] = []
    for part in chosen:
        pole = poles.get(id(part), math.nan)
        intervals += part.interval.halves() if math.isnan(pole) else part.interval.around(pole)
    return [part for k, part in enumerate(parts) if k not in worst] + _parts(line, intervals)


def _may_be_steep(line: Line, part: Part) -> bool:
    change = float(line.of_one(part.change).norm())
    return part.interval.even and bool(part.missed[line.one] > STEEP * change)


def _measure_slopes(line: Line, parts: list[Part]) -> None:
    sides = line.plain.side_by_side
    for part in parts:
        part.missed = np.zeros(len(sides(part.change)))
    for fine in (False, True):
        group = [part for part in parts if part.fine == fine and not part.interval.shared]
        if not group:
            continue
        rules = [part.interval.rule() for part in group]
        slopes = line.slopes_at(np.concatenate([rule[0] for rule in rules]), fine)
        for part, rule, each in zip(group, rules, slopes.split(NODES), strict=True):
            gap = torch.from_numpy(rule[1]) @ each - part.change
            part.missed = np.array([float(side.norm()) for side in sides(gap)])


def _measure_tokens(line: Line, part: Part) -> None:
    """Integrate the tokens' derivatives on a part, or share out its change, for each encoder."""
    if part.interval.shared:
        places = _around(part.interval, steepest_places(line, [part])[0])
        measure = partial(_share, part.interval, places)
    else:
        places, weights, gauss = part.interval.rule()
        measure = partial(_integrate, weights, gauss)
    derivatives = line.derivatives_at(places, part.fine)
    sides = zip(*map(line.plain.side_by_side, (derivatives, part.change)), strict=True)
    contributions, errors, missed = zip(*(measure(*side) for side in sides), strict=True)
    part.contributions, part.error = torch.cat(contributions, dim=1), torch.stack(errors)
    part.missed = np.array(missed)


def _integrate(
    weights: np.ndarray, gauss: np.ndarray, derivatives: Tensor, change: Tensor
) -> tuple[Tensor, Tensor, float]:
    """Contributions [n, d], their errors [n], and what they miss of the change.

    How much smaller the error of seven nodes is than their difference from the embedded Gauss rule
    is known of the tokens' sum, and taken to hold for each.
    """
    found = _weighted(weights, derivatives)
    gap = found - _weighted(gauss, derivatives)
    missed, whole = float((found.sum(0) - change).norm()), float(change.norm())
    if missed <= whole:
        ratio = min(1.0, missed / max(float(gap.sum(0).norm()), 1e-30))
        return found, ratio * gap.norm(dim=1), missed
    slopes = derivatives.sum(1)
    shares = (_weighted(weights, derivatives * slopes[:, None]).sum(1)) / float(
        torch.from_numpy(weights) @ slopes.square().sum(1)
    )
    return shares[:, None] * change, torch.full_like(shares, whole), missed


def _around(interval: Interval, pole: float) -> np.ndarray:
    """The steepest place of an interval, the middle of either side, and a place near it."""
    low, high = interval.low, interval.high
    near = NEAR * (high - pole if high - pole > pole - low else low - pole)
    return np.array([pole, (low + pole) / 2, (pole + high) / 2, pole + near])


def _share(
    interval: Interval, places: np.ndarray, derivatives: Tensor, change: Tensor
) -> tuple[Tensor, Tensor, float]:
    """Share out the change in the proportions of the steepest place, and integrate what is left.

    The derivatives less their proportions of the slope sum up to nothing, and are smooth where the
    steep scalar is the only one: a node in the middle of either side serves. The error is of the
    difference of the two, what is left at the steepest place itself, as wide as it is, and what
    grows towards it, as a fourth node tells.
    """
    pole, near = float(places[0]), float(places[3] - places[0])
    slopes = derivatives.sum(1)
    steepest = slopes[0].norm().clamp_min(1e-30)
    shares = derivatives[0] @ (slopes[0] / steepest) / steepest
    rest = derivatives - shares[:, None] * slopes[:, None]
    smooth = (pole - interval.low) * rest[1] + (interval.high - pole) * rest[2]
    steep = rest[0].norm(dim=1) * change.norm() / steepest
    grows = FOLDS * abs(near) * (rest[3] - rest[2 if near > 0 else 1]).norm(dim=1)
    uneven = UNEVEN * (interval.high - interval.low) * (rest[1] - rest[2]).norm(dim=1)
    return shares[:, None] * change + smooth, steep + grows + uneven, 0.0


def _weighted(weights: np.ndarray, derivatives: Tensor) -> Tensor:
    return torch.einsum("k,knd->nd", torch.from_numpy(weights), derivatives)
