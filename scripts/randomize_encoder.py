"""Draw the parameters of a sentence encoder anew."""

import logging
from pathlib import Path

from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import WeightedLayerPooling
from torch import nn
from transformers import set_seed

from common.command import run
from common.encoders.loading import load_encoder
from common.tables import whole, write_provenance


def main(base: Path, *, output_encoder: Path, seed: int) -> None:
    """Keep an encoder's architecture, tokenizer and modules, and draw all its parameters anew.

    The control for what training teaches: parameters come from the initial distribution of the
    architecture, as before any training.

    Example: python scripts/randomize_encoder.py encoder --output-encoder random --seed 0

    Parameters
    ----------
    base
        Directory of the encoder.
    output_encoder
        Directory of the encoder with random parameters.
    seed
        Seed of the parameters.
    """
    encoder = load_encoder(base, "cpu")
    transformer, *others = encoder
    assert isinstance(transformer, Transformer)
    set_seed(seed)
    transformer.model = type(transformer.model)(transformer.model.config)
    for part in (part for module in others for part in module.modules()):
        if reset := getattr(part, "reset_parameters", None):
            reset()
        elif isinstance(part, WeightedLayerPooling):
            nn.init.ones_(part.layer_weights)
    logging.info("%d parameters drawn", sum(p.numel() for p in encoder.parameters()))
    with whole(output_encoder) as partial:
        encoder.save(str(partial), create_model_card=False)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
