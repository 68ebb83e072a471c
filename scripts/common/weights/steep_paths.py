"""The path of one sentence: what is known of its parts, and where it is steepest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from common.weights.intervals import NODES, Interval
from common.weights.path_integral import PathIntegral

FLOAT32_RESOLVES = 1e-4
"""Distances along the path; finer ones are left to float64."""
STEP = 0.2
"""There is one if so much of the change falls on one 2^-HALVINGS of the interval."""
HALVINGS = 10
SETTLED = 0.02
"""A steepest place is found when the change across it is this share of the interval's."""
SHORTEST = 1e-14
SHARED_NODES = 4


class Line:
    """The path of one sentence: values and derivatives at places from 0 to 1, float64.

    Values are passes of the `double` encoder, derivatives of the `plain` one where float32
    resolves their places. Where these are several encoders side by side, `one` of them is refined
    at a time.
    """

    def __init__(self, plain: PathIntegral, double: PathIntegral) -> None:
        self.plain, self.double = plain, double
        self.known: dict[float, Tensor] = {}
        self.nodes = self.slopes = 0
        self.one = -1

    def of_one(self, vectors: Tensor) -> Tensor:
        """Columns, of vectors of all encoders side by side, of the one that is refined."""
        return self.plain.side_by_side(vectors)[self.one]

    @property
    def total(self) -> Tensor:
        """What its embedding changes by along the whole path [d]."""
        return self.of_one(self.changes([(0.0, 1.0)])[0])

    def changes(self, pairs: Sequence[tuple[float, float]]) -> list[Tensor]:
        """What the embedding changes by [d] from the first place of each pair to the second."""
        new = [p for p in dict.fromkeys(sum(pairs, ())) if p not in self.known]
        if new:
            self.known |= zip(new, self.double.values(np.array(new)), strict=True)
        return [self.known[high] - self.known[low] for low, high in pairs]

    def slopes_at(self, places: np.ndarray, fine: bool) -> Tensor:
        """Derivatives [m, d] along the path at places, which are float64's if `fine`."""
        self.slopes += len(places)
        return (self.double if fine else self.plain).slopes_at(places)

    def derivatives_at(self, places: np.ndarray, fine: bool) -> Tensor:
        """Derivatives [m, n, d] along the part of every token."""
        self.nodes += len(places)
        return (self.double if fine else self.plain).derivatives_at(places)


@dataclass
class Part:
    """An interval, the change [d] across it, and what is known of its integral.

    `missed` are norms [encoders]; `contributions` are [n, d], `error` [encoders, n] that of each.
    They are empty until they are measured.
    """

    interval: Interval
    change: Tensor
    missed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    contributions: Tensor = field(default_factory=lambda: torch.zeros(0))
    error: Tensor = field(default_factory=lambda: torch.zeros(0))

    @property
    def fine(self) -> bool:
        """Whether float32 does not resolve its nodes."""
        return self.interval.shared or self.interval.finest < FLOAT32_RESOLVES

    @property
    def fresh(self) -> bool:
        """Whether its derivatives are still to be had."""
        return not self.error.numel()

    @property
    def nodes(self) -> int:
        """Derivative nodes that it takes."""
        return SHARED_NODES if self.interval.shared else NODES


def steepest_places(line: Line, parts: list[Part]) -> list[float]:
    """The steepest place of each, by bisection; NaN where no step makes up much of the change."""
    brackets = {k: (part.interval.low, part.interval.high) for k, part in enumerate(parts)}
    places = [math.nan] * len(parts)
    halvings = 0
    while brackets:
        halvings += 1
        halves = [
            half for a, b in brackets.values() for half in ((a, (a + b) / 2), ((a + b) / 2, b))
        ]
        sizes = [float(line.of_one(change).norm()) for change in line.changes(halves)]
        for number, k in enumerate(list(brackets)):
            two = slice(2 * number, 2 * number + 2)
            size, (low, high) = max(zip(sizes[two], halves[two], strict=True))
            whole = float(line.of_one(parts[k].change).norm())
            brackets[k] = low, high
            if halvings == HALVINGS and size < STEP * whole and not parts[k].interval.shared:
                del brackets[k]
            elif (halvings >= HALVINGS and size < SETTLED * whole) or high - low < SHORTEST:
                places[k] = (low + high) / 2
                del brackets[k]
    return places
