"""Forward-mode rules that cost what they must when many tangents share one primal.

PyTorch's own rules add the zero tangents of constants and evaluate an activation's derivative
anew for every tangent. Inside `lean_tangents`, linear layers, layer normalisation, activations,
and sums and products with constants have rules whose work on the primal is done once.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.forward_ad import make_dual, unpack_dual
from torch.overrides import TorchFunctionMode

ACTIVATIONS = {F.gelu, F.silu, F.relu, torch.tanh, torch.sigmoid, torch.relu}


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W' + b, of constant W and b."""
    primal, tangent = unpack_dual(x)
    value = F.linear(primal, weight, bias)
    return value if tangent is None else make_dual(value, F.linear(tangent, weight))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float) -> Tensor:
    """Layer normalisation of the last dimension, of constant weight and bias."""
    primal, tangent = unpack_dual(x)
    value = F.layer_norm(primal, x.shape[-1:], weight, bias, epsilon)
    if tangent is None:
        return value
    variance, mean = torch.var_mean(primal, -1, correction=0, keepdim=True)
    scale = (variance + epsilon).rsqrt()
    normed = (primal - mean) * scale
    along = (tangent * normed).mean(-1, keepdim=True)
    centred = tangent - tangent.mean(-1, keepdim=True)
    change = torch.addcmul(centred, normed, along, value=-1) * (scale * weight)
    return make_dual(value, change)


def activation(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of each element alone."""
    primal, tangent = unpack_dual(x)
    if tangent is None:
        return function(primal)
    value, slope = unpack_dual(function(make_dual(primal, torch.ones_like(primal))))
    return make_dual(value, tangent * slope)


def scaling(function: Callable[..., Tensor], x: Tensor, constant: Tensor | float) -> Tensor:
    """x times a constant, or over it."""
    primal, tangent = unpack_dual(x)
    return make_dual(function(primal, constant), function(tangent, constant))


def shift(function: Callable[..., Tensor], x: Tensor, constant: Tensor | float) -> Tensor:
    """x plus or minus a constant."""
    primal, tangent = unpack_dual(x)
    value = function(primal, constant)
    return make_dual(value, tangent.expand_as(value))


CONSTANTS = {
    **dict.fromkeys((torch.mul, torch.div, Tensor.mul, Tensor.div), scaling),
    **dict.fromkeys((torch.add, torch.sub, Tensor.add, Tensor.sub), shift),
}
"""What is done to a tensor with a constant, and its rule."""


class lean_tangents(TorchFunctionMode):
    """Inside the block, forward mode follows the rules of this module."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is F.linear and not kwargs and _constant(*args[1:]):
            return linear(args[0], args[1], args[2] if len(args) > 2 else None)
        if function is torch.addmm and not kwargs and _constant(args[0], args[2]):
            return linear(args[1], args[2].T, args[0])
        if function is F.layer_norm:
            x, shape, weight, bias, epsilon = _layer_norm_arguments(*args, **kwargs)
            if weight is not None and len(shape) == 1 and _constant(weight, bias):
                return layer_norm(x, weight, bias, epsilon)
        if function in ACTIVATIONS:
            return activation(lambda x: function(x, *args[1:], **kwargs), args[0])
        rule = CONSTANTS.get(function)
        if rule and len(args) == 2 and not kwargs and _moves(args[0]) and not _moves(args[1]):
            return rule(function, *args)
        return function(*args, **kwargs)


def _constant(*tensors: Tensor | None) -> bool:
    """Whether these are parameters, which no tangent reaches."""
    return all(tensor is None or isinstance(tensor, nn.Parameter) for tensor in tensors)


def _moves(x: Any) -> bool:
    """Whether it is a tensor with a tangent."""
    return isinstance(x, Tensor) and unpack_dual(x).tangent is not None


def _layer_norm_arguments(
    x: Tensor,
    normalized_shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, list[int], Tensor | None, Tensor | None, float]:
    return x, normalized_shape, weight, bias, eps
