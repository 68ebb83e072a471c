"""Forward-mode rules that cost what they must when many tangents share one primal.

PyTorch's own rules add the zero tangents of constants and evaluate an activation's derivative
anew for every tangent. Inside `lean_tangents`, linear layers, layer normalisation and activations
have rules whose work on the primal is done once.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import jvp
from torch.overrides import TorchFunctionMode

ACTIVATIONS = {F.gelu, F.silu, F.relu, torch.tanh, torch.sigmoid, torch.relu}


class Linear(torch.autograd.Function):
    """x W' + b, of constant W and b."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: object) -> Tensor:
        (weight,) = ctx.saved_tensors
        return F.linear(tangent, weight)


class LayerNorm(torch.autograd.Function):
    """Layer normalisation of the last dimension, of constant weight and bias."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, weight, _, ctx.epsilon = inputs
        ctx.save_for_forward(x, weight)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: object) -> Tensor:
        x, weight = ctx.saved_tensors
        variance, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
        scale = (variance + ctx.epsilon).rsqrt()
        normed = (x - mean) * scale
        along = (tangent * normed).mean(-1, keepdim=True)
        centred = tangent - tangent.mean(-1, keepdim=True)
        return torch.addcmul(centred, normed, along, value=-1) * (scale * weight)


class Activation(torch.autograd.Function):
    """A function of each element alone."""

    generate_vmap_rule = True

    @staticmethod
    def forward(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return function(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.function, x = inputs
        ctx.save_for_forward(x)

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return tangent * jvp(ctx.function, (x,), (torch.ones_like(x),))[1]


class lean_tangents(TorchFunctionMode):
    """Inside the block, forward mode follows the rules of this module."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is F.linear and not kwargs and _constant(*args[1:]):
            return Linear.apply(args[0], args[1], args[2] if len(args) > 2 else None)
        if function is torch.addmm and not kwargs and _constant(args[0], args[2]):
            return Linear.apply(args[1], args[2].T, args[0])
        if function is F.layer_norm:
            x, shape, weight, bias, epsilon = _layer_norm_arguments(*args, **kwargs)
            if weight is not None and len(shape) == 1 and _constant(weight, bias):
                return LayerNorm.apply(x, weight, bias, epsilon)
        if function in ACTIVATIONS:
            return Activation.apply(lambda x: function(x, *args[1:], **kwargs), args[0])
        return function(*args, **kwargs)


def _constant(*tensors: Tensor | None) -> bool:
    """Whether these are parameters, which no tangent reaches."""
    return all(tensor is None or isinstance(tensor, nn.Parameter) for tensor in tensors)


def _layer_norm_arguments(
    x: Tensor,
    normalized_shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, list[int], Tensor | None, Tensor | None, float]:
    return x, normalized_shape, weight, bias, eps
