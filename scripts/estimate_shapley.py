"""Weigh the tokens of sentences by Shapley values."""

from pathlib import Path

from common.command import run
from common.weights.shapley_values import ShapleyValues
from common.weights.weighing import Weighing


def main(
    encoder: Path,
    corpus: Path,
    *,
    weighing: Weighing = Weighing(),
    shapley: ShapleyValues = ShapleyValues(),
    output_weights: Path,
) -> None:
    """Weigh every token of a corpus by the norm of its Shapley value, in embedding units.

    The players are the tokens that are not special; special tokens are always there and weigh 0
    (Lundberg and Lee 2017). Sampled values are unbiased.

    Example: python scripts/estimate_shapley.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is its standard error, 0 where all coalitions were
        evaluated; completeness the sentence's relative efficiency error.
    """
    weighing.weigh(encoder, corpus, shapley, output_weights)


if __name__ == "__main__":
    run(main)
