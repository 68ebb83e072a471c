"""Weigh the tokens of sentences by Integrated Gradients."""

from pathlib import Path

from common.command import run
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.weighing import Weighing


def main(
    encoder: Path,
    corpus: Path,
    *,
    weighing: Weighing = Weighing(),
    gradients: IntegratedGradients = IntegratedGradients(),
    output_weights: Path,
) -> None:
    """Weigh every token of a corpus by the norm of its Integrated Gradients, in embedding units.

    The gradients of all dimensions of the embedding are integrated exactly, along the path of the
    input word embeddings from a baseline to the sentence, by Gauss-Legendre quadrature
    (Sundararajan et al. 2017), refined where the embedding changes too fast for it. Special tokens
    are on the path too.

    Example: python scripts/integrate_gradients.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is that of its weight, from two rules;
        completeness the sentence's relative completeness error.
    """
    weighing.weigh(encoder, corpus, gradients, output_weights)


if __name__ == "__main__":
    run(main)
