"""Peak bytes against sums by hand, and passes that keep to a budget."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import jvp, vmap

from common.command import InputError
from common.memory import GIB, Budget, Peak, budget, in_passes, peak_bytes

KIB = 1024


def test_counts_what_lives_at_once() -> None:
    def computation() -> torch.Tensor:
        a = torch.ones(256)  # 1 KiB
        b = a + 1
        c = a.view(16, 16).T  # a view holds nothing of its own
        del b
        return torch.stack([c, c, c])  # 3 KiB beside a

    assert peak_bytes(computation) == 4 * KIB


def test_parameters_do_not_count() -> None:
    layer = nn.Linear(256, 256, bias=False).requires_grad_(False)
    x = torch.ones(1, 256)
    assert peak_bytes(lambda: layer(x)) == KIB


def test_sees_tangents_underneath() -> None:
    x = torch.ones(256)
    tangents = torch.ones(5, 256)
    assert peak_bytes(lambda: vmap(lambda t: jvp(torch.exp, (x,), (t,))[1])(tangents)) >= 5 * KIB


def test_everything_is_given_back() -> None:
    with Peak() as peak:
        made = torch.ones(256) * 2
        del made
    assert peak.live == 0
    assert peak.most == 2 * KIB


@given(st.integers(1, 40), st.integers(1, 64))
def test_passes_keep_to_the_budget_and_change_nothing(rows: int, kib: int) -> None:
    x = torch.arange(rows * 256.0).reshape(rows, 256)
    sizes = []

    def compute(part: torch.Tensor) -> torch.Tensor:
        sizes.append(len(part))
        return part * 2

    most = Budget(kib * KIB, 10**9)
    assert torch.equal(in_passes(compute, x, within=most, task="double"), x * 2)
    in_passes(compute, x, within=most, task="double")
    assert sum(sizes) == 2 * rows + 1  # one row was measured, once
    assert max(sizes) <= kib


@given(st.integers(0, 100), st.integers(1, 100), st.integers(1, 600), st.integers(1, 10**5))
def test_directions_fit_if_one_does(base: int, each: int, count: int, most: int) -> None:
    points, directions = Budget(most, 500).directions(base, each, count)
    assert 1 <= directions <= count
    assert points == 1 or directions == count
    taken = points * (base + directions * each)
    assert taken <= most or (points, directions) == (1, 1)


def test_encoder_larger_than_the_budget() -> None:
    layer = nn.Linear(1000, 1000)
    with pytest.raises(InputError, match=r"encoder alone takes 1\.0 GiB"):
        budget(1.0, [layer], "cpu")
    assert budget(2.0, [layer], "cpu").most == GIB - 4 * 1001 * 1000


def test_a_gpu_is_filled_as_far_as_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10 * GIB, 80 * GIB))
    found = budget(1.0, [nn.Linear(1000, 1000)], "cuda")
    assert found.most == found.efficient == 8 * GIB
