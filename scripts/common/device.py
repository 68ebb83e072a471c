"""Where tensors live, and how exactly a GPU multiplies them."""

import torch

from common.command import InputError


def choose_device(device: str, *, tf32: bool = False) -> str:
    """`device`, or for "auto" a GPU where there is one.

    From then on a GPU multiplies float32 as float32, or, with `tf32`, to 10 bits of mantissa;
    left alone, libraries choose either, by the kind of layer.

    Raises
    ------
    InputError
        "cuda" is asked for on a machine without.
    """
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda, but torch sees no GPU; set device: cpu or auto")
    return device
