"""Integrated Gradients of one sentence, refined where its embedding changes fast along the path."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from common.weights.intervals import NODES, Interval, even_intervals
from common.weights.path_integral import PathIntegral

FLOAT32_RESOLVES = 1e-4
"""Finer distances along the path are float64's."""
STEEP = 0.25
"""An interval that misses more of the difference at its ends than this is searched for a pole."""
STEP = 0.2
"""Of what an interval's embedding changes by, on a thousandth of it: there is a pole."""
HALVINGS = 10
DEEPEST = 44


class Line:
    """The path of one sentence: values and derivatives at places from 0 to 1, float64.

    Values are passes of `double` alone, derivatives of `plain` where it resolves the places.
    """

    def __init__(self, plain: PathIntegral, double: PathIntegral) -> None:
        self.plain, self.double = plain, double
        self.known: dict[float, Tensor] = {}
        self.nodes = self.slopes_spent = 0

    def values(self, places: Sequence[float]) -> list[Tensor]:
        """Embeddings [d] at `places`, each passed once."""
        new = [place for place in dict.fromkeys(places) if place not in self.known]
        if new:
            self.known |= zip(new, self.double.values(np.array(new)), strict=True)
        return [self.known[place] for place in places]

    def differences(self, pairs: Sequence[tuple[float, float]]) -> list[Tensor]:
        """What the embedding changes by [d] from the first to the second of each pair."""
        values = self.values([place for pair in pairs for place in pair])
        return [high - low for low, high in zip(values[::2], values[1::2], strict=True)]

    def slopes(self, places: np.ndarray, fine: bool) -> Tensor:
        """Derivatives [m, d] along the path."""
        self.slopes_spent += len(places)
        return (self.double if fine else self.plain).slopes_at(places)

    def derivatives(self, places: np.ndarray, fine: bool) -> Tensor:
        """Derivatives [m, n, d] along the part of every token."""
        self.nodes += len(places)
        return (self.double if fine else self.plain).derivatives_at(places)


@dataclass
class Part:
    """An interval and what is known of it: the norm it misses, contributions [n, d], errors [n]."""

    interval: Interval
    change: Tensor
    missed: float = 0.0
    steepest: float = 0.0
    contributions: Tensor | None = None
    error: np.ndarray = field(default_factory=lambda: np.zeros(1))


def refine(line: Line, tolerance: float, max_nodes: int) -> tuple[Tensor, Tensor]:
    total = line.differences([(0.0, 1.0)])[0].norm()
    parts = _parts(line, even_intervals())
    fresh = parts
    while True:
        _measure_slopes(line, fresh)
        worst = _worst([p.missed for p in parts], tolerance * float(total))
        if not worst or sum(_cost(p) for p in parts) >= max_nodes:
            break
        parts, fresh = _split(line, parts, worst)
    fresh = parts
    while True:
        _measure_tokens(line, fresh)
        found = sum(p.contributions for p in parts)
        mean = float(found.norm(dim=1).mean())
        errors = sum(p.error for p in parts)
        if errors.max() <= tolerance * mean or line.nodes >= max_nodes:
            break
        worst = _worst([p.error.max() for p in parts], tolerance * mean)
        parts, fresh = _split(line, parts, worst)
    return found, torch.from_numpy(errors), parts


def _cost(part: Part) -> int:
    return 2 if part.interval.shared else NODES


def _parts(line: Line, intervals: list[Interval]) -> list[Part]:
    changes = line.differences([(i.low, i.high) for i in intervals])
    return [Part(*both) for both in zip(intervals, changes, strict=True)]


def _worst(missed: list[float], allowed: float) -> list[int]:
    """The fewest whose removal leaves half of what is `allowed`, if there is more than that."""
    order = np.argsort(missed, kind="stable")
    below = np.cumsum(np.array(missed)[order])
    if below[-1] <= allowed:
        return []
    return sorted(order[below > allowed / 2].tolist())


