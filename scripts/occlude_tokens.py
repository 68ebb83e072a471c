"""Weigh the tokens of sentences by occlusion."""

from pathlib import Path

from common.command import run
from common.weights.occlusion import Occlusion
from common.weights.weighing import Weighing


def main(
    encoder: Path,
    corpus: Path,
    *,
    weighing: Weighing = Weighing(),
    occlusion: Occlusion = Occlusion(),
    output_weights: Path,
) -> None:
    """Weigh every token of a corpus by how far the embedding moves without it, in embedding units.

    One token is absent at a time (Li et al. 2016), so n tokens take n + 2 passes: a first look.
    Special tokens are always there and weigh 0.

    Example: python scripts/occlude_tokens.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is 0: nothing is estimated. Contributions do not
        sum to a whole: completeness is what they miss of the embedding less that without any token.
    """
    weighing.weigh(encoder, corpus, occlusion, output_weights)


if __name__ == "__main__":
    run(main)
