"""Export the weights of types as a static encoder, as model2vec writes them."""

import json
import logging
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from common.command import InputError, run
from common.encoders.encoder import Encoder
from common.tables import whole, write_provenance
from common.weights.type_weights import filled, mean_weights

MODULES = [
    {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}
]


def main(encoder: Path, *, weights: list[Path], output_encoder: Path) -> None:
    """Export the weights of types as a static encoder: a sentence is a mean of weighted vectors.

    The directory holds an encoder's input word vectors, the mean weight (a norm) of each type, and
    its tokenizer, as model2vec writes them (config.json, tokenizer.json, model.safetensors);
    StaticModel.from_pretrained and SentenceTransformer read it; the former leaves unknown tokens
    out. A type without a weight gets the mean of those with one.

    Example: python scripts/export_weights.py results/default/encoders/adjacent
    --weights results/default/weights/shapley/adjacent/held_out.parquet --output-encoder static

    Parameters
    ----------
    encoder
        Directory of the encoder.
    weights
        Weights by the encoder, by one method, of one corpus or more.
    output_encoder
        Directory of the static encoder.
    """
    model = Encoder(encoder, device="cpu")
    if not model.tokenizer.is_fast:
        raise InputError(f"{encoder}: its tokenizer is no fast one, which the file needs")
    of_types = mean_weights(weights, model)
    known = int(np.isfinite(of_types).sum())
    tokens = model.tokenizer.get_vocab()
    if sorted(tokens.values()) != list(range(len(tokens))):
        raise InputError(f"{encoder}: numbers of its tokens leave some out, which the file needs")
    vectors = model.word_embeddings.weight.detach().float().cpu().numpy()[: len(tokens)]
    arrays = {"embeddings": vectors, "weights": filled(of_types)[: len(tokens)].astype(np.float32)}
    about = {
        **{"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": False},
        **{"tokenizer_name": encoder.name, "hidden_dim": vectors.shape[1]},
        "embedding_dtype": "float32",
    }
    with whole(output_encoder) as partial:
        partial.mkdir(exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(a) for name, a in arrays.items()},
            partial / "model.safetensors",
        )
        model.tokenizer.backend_tokenizer.save(str(partial / "tokenizer.json"))
        (partial / "config.json").write_text(json.dumps(about, indent=2) + "\n")
        (partial / "modules.json").write_text(json.dumps(MODULES, indent=2) + "\n")
        write_provenance(partial)
    logging.info(
        "%d of %d types have a weight; %d dimensions", known, len(tokens), vectors.shape[1]
    )


if __name__ == "__main__":
    run(main)
