"""What encoders cannot be weighed, told from their files before any parameter is read."""

from pathlib import Path

from common.command import InputError
from common.encoders.model_files import read_json

POINTER = b"version https://git-lfs"
MODULES = {
    "Transformer",
    "Pooling",
    "Dense",
    "Normalize",
    "LayerNorm",
    "Dropout",
    "WeightedLayerPooling",
}
"""Of sentence-transformers: they compute on vectors of tokens, or of the sentence, alone."""
FIRST = "Transformer"


def refuse_unsupported(checkpoint: Path, what: str) -> None:
    """Read the settings of a checkpoint, and the beginnings of its files.

    Raises
    ------
    InputError
        A file was not fetched by git-lfs, parameters are those of an adapter alone, or a module
        does not take input embeddings, as the first, or reads more than vectors, as a later one.
    """
    refuse_pointers(checkpoint, what)
    for adapter in sorted(checkpoint.rglob("adapter_config.json")):
        base = dict(read_json(adapter)).get("base_model_name_or_path")
        raise InputError(
            f"{what}: a PEFT adapter of {base}, not a whole encoder; merge it first (peft: "
            "AutoPeftModel.from_pretrained(...).merge_and_unload().save_pretrained(...)) and add "
            "the tokenizer"
        )
    if not (checkpoint / "modules.json").is_file():
        return
    kinds = [module["type"].rpartition(".")[2] for module in read_json(checkpoint / "modules.json")]
    for place, kind in enumerate(kinds):
        if kind not in MODULES or (kind == FIRST) != (place == 0):
            raise InputError(
                f"{what}: module {place} is a {kind} (modules.json), whose words cannot be "
                "weighed: it takes no input embeddings (inputs_embeds); choose an encoder of one "
                "Transformer with pooling"
            )


def refuse_pointers(checkpoint: Path, what: str) -> None:
    """Look at the beginnings of all files.

    Raises
    ------
    InputError
        One is a pointer of git-lfs in place of the file.
    """
    for file in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            if content.read(len(POINTER)) == POINTER:
                raise InputError(
                    f"{what}: {file.relative_to(checkpoint)} is a pointer of git-lfs, not the file "
                    "itself; run git lfs pull there"
                )
