"""Take a published or local encoder into the run."""

import logging
from pathlib import Path
from typing import Any

import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from common.command import InputError, run
from common.encoders.agreement import check_agreement
from common.encoders.loading import complete, prompt_of
from common.encoders.model_files import module_folders, refuse_remote_code
from common.encoders.supported import refuse_unsupported
from common.tables import whole, write_provenance

UNUSED = "pooler"
"""Layer behind the tokens' vectors, which no pooling reads."""
PLAIN_POOLING = "mean"


def load(source: Path, pooling: str | None) -> SentenceTransformer:
    """The encoder with its own modules, or a plain transformers checkpoint with `pooling`.

    Raises
    ------
    InputError
        The encoder has another pooling of its own.
    """
    if (source / "modules.json").exists():
        encoder = SentenceTransformer(str(source), device="cpu", local_files_only=True)
        own = [module.pooling_mode for module in encoder if isinstance(module, Pooling)]
        if pooling is not None and own != [pooling]:
            raise InputError(
                f"{source}: pooling {pooling} is asked for, but it has modules of its own (pooling "
                f"{', '.join(map(str, own)) or 'none'}); leave pooling out"
            )
        return encoder
    transformer = Transformer(str(source))
    transformer.modality_config.pop("message", None)  # plain text, not chats
    dimension = transformer.get_embedding_dimension()
    pooling = pooling or PLAIN_POOLING
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


def choose_prompt(encoder: SentenceTransformer, prompt: str | None, source: Path) -> None:
    """Make the prompt of this name the one that comes before every sentence; none: no prompt.

    Raises
    ------
    InputError
        The encoder has no prompt of this name.
    """
    if prompt is not None:
        if prompt != "none" and prompt not in encoder.prompts:
            raise InputError(
                f"{source}: no prompt {prompt!r}; it has {', '.join(encoder.prompts)}, or none"
            )
        encoder.default_prompt_name = None if prompt == "none" else prompt
    if text := prompt_of(encoder):
        logging.info("prompt %s before every sentence: %r", encoder.default_prompt_name, text)


def main(
    source: Path, *, output_encoder: Path, pooling: str | None = None, prompt: str | None = None
) -> None:
    """Take a local encoder into the run: of sentence-transformers or, plus pooling, transformers.

    Its embeddings and derivatives, as they will be weighed, are compared with what the library's
    encode() returns.

    Example: python scripts/import_encoder.py models/bert --output-encoder encoder --pooling mean

    Parameters
    ----------
    source
        Directory of the model.
    output_encoder
        Directory of the encoder, for sentence-transformers, weights as safetensors.
    pooling
        How token vectors become a sentence vector, for a plain transformers checkpoint; mean if
        left out.
    prompt
        Name of the encoder's prompt to put before every sentence, or none; its default if left out.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such directory")
    refuse_unsupported(source, str(source))
    refuse_remote_code(source, str(source))
    transformers.utils.logging.disable_progress_bar()
    try:
        encoder = load(source, pooling)
        missing = missing_parameters(encoder[0], module_folders(source, str(source))[0])
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{source}: no encoder that can be loaded ({error})") from error
    if missing:
        raise InputError(
            f"{source}: lacks parameter {missing[0]} and {len(missing) - 1} more of its "
            "architecture; they would be random: use another checkpoint"
        )
    complete(encoder, str(source))
    choose_prompt(encoder, prompt, source)
    with whole(output_encoder) as partial:
        encoder.save(str(partial), create_model_card=False)
        check_agreement(partial, source)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
