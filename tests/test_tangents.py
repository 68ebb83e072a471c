"""Lean forward-mode rules against PyTorch's own."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import jvp, vmap

from common.weights import tangents
from common.weights.tangents import lean_tangents

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
    "a multiple": lambda x: x * 2.5,
    "a multiple, constant first": lambda x: 2.5 * x,
    "a quotient": lambda x: x / SCALE,
    "a reciprocal": lambda x: SCALE / x,
    "a product with itself": lambda x: x * x,
    "a sum": lambda x: x + SCALE,
    "a sum that is wider": lambda x: x + SCALE[:, None, None, None],
    "a weighted sum": lambda x: torch.add(x, SCALE, alpha=3),
    "a difference": lambda x: torch.sub(x, 1),
    "a difference, constant first": lambda x: 1 - x,
    "a sum of both": lambda x: torch.add(x, x.exp()),
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
    [
        ("linear", "linear"),
        ("linear", "addmm"),
        ("layer_norm", "layer_norm"),
        ("activation", "gelu"),
        ("scaling", "a multiple"),
        ("shift", "a sum"),
    ],
)
def test_rules_are_followed(rule: str, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    own = getattr(tangents, rule)

    def recorded(*arguments: object) -> Tensor:
        called.append(rule)
        return own(*arguments)

    monkeypatch.setattr(tangents, rule, recorded)
    rules = {key: recorded if one is own else one for key, one in tangents.CONSTANTS.items()}
    monkeypatch.setattr(tangents, "CONSTANTS", rules)
    x = torch.ones(2, 3, 4).double()
    with torch.no_grad(), lean_tangents():
        jvp(FUNCTIONS[function], (x,), (x,))
    assert called
