"""Integrated Gradients of a vector-valued function, exact for every dimension at once.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (2017), equation 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from common.memory import Budget, in_passes
from common.weights.quadrature import PATHS, Parametrisation, points_along
from common.weights.tangents import lean_tangents

Embed = Callable[[Tensor], Tensor]
"""Input embeddings [b, n, h] to sentence embeddings [b, d], each sentence by itself."""

FEWEST_NODES = 8
TRIAL_NODES = 12
PROMISING = 64
"""After so many nodes, a rule whose error would not get there with the most is given up."""
ROUNDING = 0.01
"""A larger error that stops falling is no rounding: the path is steep."""
AGREES = 0.01
"""Relative difference up to which two modes give one derivative, in float32 or bfloat16."""
GROWTH_WITHOUT_GAIN = 4
"""So many times the nodes of the smallest error are tried before it is taken for rounding."""


@dataclass(frozen=True)
class PathIntegral:
    """The integral of the derivative of `embed` from `start` to `end`, both [b, n, h].

    Passes of the encoder keep `within` the budget, as long as one direction of one sentence fits.
    Without `forward_mode` all derivatives are had in reverse mode. `embed` may give vectors of
    several encoders side by side, of these `widths`; of one if there are none.
    """

    embed: Embed
    start: Tensor
    end: Tensor
    within: Budget
    forward_mode: bool = True
    widths: tuple[int, ...] = ()

    @cached_property
    def step(self) -> Tensor:
        """What the path adds to the input embeddings [b, n, h]."""
        return self.end - self.start

    @cached_property
    def total(self) -> Tensor:
        """What the contributions have to sum up to [b, d], float64."""
        both = torch.cat([self.start, self.end])
        found = in_passes(self.embed, both, within=self.within, task="embed").double()
        first, last = found.chunk(2)
        return (last - first).cpu()

    def of(self, k: int) -> "PathIntegral":
        """That of one sentence alone."""
        return replace(self, start=self.start[k : k + 1], end=self.end[k : k + 1])

    def beside(self, size: int) -> "PathIntegral":
        """The same in passes that leave so many bytes to something else."""
        return replace(self, within=self.within.beside(size))

    def integrate(
        self, path: Parametrisation, tolerance: float, max_nodes: int
    ) -> tuple[Tensor, Tensor, Tensor, list[int]]:
        """Contribution of every token of every sentence.

        Returns contributions [b, n, d], the error of each [b, n] in the embedding's unit, the
        relative completeness error [b] of each sentence and its number of nodes: the first found
        to keep completeness within `tolerance`, or else the best up to `max_nodes`. The sum of the
        contributions is one directional derivative, so nodes are chosen with one tangent a node.
        """
        nodes, _ = self.choose_nodes(path, tolerance, max_nodes)
        (results,) = self.with_errors(*self.both_rules(path, nodes))
        return *results, nodes

    def side_by_side(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """Vectors [..., d] as those of each encoder."""
        return vectors.split(self.widths or (vectors.shape[-1],), dim=-1)

    def with_errors(
        self, contributions: Tensor, gaps: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Contributions [b, n, d], their errors [b, n] and completeness [b], from `both_rules`.

        Of each encoder. How much smaller the error of a rule is than its difference from the
        embedded one is known of the tokens' sum, and taken to hold for each token.
        """
        found = []
        for part, gap, total in zip(
            *(self.side_by_side(each) for each in (contributions, gaps, self.total)), strict=True
        ):
            missed = (part.sum(1) - total).norm(dim=1)
            ratio = (missed / gap.sum(1).norm(dim=1).clamp_min(1e-30)).clamp_max(1)
            found.append((part, ratio[:, None] * gap.norm(dim=2), relative(missed, total)))
        return found

    def choose_nodes(
        self, path: Parametrisation, tolerance: float, max_nodes: int
    ) -> tuple[list[int], list[float]]:
        """Nodes that each sentence needs, and its relative completeness error with them.

        Extrapolates the geometric decay of the error.
        """
        of_sentences = [each[-1] for each in self.choose_all_nodes(path, tolerance, max_nodes)]
        return [count for count, _ in of_sentences], [error for _, error in of_sentences]

    def choose_all_nodes(
        self, path: Parametrisation, tolerance: float, max_nodes: int, missed: float = math.inf
    ) -> list[list[tuple[int, float]]]:
        """The same pairs of each sentence by each encoder.

        The last encoder that is not done says which nodes are tried, so that it gets those that it
        would get alone, and the others see what these give them. None are tried for the others once
        the error of the last stays above `missed`.
        """
        encoders = range(len(self.side_by_side(self.total)))
        tried: list[list[dict[int, float]]] = [[{} for _ in encoders] for _ in self.start]
        waiting = [set(encoders) for _ in self.start]
        nodes = [min(FEWEST_NODES, max_nodes)] * len(tried)
        while any(nodes):
            errors = self.all_completeness(path, nodes).tolist()
            for k, count in enumerate(nodes):
                nodes[k] = 0
                for one in sorted(waiting[k]) if count else ():
                    tried[k][one][count] = errors[k][one]
                    if more := _more_nodes(tried[k][one], tolerance, max_nodes):
                        nodes[k] = more
                    else:
                        waiting[k].remove(one)
                if encoders[-1] not in waiting[k] and min(tried[k][-1].values()) > missed:
                    nodes[k] = 0
        return [
            [min(t.items(), key=lambda pair: (max(pair[1], tolerance), pair[0])) for t in each]
            for each in tried
        ]

    def completeness(self, path: Parametrisation, nodes: list[int]) -> Tensor:
        """Relative completeness error [b] of sentences integrated with `nodes` each.

        By the last encoder. Says nothing of sentences with 0 nodes.
        """
        return self.all_completeness(path, nodes)[:, -1]

    def all_completeness(self, path: Parametrisation, nodes: list[int]) -> Tensor:
        """The same [b, encoders] by each encoder."""
        found = torch.zeros_like(self.total)
        for owner, points, weights in points_along(
            self.start, self.step, path, nodes, self._slopes_in_a_pass
        ):
            slope = self._slopes(points, self.step[owner]).double()
            found.index_add_(0, owner.cpu(), (weights[:, :1] * slope).cpu())
        pairs = zip(self.side_by_side(found), self.side_by_side(self.total), strict=True)
        return torch.stack([relative((f - t).norm(dim=1), t) for f, t in pairs], dim=1)

    def contributions(self, path: Parametrisation, nodes: list[int]) -> Tensor:
        """Contribution of every token [b, n, d], float64, by a fixed number of nodes a sentence."""
        return self.both_rules(path, nodes)[0]

    def both_rules(self, path: Parametrisation, nodes: list[int]) -> tuple[Tensor, Tensor]:
        """Contributions, and what they are beyond those of every other node, [b, n, d] each."""
        size, chunk = self.points_and_directions
        width = self.total.shape[1]
        found, gaps = torch.zeros(2, *self.start.shape[:2], width, dtype=torch.float64)
        for owner, points, weights in points_along(self.start, self.step, path, nodes, size):
            part = self._derivatives(points, self.step[owner], chunk).double()
            for sums, each in zip(
                (found, gaps), (weights[:, 0], weights.diff().neg()[:, 0]), strict=True
            ):
                sums.index_add_(0, owner.cpu(), (each[:, None, None] * part).cpu())
        return found, gaps

    def missing(self, found: Tensor) -> Tensor:
        """Norm of what `found` [b, d] lacks over the norm of `total`; 0 where both are nothing."""
        return relative((found - self.total).norm(dim=1), self.total)

    def values(self, places: np.ndarray) -> Tensor:
        """Embeddings [m, d], float64, at `places` [m] of the path of the only sentence."""
        points = self._points(places)
        return in_passes(self.embed, points, within=self.within, task="embed").double().cpu()

    def slopes_at(self, places: np.ndarray) -> Tensor:
        """Derivatives [m, d], float64, along the path at `places` [m] of the only sentence."""
        parts = self._points(places).split(self._slopes_in_a_pass)
        step = self.step
        found = [self._slopes(part, step.expand_as(part)) for part in parts]
        return torch.cat(found).double().cpu()

    def derivatives_at(self, places: np.ndarray) -> Tensor:
        """Derivatives [m, n, d], float64, along every token's part of the path at `places` [m]."""
        size, chunk = self.points_and_directions
        found = [
            self._derivatives(part, self.step.expand_as(part), chunk)
            for part in self._points(places).split(size)
        ]
        return torch.cat(found).double().cpu()

    def _points(self, places: np.ndarray) -> Tensor:
        along = torch.from_numpy(places).to(self.start.device, self.start.dtype)
        return self.start + along[:, None, None] * self.step

    def _slopes(self, points: Tensor, step: Tensor) -> Tensor:
        return (slopes if self.forward_mode else reverse_slopes)(self.embed, points, step)

    def _derivatives(
        self, points: Tensor, step: Tensor, chunk: int, most: int | None = None
    ) -> Tensor:
        width = self.total.shape[1]
        if not self.forward_mode:
            return reverse_derivatives(self.embed, points, step)
        return derivatives(self.embed, points, step, width, chunk=chunk, most=most)

    @cached_property
    def _slopes_in_a_pass(self) -> int:
        point, step = self.start[:1], self.step[:1]
        task = ("slopes", point.shape, point.dtype)
        return self.within.rows(self.within.cost(task, lambda: self._slopes(point, step)))

    @cached_property
    def points_and_directions(self) -> tuple[int, int]:
        """Points of a pass, and tokens (or dimensions) of each that are differentiated at once."""
        point, step = self.start[:1], self.step[:1]
        width = self.total.shape[1]

        def cost(directions: int) -> int:
            return self.within.cost(
                ("derivatives", point.shape, point.dtype, directions),
                lambda: self._derivatives(point, step, directions, most=directions),
            )

        each = cost(2) - cost(1)
        return self.within.directions(cost(1) - each, each, min(self.start.shape[1], width))


