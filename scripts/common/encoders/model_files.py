"""Checkpoints of others: which files they consist of, and that reading them runs no code."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from common.command import InputError

OURS = "sentence_transformers."
KEPT = "model.safetensors"
BIN = "pytorch_model*.bin"


def module_folders(checkpoint: Path) -> list[Path]:
    """Folders of the modules of a sentence-transformers directory; of others, itself."""
    modules = checkpoint / "modules.json"
    if not modules.is_file():
        return [checkpoint]
    return [checkpoint / module["path"] for module in _read(modules)]


def refuse_remote_code(checkpoint: Path, what: str) -> None:
    """Read the settings of a checkpoint, which may ask for code that came with it.

    Raises
    ------
    InputError
        One of them does (auto_map, or a module that sentence-transformers lacks).
    """
    for file in sorted(checkpoint.rglob("*.json")):
        settings = _read(file) if file.name.endswith("config.json") else {}
        if isinstance(settings, dict) and "auto_map" in settings:
            raise InputError(
                f"{what}: {file.relative_to(checkpoint)} asks for code of the repository "
                "(auto_map), which is never run; choose an encoder that transformers knows"
            )
    if (checkpoint / "modules.json").is_file():
        for module in _read(checkpoint / "modules.json"):
            if not module["type"].startswith(OURS):
                raise InputError(
                    f"{what}: modules.json asks for code of the repository ({module['type']}), "
                    "which is never run; choose an encoder of sentence-transformers' own modules"
                )


def keep_safetensors(folder: Path, what: str) -> None:
    """Replace pickled parameters in a folder by safetensors, reading tensors and nothing else.

    Raises
    ------
    InputError
        A file holds anything but tensors by name; nothing in it has been run.
    """
    files = sorted(folder.glob(BIN))
    if not files:
        return
    tensors = dict(pair for file in files for pair in _tensors(file, f"{what}: {file.name}"))
    save_file(tensors, folder / KEPT, {"format": "pt"})
    for file in [*files, *folder.glob(f"{BIN}.index.json")]:
        file.unlink()


def _tensors(file: Path, what: str) -> Iterator[tuple[str, torch.Tensor]]:
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next(
            (line for line in str(error).splitlines() if "Unsupported" in line or "GLOBAL" in line),
            "not only tensors",
        )
        raise InputError(
            f"{what}: refused, reading it would run code ({reason.strip()}); ask its owner for "
            "safetensors"
        ) from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise InputError(f"{what}: not a readable checkpoint ({error})") from error
    for name, value in tensors.items() if isinstance(tensors, dict) else [("it", tensors)]:
        if not isinstance(value, torch.Tensor) or not isinstance(tensors, dict):
            raise InputError(f"{what}: {name} is a {type(value).__name__}, not a tensor")
        # parameters may be views of one another, which safetensors does not keep
        yield name, value.clone(memory_format=torch.contiguous_format)


def _read(file: Path) -> dict | list:
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"{file}: not JSON ({error})") from error
