"""Linear layers before the first attention, which need each token at its position only once.

Copies of a sentence, each with another token masked, are alike at all other positions until
attention mixes them. What the first layer's queries, keys and values are made of is therefore the
same in most copies.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

SAME = 1e-6
"""Difference, over the largest value, of what is the same up to rounding."""


@torch.no_grad()
def layers_before_attention(model: nn.Module, copies: Tensor) -> list[nn.Linear]:
    """Linear layers whose input at a position depends on the token there alone.

    Parameters
    ----------
    copies
        Token ids [n, n], in whose row k only position k differs from the other rows.
    """
    position = torch.arange(len(copies), device=copies.device)
    elsewhere = position != position[:, None]
    alike: dict[nn.Linear, bool] = {}

    def compare(layer: nn.Module, given: tuple[Any, ...]) -> None:
        assert isinstance(layer, nn.Linear)
        x = given[0] if given else None
        if not isinstance(x, Tensor) or x.dim() != 3 or x.shape[:2] != copies.shape:
            alike[layer] = False
            return
        gap = (x - x[(position == 0).long(), position])[elsewhere].abs().max()
        alike[layer] = alike.get(layer, True) and bool(gap <= SAME * x.abs().max())

    with ExitStack() as hooks:
        for module in model.modules():
            if isinstance(module, nn.Linear):
                hooks.enter_context(module.register_forward_pre_hook(compare))
        model(input_ids=copies, attention_mask=torch.ones_like(copies))
    return [layer for layer, always in alike.items() if always]


@contextmanager
def each_token_once(layers: list[nn.Linear], ids: Tensor) -> Iterator[None]:
    """Inside, `layers` compute each token of `ids` [m, n] at its position once, for all rows."""
    keys = ids * ids.shape[1] + torch.arange(ids.shape[1], device=ids.device)
    distinct, place = keys.unique(return_inverse=True)
    numbers = torch.arange(ids.numel(), device=ids.device)
    row = torch.zeros_like(distinct).scatter_(0, place.flatten(), numbers)

    def narrow(_: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
        return given[0].flatten(0, 1)[row]

    def widen(_: nn.Module, __: object, output: Tensor) -> Tensor:
        return output[place]

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(narrow))
            hooks.enter_context(layer.register_forward_hook(widen))
        yield
