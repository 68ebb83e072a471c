"""Take a published or local encoder into the run."""

import logging
from pathlib import Path
from typing import Any

import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from common.command import InputError, run
from common.corpora.files import POINTED_AT, pointer_in
from common.encoders.model_files import module_folders, refuse_remote_code
from common.tables import whole, write_provenance

UNUSED = "pooler"
"""Layer behind the tokens' vectors, which no pooling reads."""


def load(source: Path, pooling: str) -> SentenceTransformer:
    """The encoder with its own modules, or a plain transformers checkpoint with `pooling`."""
    if (source / "modules.json").exists():
        return SentenceTransformer(str(source), local_files_only=True)
    transformer = Transformer(str(source))
    dimension = transformer.get_embedding_dimension()
    logging.info("a plain transformers checkpoint: %s pooling added", pooling)
    return SentenceTransformer(modules=[transformer, Pooling(dimension, pooling_mode=pooling)])


def missing_parameters(module: Any, folder: Path) -> list[str]:
    """Parameters of a transformers model that its checkpoint lacks: they would be random."""
    if not isinstance(module, Transformer):
        return []
    _, loading = type(module.model).from_pretrained(
        str(folder), local_files_only=True, output_loading_info=True
    )
    return sorted(name for name in loading["missing_keys"] if UNUSED not in name)


def main(source: Path, *, output_encoder: Path, pooling: str) -> None:
    """Take a local encoder into the run: of sentence-transformers or, plus pooling, transformers.

    Example: python scripts/import_encoder.py models/bert --output-encoder encoder --pooling mean

    Parameters
    ----------
    source
        Directory of the model.
    output_encoder
        Directory of the encoder, for sentence-transformers, weights as safetensors.
    pooling
        How token vectors become a sentence vector, for a plain transformers checkpoint.
    """
    if pointer := pointer_in(source):
        raise InputError(f"{pointer}: {POINTED_AT}")
    refuse_remote_code(source, str(source))
    transformers.utils.logging.disable_progress_bar()
    try:
        encoder = load(source, pooling)
        missing = missing_parameters(encoder[0], module_folders(source)[0])
    except Exception as error:
        raise InputError(f"{source}: no encoder that can be loaded ({error})") from error
    if missing:
        raise InputError(
            f"{source}: lacks parameter {missing[0]} and {len(missing) - 1} more of its "
            "architecture; they would be random: use another checkpoint"
        )
    with whole(output_encoder) as partial:
        encoder.save(str(partial), create_model_card=False)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
