"""Checkpoints of others: which files they consist of, and that reading them runs no code."""

import json
import pickle
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from common.command import InputError

OURS = "sentence_transformers."
KEPT = "model.safetensors"
LIST = "modules.json"
BIN = "pytorch_model*.bin"


def read_modules(checkpoint: Path, what: str) -> list[dict[str, Any]]:
    """The modules of a sentence-transformers directory; of another one, none.

    Raises
    ------
    InputError
        Its modules.json is no list of them, or names a folder that is not in the directory.
    """
    file = checkpoint / LIST
    if not file.is_file():
        return []
    modules = read_json(file)
    if not (isinstance(modules, list) and modules and all(map(_is_module, modules))):
        raise InputError(
            f"{what}: {LIST} is no list of modules, each with name, path and type; fetch it anew"
        )
    for module in modules:
        folder = Path(module["path"])
        if folder.is_absolute() or ".." in folder.parts:
            raise InputError(
                f"{what}: {LIST} names {folder}, which is outside of it; put the module inside"
            )
        # the hub keeps no folder without files
        if not (checkpoint / folder).is_dir() and not module["type"].endswith("Normalize"):
            raise InputError(
                f"{what}: lacks the folder {folder}, which {LIST} names; fetch all of its files"
            )
    return modules


def _is_module(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) for key in ("name", "path", "type")
    )


def module_folders(checkpoint: Path, what: str) -> list[Path]:
    """Folders of the modules of a sentence-transformers directory; of others, itself."""
    folders = [checkpoint / module["path"] for module in read_modules(checkpoint, what)]
    return folders or [checkpoint]


def refuse_remote_code(checkpoint: Path, what: str) -> None:
    """Read the settings of a checkpoint, which may ask for code that came with it.

    Raises
    ------
    InputError
        One of them does (auto_map, a module that sentence-transformers lacks, or an activation
        that torch lacks).
    """
    for file in sorted(checkpoint.rglob("*.json")):
        settings = read_json(file) if file.name.endswith("config.json") else {}
        name = file.relative_to(checkpoint)
        if isinstance(settings, dict) and "auto_map" in settings:
            raise InputError(
                f"{what}: {name} asks for code of the repository (auto_map), which is never run; "
                "choose an encoder that transformers knows"
            )
        activation = settings.get("activation_function") if _is_dense(settings) else None
        if activation is not None and not _is_of_torch(activation):
            raise InputError(
                f"{what}: {name} asks for code of others (activation_function {activation}), which "
                "is never run; choose an encoder whose Dense has an activation of torch.nn"
            )
    for module in read_modules(checkpoint, what):
        if not module["type"].startswith(OURS):
            raise InputError(
                f"{what}: {LIST} asks for code of the repository ({module['type']}), "
                "which is never run; choose an encoder of sentence-transformers' own modules"
            )


def _is_dense(settings: Any) -> bool:
    """Whether these are the settings of a Dense module of sentence-transformers."""
    return isinstance(settings, dict) and {"in_features", "out_features"} <= settings.keys()


def _is_of_torch(name: object) -> bool:
    """Whether `name` is the dotted one of a module of torch."""
    root, *path = str(name).split(".")
    found: Any = reduce(_part_of, path, torch)
    return root == "torch" and isinstance(found, type) and issubclass(found, torch.nn.Module)


def _part_of(place: Any, name: str) -> Any:
    return getattr(place, name, None)


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


def read_json(file: Path) -> Any:
    """What a JSON file of a checkpoint holds.

    Raises
    ------
    InputError
        It is not JSON.
    """
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"{file}: not JSON ({error})") from error
