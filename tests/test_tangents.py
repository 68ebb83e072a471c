"""Lean forward-mode rules against PyTorch's own."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import jvp, vmap

from common.weights.tangents import Activation, LayerNorm, Linear, lean_tangents

torch.manual_seed(0)
WEIGHT, TURNED, SQUARE, BIAS, SCALE = (
    nn.Parameter(torch.randn(*shape).double()) for shape in ((5, 4), (4, 5), (4, 4), (5,), (4,))
)
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: F.linear(x, WEIGHT, BIAS),
    "linear without bias": lambda x: F.linear(x, WEIGHT),
    "addmm": lambda x: torch.addmm(BIAS, x[0], TURNED),
    "layer_norm": lambda x: F.layer_norm(x, (4,), SCALE, SCALE, 1e-3),
    "layer_norm without weight": lambda x: F.layer_norm(x, (4,)),
    "layer_norm of two dimensions": lambda x: F.layer_norm(x, x.shape[-2:]),
    "gelu": F.gelu,
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "weight that depends on the input": lambda x: F.linear(x, x[0] @ SQUARE),
    "network": nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 3)).double(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(st.integers(1, 5), st.integers(0, 99), st.floats(0.1, 30))
@settings(deadline=None, max_examples=10)
def test_equal_the_rules_of_pytorch(name: str, rows: int, seed: int, size: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, *tangents = size * torch.randn(4, 2, rows, 4, generator=generator).double()
    along = torch.stack(tangents)

    def pushed(tangent: Tensor) -> Tensor:
        return jvp(FUNCTIONS[name], (x,), (tangent,))[1]

    with torch.no_grad():
        expected = vmap(pushed)(along)
        with lean_tangents():
            torch.testing.assert_close(vmap(pushed)(along), expected)
            torch.testing.assert_close(pushed(along[0]), expected[0])


@pytest.mark.parametrize(
    ("rule", "function"),
    [(Linear, "linear"), (Linear, "addmm"), (LayerNorm, "layer_norm"), (Activation, "gelu")],
)
def test_rules_are_followed(rule: type, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    own = rule.jvp
    monkeypatch.setattr(rule, "jvp", staticmethod(lambda *a: called.append(1) or own(*a)))
    x = torch.ones(2, 3, 4).double()
    with torch.no_grad(), lean_tangents():
        jvp(FUNCTIONS[function], (x,), (x,))
    assert called