def relative(missed: Tensor, total: Tensor) -> Tensor:
    """Norms [b] of what is missed over those of what it is missed of [b, d]."""
    return missed / total.norm(dim=1).clamp_min(1e-30)


def slopes(embed: Embed, points: Tensor, step: Tensor) -> Tensor:
    """Derivatives of `embed` [b, d] at `points` along `step`, both [b, n, h]."""
    with lean_tangents():
        return jvp(embed, (points,), (step,))[1]


def derivatives(
    embed: Embed, points: Tensor, step: Tensor, width: int, *, chunk: int, most: int | None = None
) -> Tensor:
    """Derivatives of `embed` [b, n, width] at `points` along the `step` of each token [b, n, h].

    Forward mode, `chunk` tokens at once, or reverse mode, `chunk` dimensions at once, if there are
    fewer dimensions than tokens; of the first `most` tokens or dimensions only.
    """
    length = points.shape[1]

    def forward(token: Tensor) -> Tensor:
        return slopes(embed, points, step * token[:, None])

    if length <= width:
        return vmap(forward, out_dims=1, chunk_size=chunk)(_basis(length, points)[:most])
    pull = vjp(embed, points)[1]

    def backward(dimension: Tensor) -> Tensor:
        return (pull(dimension.expand(len(points), width))[0] * step).sum(-1)

    return vmap(backward, out_dims=2, chunk_size=chunk)(_basis(width, points)[:most])