def _split(line: Line, parts: list[Part], worst: list[int]) -> tuple[list[Part], list[Part]]:
    chosen = [parts[k] for k in worst]
    search = [
        p for p in chosen
        if p.interval.shared or (p.interval.even and p.missed > STEEP * float(p.change.norm()))
    ]
    poles = dict(zip(map(id, search), _find_poles(line, search), strict=True))
    fresh = []
    for part in chosen:
        pole = poles.get(id(part))
        if pole is None:
            fresh += part.interval.halves()
        else:
            fresh += part.interval.around(pole)
    new = _parts(line, fresh)
    kept = [part for k, part in enumerate(parts) if k not in set(worst)]
    return kept + new, new


def _find_poles(line: Line, parts: list[Part]) -> list[float | None]:
    """Steepest places by bisection; None where the change is spread out."""
    brackets = [(p.interval.low, p.interval.high) for p in parts]
    going = [True] * len(parts)
    for depth in range(DEEPEST):
        active = [k for k, on in enumerate(going) if on]
        if not active:
            break
        halves = []
        for k in active:
            low, high = brackets[k]
            middle = (low + high) / 2
            halves += [(low, middle), (middle, high)]
        sizes = [float(d.norm()) for d in line.differences(halves)]
        for j, k in enumerate(active):
            first = sizes[2 * j] >= sizes[2 * j + 1]
            brackets[k] = halves[2 * j + (0 if first else 1)]
            size = max(sizes[2 * j : 2 * j + 2])
            whole = float(parts[k].change.norm())
            if depth + 1 == HALVINGS and size < STEP * whole and not parts[k].interval.shared:
                going[k] = False
                brackets[k] = None
            elif depth >= HALVINGS and size < 0.02 * whole or brackets[k][1] - brackets[k][0] < 1e-14:
                going[k] = False
    return [None if b is None else (b[0] + b[1]) / 2 for b in brackets]


def _fine(interval: Interval) -> bool:
    return interval.finest < FLOAT32_RESOLVES


def _measure_slopes(line: Line, parts: list[Part]) -> None:
    for fine in (False, True):
        group = [p for p in parts if not p.interval.shared and _fine(p.interval) == fine]
        if not group:
            continue
        rules = [p.interval.rule() for p in group]
        slopes = line.slopes(np.concatenate([r[0] for r in rules]), fine)
        for part, rule, slope in zip(group, rules, slopes.split(NODES), strict=True):
            part.missed = float((torch.from_numpy(rule[1]) @ slope - part.change).norm())


def _measure_tokens(line: Line, parts: list[Part]) -> None:
    for fine in (False, True):
        group = [p for p in parts if not p.interval.shared and _fine(p.interval) == fine]
        for part in group:
            places, kronrod, gauss = part.interval.rule()
            d = line.derivatives(places, fine)
            part.contributions = torch.einsum("k,knd->nd", torch.from_numpy(kronrod), d)
            gap = part.contributions - torch.einsum("k,knd->nd", torch.from_numpy(gauss), d)
            part.missed = float((part.contributions.sum(0) - part.change).norm())
            ratio = min(1.0, part.missed / max(float(gap.sum(0).norm()), 1e-30))
            part.error = (ratio * gap.norm(dim=1)).numpy()
            part.gap = gap.norm(dim=1).numpy()
    shared = [p for p in parts if p.interval.shared]
    poles = _find_poles(line, shared)
    for part, pole in zip(shared, poles, strict=True):
        low, high = part.interval.low, part.interval.high
        flank = pole + (high - low) / 30 * (1 if high - pole > pole - low else -1)
        d = line.derivatives(np.array([pole, flank]), True)
        slope = d.sum(1)
        share = (d[0] @ slope[0]) / slope[0].square().sum()
        part.contributions = share[:, None] * part.change
        off = (d[1] - share[:, None] * slope[1]).norm(dim=1) / slope[1].norm()
        part.error = (off * part.change.norm()).numpy()
        part.off0 = ((d[0] - share[:, None] * slope[0]).norm(dim=1) / slope[0].norm()).numpy()
        part.off = off.numpy()
        part.missed = float(part.change.norm())
