"""What encoders cannot be weighed, told from their files before any parameter is read."""

from pathlib import Path

from common.command import InputError
from common.corpora.files import POINTED_AT, pointer_in
from common.encoders.model_files import read_json, read_modules

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
    if pointer := pointer_in(checkpoint):
        raise InputError(f"{pointer}: {POINTED_AT}")
    for adapter in sorted(checkpoint.rglob("adapter_config.json")):
        settings = read_json(adapter)
        base = isinstance(settings, dict) and settings.get("base_model_name_or_path")
        raise InputError(
            f"{what}: a PEFT adapter of {base or 'another model'}, not a whole encoder; merge it "
            "first (peft: AutoPeftModel.from_pretrained(...).merge_and_unload()"
            ".save_pretrained(...)) and add the tokenizer"
        )
    kinds = [module["type"].rpartition(".")[2] for module in read_modules(checkpoint, what)]
    for place, kind in enumerate(kinds):
        if kind not in MODULES or (kind == FIRST) != (place == 0):
            raise InputError(
                f"{what}: module {place} is a {kind} (modules.json), whose words cannot be "
                "weighed: it takes no input embeddings (inputs_embeds); choose an encoder of one "
                "Transformer with pooling"
            )
