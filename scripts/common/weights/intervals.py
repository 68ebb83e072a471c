"""Intervals of a path from 0 to 1, and the quadrature of each."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

KRONROD = np.array(
    [
        [0.0, 0.450916538658474142, 0.888888888888888889],
        [0.434243749346802558, 0.401397414775962223, 0.0],
        [0.774596669241483377, 0.268488089868333441, 0.555555555555555556],
        [0.960491268708020283, 0.104656226026467265, 0.0],
    ]
)
"""Places from the middle, weights of the 7 nodes and of the Gauss rule on 3 of them, on [-1, 1]."""
NODES = 7
FIRST = 8
"""Intervals to begin with."""
INNER = 1e-2
"""Share of an interval around its steepest place that is not integrated but shared out."""
SMOOTH = 4.0
"""Intervals whose distances from a pole differ by more are halved before another is looked for."""


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`; its nodes crowd towards the `pole` next to it, if there is one.

    A distance from the pole then grows by the same factor from each node to the next, were they
    even: what varies with the logarithm of the distance is smooth there. An interval that is
    `shared` lies around a place too steep to integrate.
    """

    low: float
    high: float
    pole: float | None = None
    shared: bool = False

    def rule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places, weights of all [7] and of the embedded Gauss rule [7], 0 where it has none."""
        half, both, gauss = np.concatenate([KRONROD[:0:-1] * [-1, 1, 1], KRONROD]).T / 2
        if self.pole is None:
            width = self.high - self.low
            return self.low + width * (half + 0.5), width * both, width * gauss
        near, growth = self.low - self.pole, self._growth
        distance = near * growth ** (half + 0.5)
        jacobian = distance * math.log(growth)
        return self.pole + distance, jacobian * both, jacobian * gauss

    def halves(self) -> list["Interval"]:
        """The two halves, of equal ratio of the distances where there is a pole."""
        middle = (self.low + self.high) / 2
        if self.pole is not None:
            middle = self.pole + (self.low - self.pole) * math.sqrt(self._growth)
        return [Interval(self.low, middle, self.pole), Interval(middle, self.high, self.pole)]

    def around(self, pole: float) -> list["Interval"]:
        """What is shared around a pole inside, and the rest on either side of it."""
        reach = INNER * (self.high - self.low)
        low, high = max(self.low, pole - reach), min(self.high, pole + reach)
        parts = [Interval(low, high, shared=True)]
        if low > self.low:
            parts.append(Interval(self.low, low, pole))
        if high < self.high:
            parts.append(Interval(high, self.high, pole))
        return parts

    @property
    def even(self) -> bool:
        """Whether it may hold a pole that halving would take long to find."""
        return self.pole is None or 1 / SMOOTH < self._growth < SMOOTH

    @property
    def finest(self) -> float:
        """The least distance that its nodes have to resolve."""
        if self.pole is None:
            return self.high - self.low
        return min(abs(self.low - self.pole), abs(self.high - self.pole))

    @property
    def _growth(self) -> float:
        assert self.pole is not None
        return (self.high - self.pole) / (self.low - self.pole)


def even_intervals() -> list[Interval]:
    """The path in FIRST equal parts."""
    edges = np.linspace(0, 1, FIRST + 1).tolist()
    return [Interval(*pair) for pair in pairwise(edges)]