def reverse_slopes(embed: Embed, points: Tensor, step: Tensor) -> Tensor:
    """What `slopes` gives, by two passes in reverse mode, where there is no forward mode."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        value = embed(points)
        weights = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, points, weights, create_graph=True)
        return torch.autograd.grad(pulled, weights, step)[0].detach()


def reverse_derivatives(embed: Embed, points: Tensor, step: Tensor) -> Tensor:
    """What `derivatives` gives, by a pass in reverse mode a dimension."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        value = embed(points).sum(0)
        gradients = [torch.autograd.grad(one, points, retain_graph=True)[0] for one in value]
    return torch.stack([(gradient * step).sum(-1) for gradient in gradients], dim=2)


def has_forward_mode(embed: Embed, point: Tensor) -> bool:
    """Whether forward mode gives derivatives of `embed` at a `point` [1, n, h], as reverse does."""
    try:
        forward = slopes(embed, point, point)
        width = forward.shape[1]
        derivatives(embed, point, point, width, chunk=2, most=1)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return False
    reverse = reverse_slopes(embed, point, point)
    return bool((forward - reverse).norm() <= AGREES * reverse.norm())


def _basis(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)


def _more_nodes(tried: dict[int, float], tolerance: float, max_nodes: int) -> int:
    """Nodes to try next, at most doubled; 0 if the errors `tried` are good or as good as can be."""
    counts, errors = list(tried), list(tried.values())
    count, error = counts[-1], errors[-1]
    stalled = count >= GROWTH_WITHOUT_GAIN * counts[int(np.argmin(errors))]
    if not error > tolerance or count >= max_nodes or stalled:
        return 0
    if len(errors) > 1 and error >= errors[-2]:
        return min(2 * count, max_nodes) if count < PROMISING or error < ROUNDING else 0
    decay = math.log(10) / FEWEST_NODES
    if len(errors) > 1:
        decay = math.log(errors[-2] / error) / (count - counts[-2])
    more = math.log(error / tolerance) / decay
    if count >= PROMISING and count + more > max_nodes:
        return 0
    return min(count + max(2, math.ceil(min(more, count))), max_nodes)


def choose_path(integral: PathIntegral) -> Parametrisation:
    """The path of the smallest mean log completeness error at few nodes."""
    nodes = [TRIAL_NODES] * len(integral.start)
    errors = [integral.completeness(path, nodes).clamp_min(1e-6).log().mean() for path in PATHS]
    return PATHS[int(np.argmin(errors))]
