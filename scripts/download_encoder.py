"""Take a published or local encoder into the run."""

import logging
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from common.command import InputError, run
from common.tables import whole, write_provenance


def main(source: Path, *, output_encoder: Path, pooling: str) -> None:
    """Take a local encoder into the run: of sentence-transformers or, plus pooling, transformers.

    Example: python scripts/download_encoder.py models/bert --output-encoder encoder --pooling mean

    Parameters
    ----------
    source
        Directory of the model.
    output_encoder
        Directory of the encoder, for sentence-transformers, weights as safetensors.
    pooling
        How token vectors become a sentence vector, for a plain transformers checkpoint.
    """
    try:
        if (source / "modules.json").exists():
            encoder = SentenceTransformer(str(source), local_files_only=True)
        else:
            transformer = Transformer(str(source))
            dimension = transformer.get_embedding_dimension()
            encoder = SentenceTransformer(
                modules=[transformer, Pooling(dimension, pooling_mode=pooling)]
            )
            logging.info("a plain transformers checkpoint: %s pooling added", pooling)
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: no encoder that can be loaded ({error})") from error
    with whole(output_encoder) as partial:
        encoder.save(str(partial), create_model_card=False)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
