"""Weigh the tokens of sentences by Integrated Gradients."""

import logging
from pathlib import Path
from typing import Literal

import torch

from common.attribution import batches, read_sentences, write_weights
from common.command import run
from common.encoders import Encoder
from common.path_integral import choose_path, integrate_path
from common.progress import progress

TRIAL_SENTENCES = 4


def main(
    encoder: Path,
    corpus: Path,
    *,
    output_weights: Path,
    baseline: Literal["zero", "mask", "pad"],
    tolerance: float,
    max_nodes: int,
    normalize: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    batch_tokens: int = 16384,
) -> None:
    """Weigh every token of a corpus by the norm of its Integrated Gradients, in embedding units.

    The gradients of all dimensions of the embedding are integrated exactly, along the path of the
    input word embeddings from a baseline to the sentence, by Gauss-Legendre quadrature
    (Sundararajan et al. 2017). Special tokens are on the path too.

    Example: python scripts/integrate_gradients.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --baseline zero --tolerance 1e-3 --max-nodes 256
    --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is the sentence's relative completeness error.
    baseline
        Input word embeddings at the start of the path: zero, or those of the mask or pad token.
    tolerance
        Relative completeness error at which a sentence is done.
    max_nodes
        Quadrature nodes at most.
    normalize
        Explain the embedding after its L2 normalisation, if the encoder has one.
    device
        Where tensors live; auto takes a GPU where there is one.
    batch_tokens
        Tokens times tangents of a batch; memory grows with it, results do not depend on it.
    """
    model = Encoder(encoder, device=device, normalize=normalize)
    sentences = read_sentences(model, corpus)
    origin = None if baseline == "zero" else model.token_id(baseline)

    def ends(ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        end = model.embeddings(torch.tensor(ids))
        if origin is None:
            return torch.zeros_like(end), end
        return model.embeddings(torch.full((len(ids), len(ids[0])), origin)), end

    lengths = sorted(sentences, key=lambda s: len(s.ids))
    middle = [s.ids for s in lengths if len(s.ids) == len(lengths[len(lengths) // 2].ids)]
    path = choose_path(model.embed, *ends(middle[:TRIAL_SENTENCES]), batch_tokens)
    logging.info("%s", path)

    spent, missed = 0, 0
    with progress("integrate_gradients", len(sentences), "sentences") as bar:
        for batch in batches(sentences, batch_tokens):
            contributions, errors, nodes = integrate_path(
                model.embed,
                *ends([s.ids for s in batch]),
                path=path,
                tolerance=tolerance,
                max_nodes=max_nodes,
                batch_tokens=batch_tokens,
            )
            for sentence, weight, error in zip(
                batch, contributions.norm(dim=2), errors, strict=True
            ):
                sentence.weight = weight.numpy()
                sentence.error = error.expand(len(weight)).numpy()
            spent += sum(nodes)
            missed += int((errors > tolerance).sum())
            bar.update(len(batch))
    logging.info("%.1f nodes a sentence", spent / len(sentences))
    if missed:
        logging.info("%d sentences did not reach the tolerance of %g", missed, tolerance)
    write_weights(model, sentences, output_weights)


if __name__ == "__main__":
    run(main)
