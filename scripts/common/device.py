"""Where tensors live."""

import torch

from common.command import InputError


def choose_device(device: str) -> str:
    """`device`, or for "auto" a GPU where there is one.

    Raises
    ------
    InputError
        "cuda" is asked for on a machine without.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda, but torch sees no GPU; set device: cpu or auto")
    return device
