"""Devices that are chosen, and TF32, which is off unless it is asked for."""

from pathlib import Path

import pytest
import torch
from tiny_encoder import build_encoder

from common.command import InputError
from common.device import choose_device
from common.encoders.encoder import Encoder


def tf32() -> list[bool]:
    backends = torch.backends
    return [backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32]


@pytest.fixture(autouse=True)
def careless():
    """Settings that a library may have left behind."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    yield
    choose_device("cpu")


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"
    assert tf32() == [False, False]


def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch sees no GPU; set device: cpu or auto"):
        choose_device("cuda")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "tf32"])
def test_tf32_is_a_choice(tmp_path: Path, dtype: str) -> None:
    assert tf32() == [True, True]
    encoder = Encoder(build_encoder(tmp_path, ["a", "b"]), device="cpu", dtype=dtype)
    assert tf32() == [dtype == "tf32"] * 2
    expected = torch.float32 if dtype == "tf32" else getattr(torch, dtype)
    assert encoder.word_embeddings.weight.dtype == expected
