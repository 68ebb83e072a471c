"""Integrated Gradients of one sentence, refined where its embedding changes fast along the path.

What an interval of the path misses is known: the difference of the embedding at its ends less the
sum of its contributions. A deep encoder changes by much within so short a piece of the path that
no rule resolves it; there one hidden scalar crosses, which tokens move in proportion to their
derivatives. So the difference across such a piece is shared out in the proportions of its steepest
place, found by bisection, and nodes crowd towards it from both sides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from common.weights.intervals import FIRST, NODES, Interval, even_intervals
from common.weights.path_integral import SAFETY, PathIntegral

FLOAT32_RESOLVES = 1e-4
"""Distances along the path; finer ones are left to float64."""
STEEP = 0.25
"""An interval that misses more than this share of its change is searched for a pole."""
STEP = 0.2
"""There is one if so much of the change falls on one 2^-HALVINGS of the interval."""
HALVINGS = 10
SETTLED = 0.02
"""A steepest place is found when the change across it is this share of the interval's."""
SHORTEST = 1e-14
SHARED_NODES = 2
FLANK = 1 / 8
"""Distance from the steepest place, in widths of a shared interval, that tells its error."""
DIVIDED = 2 * NODES + SHARED_NODES
"""Nodes of what an interval is divided into, at most."""
LEAST_NODES = FIRST * NODES


class Line:
    """The path of one sentence: values and derivatives at places from 0 to 1, float64.

    Values are passes of the `double` encoder, derivatives of the `plain` one where float32
    resolves their places.
    """

    def __init__(self, plain: PathIntegral, double: PathIntegral) -> None:
        self.plain, self.double = plain, double
        self.known: dict[float, Tensor] = {}
        self.nodes = self.slopes = 0

    def changes(self, pairs: Sequence[tuple[float, float]]) -> list[Tensor]:
        """What the embedding changes by [d] from the first place of each pair to the second."""
        new = [p for p in dict.fromkeys(sum(pairs, ())) if p not in self.known]
        if new:
            self.known |= zip(new, self.double.values(np.array(new)), strict=True)
        return [self.known[high] - self.known[low] for low, high in pairs]

    def slopes_at(self, places: np.ndarray, distance: float) -> Tensor:
        """Derivatives [m, d] along the path at places so far apart."""
        self.slopes += len(places)
        return self._passes(distance).slopes_at(places)

    def derivatives_at(self, places: np.ndarray, distance: float) -> Tensor:
        """Derivatives [m, n, d] along the part of every token."""
        self.nodes += len(places)
        return self._passes(distance).derivatives_at(places)

    def _passes(self, distance: float) -> PathIntegral:
        return self.double if distance < FLOAT32_RESOLVES else self.plain


@dataclass
class Part:
    """An interval, the change [d] across it, and what is known of its integral.

    `missed` is a norm; `contributions` are [n, d], `error` [n] that of each.
    """

    interval: Interval
    change: Tensor
    missed: float = 0.0
    contributions: Tensor = field(default_factory=lambda: torch.zeros(0))
    error: Tensor = field(default_factory=lambda: torch.zeros(0))

    @property
    def nodes(self) -> int:
        """Derivative nodes that it takes."""
        return SHARED_NODES if self.interval.shared else NODES


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
    poles = dict(zip(map(id, searched), _steepest(line, searched), strict=True))
    intervals: list[Interval] = []
    for part in chosen:
        pole = poles.get(id(part), math.nan)
        intervals += part.interval.halves() if math.isnan(pole) else part.interval.around(pole)
    new = _parts(line, intervals)
    return [part for k, part in enumerate(parts) if k not in worst] + new, new


def _steepest(line: Line, parts: list[Part]) -> list[float]:
    """The steepest place of each, by bisection; NaN where no step makes up much of the change."""
    brackets = {k: (part.interval.low, part.interval.high) for k, part in enumerate(parts)}
    places = [math.nan] * len(parts)
    halvings = 0
    while brackets:
        halvings += 1
        halves = [
            half for a, b in brackets.values() for half in ((a, (a + b) / 2), ((a + b) / 2, b))
        ]
        sizes = [float(change.norm()) for change in line.changes(halves)]
        for number, k in enumerate(list(brackets)):
            two = slice(2 * number, 2 * number + 2)
            size, (low, high) = max(zip(sizes[two], halves[two], strict=True))
            whole = float(parts[k].change.norm())
            brackets[k] = low, high
            if halvings == HALVINGS and size < STEP * whole and not parts[k].interval.shared:
                del brackets[k]
            elif (halvings >= HALVINGS and size < SETTLED * whole) or high - low < SHORTEST:
                places[k] = (low + high) / 2
                del brackets[k]
    return places


def _measure_slopes(line: Line, parts: list[Part]) -> None:
    for part in parts:
        if not part.interval.shared:
            places, weights, _ = part.interval.rule()
            slopes = line.slopes_at(places, part.interval.finest)
            part.missed = float((torch.from_numpy(weights) @ slopes - part.change).norm())


def _measure_tokens(line: Line, part: Part) -> None:
    """Integrate the tokens' derivatives on a part, or share out its change.

    How much smaller the error of seven nodes is than their difference from the embedded Gauss rule
    is known of the tokens' sum, and taken to hold for each, but for a factor of SAFETY.
    """
    if part.interval.shared:
        _share(line, part)
        return
    places, weights, gauss = part.interval.rule()
    derivatives = line.derivatives_at(places, part.interval.finest)
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
    pole = _steepest(line, [part])[0]
    side = 1 if high - pole > pole - low else -1
    places = np.array([pole, pole + side * FLANK * (high - low)])
    derivatives = line.derivatives_at(places, part.interval.finest)
    slopes = derivatives.sum(1)
    shares = derivatives[0] @ slopes[0] / slopes[0].square().sum()
    off = (derivatives[1] - shares[:, None] * slopes[1]).norm(dim=1)
    reach = max(high - low, float(part.change.norm() / slopes[1].norm().clamp_min(1e-30)))
    part.contributions, part.error = shares[:, None] * part.change, off * reach


def _weighted(weights: np.ndarray, derivatives: Tensor) -> Tensor:
    return torch.einsum("k,knd->nd", torch.from_numpy(weights), derivatives)
