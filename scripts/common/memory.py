"""Bytes that a computation holds at its peak, and how much of it fits into a budget."""

import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from common.command import InputError

GIB = 2**30
LIBRARIES = GIB
"""The interpreter, its libraries, and the sentences and results of a job."""
CPU_PASS = 128 * 2**20
"""A pass that stays near a CPU's caches: larger ones are no faster, many smaller ones slower."""
FEWEST_DIRECTIONS = 16
GPU_SHARE = 0.8
"""Of a GPU's free memory; the rest is scratch space within operations, and gaps between tensors."""


class Peak(TorchDispatchMode):
    """Bytes of the tensors made inside the block: `live` now, `most` at once.

    Sees what torch.func transformations run underneath, on every device; not the scratch space
    within a single operation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.most = 0

    def __torch_dispatch__(
        self, operation: Callable, types: object, args: tuple = (), kwargs: Any = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        known = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if _is_dense(t)}
        for tensor in tree_leaves(result):
            if _is_dense(tensor) and (storage := tensor.untyped_storage())._cdata not in known:
                known.add(storage._cdata)
                self.live += storage.nbytes()
                weakref.finalize(storage, self._free, storage.nbytes())
        self.most = max(self.most, self.live)
        return result

    def _free(self, size: int) -> None:
        self.live -= size


def peak_bytes(computation: Callable[[], object]) -> int:
    """Bytes of the tensors that `computation` holds at once, at most."""
    with Peak() as peak:
        computation()
    return peak.most


@dataclass(frozen=True)
class Budget:
    """Bytes that a pass of one model may hold: `most` at all, `efficient` if it can be split."""

    most: int
    efficient: int
    known: dict[Hashable, int] = field(default_factory=dict, repr=False, compare=False)

    def cost(self, task: Hashable, computation: Callable[[], object]) -> int:
        """Peak bytes of `computation`, measured on the first one of its `task` only."""
        if task not in self.known:
            self.known[task] = peak_bytes(computation)
        return self.known[task]

    def beside(self, size: int) -> "Budget":
        """What is left beside so many bytes."""
        return Budget(max(1, self.most - size), self.efficient)

    def rows(self, cost: int) -> int:
        """Rows of a pass, if each takes `cost` bytes; at least one."""
        return max(1, min(self.most, self.efficient) // max(cost, 1))

    def directions(self, base: int, each: int, count: int) -> tuple[int, int]:
        """Points of a pass, and directions of each, if a point takes `base` + `each` a direction.

        All `count` directions if they fit; else one point, and no fewer than FEWEST_DIRECTIONS,
        for which the point is worth passing again, as long as they fit.
        """
        if base + count * each <= min(self.most, self.efficient):
            return self.rows(base + count * each), count
        room = min(self.most, max(self.efficient, base + FEWEST_DIRECTIONS * each))
        return 1, min(count, max(1, (room - base) // max(each, 1)))


def parameter_bytes(modules: list[nn.Module]) -> int:
    """What the parameters of modules take."""
    return sum(p.nbytes for module in modules for p in module.parameters())


def budget(gibibytes: float, modules: list[nn.Module], device: str) -> Budget:
    """What is left for the passes in a job of so many GiB: less the libraries and the parameters.

    On a GPU, where the parameters lie already, it is a share of the memory that is free now.

    Raises
    ------
    InputError
        Nothing is left.
    """
    if device == "cuda":
        free = int(GPU_SHARE * torch.cuda.mem_get_info()[0])
        return Budget(free, free)
    parameters = parameter_bytes(modules)
    left = int(gibibytes * GIB) - LIBRARIES - parameters
    if left <= 0:
        need = (LIBRARIES + parameters) / GIB
        raise InputError(f"--memory {gibibytes:g}: the encoder alone takes {need:.1f} GiB")
    return Budget(left, CPU_PASS)


def in_passes(compute: Callable[..., Tensor], *rows: Tensor, within: Budget, task: str) -> Tensor:
    """compute(*rows), each of [m, ...], on as many of the m at once as fit.

    A row costs the same in every `task` of this name and shape of rows.
    """
    shapes = tuple(row.shape[1:] for row in rows)
    cost = within.cost((task, shapes), lambda: compute(*(row[:1] for row in rows)))
    return in_parts(compute, *rows, size=within.rows(cost))


def in_parts(compute: Callable[..., Tensor], *rows: Tensor, size: int) -> Tensor:
    """compute(*rows), each of [m, ...], on `size` of the m at once."""
    parts = zip(*(row.split(size) for row in rows), strict=True)
    return torch.cat([compute(*part) for part in parts])


def _is_dense(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided
