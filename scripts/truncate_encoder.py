"""Cut a sentence encoder after one of its layers."""

import logging
from pathlib import Path

from common.command import run
from common.encoders.layers import cut_after
from common.encoders.loading import load_encoder
from common.tables import whole, write_provenance


def main(encoder: Path, *, layers: int, output_encoder: Path) -> None:
    """Cut an encoder after so many of its layers, 0 for its input embeddings, and pool there.

    Pooled as the encoder itself; what follows its pooling (Dense, Normalize) is for the last layer
    and left out. A norm that the architecture applies after its last layer is applied here too.

    Example: python scripts/truncate_encoder.py encoder --layers 1 --output-encoder first_layer

    Parameters
    ----------
    encoder
        Directory of the encoder.
    layers
        Layers that are kept, the first ones.
    output_encoder
        Directory of the encoder that ends there.
    """
    cut = load_encoder(encoder, "cpu")
    depth = cut_after(cut, layers, str(encoder))
    logging.info("kept %d of %d layers", layers, depth)
    with whole(output_encoder) as partial:
        cut.save(str(partial), create_model_card=False)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
