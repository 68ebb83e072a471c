"""Train static encoders on a distribution of pairs of words."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import STATIC_VECTORS
from common.corpora.grammar import divergence_from_marginal
from common.progress import progress
from common.tables import write_table
from common.theory.static_encoder import PopulationLoss, choose_penalty, fit
from common.theory.word_pairs import Cooccurrence, counted_pairs, exact_pairs


def main(
    *,
    cooccurrence: Cooccurrence,
    tokens: Path | None = None,
    pairs: Path | None = None,
    vectors: list[Literal["tied", "untied"]],
    dimensions: list[int],
    types: int = 4000,
    output_vectors: Path,
) -> None:
    """Train static encoders, a sentence being the sum of its word vectors, by InfoNCE on pairs.

    The loss is that of the whole distribution of pairs, a softmax over all types. From sampled
    sentences (--tokens and --pairs) norms are penalised, as much as held-out documents ask for
    (with the first of --vectors); without, the pairs have their exact distribution in the generated
    language, and there is no penalty.

    Example: python scripts/train_static_encoder.py --cooccurrence adjacent --tokens tokens.parquet
    --pairs adjacent.parquet --vectors tied untied --dimensions 16 64 --types 4000
    --output-vectors vectors.parquet

    Parameters
    ----------
    cooccurrence
        Where the words of a pair stand: in adjacent sentences of a document or in one sentence.
    tokens
        Occurrences of every type (Parquet).
    pairs
        Counts of such pairs of types (Parquet).
    vectors
        tied: one vector a word; untied: another for the word as context.
    dimensions
        Dimensions of the vectors, an encoder each.
    types
        Types that take part at most, the most frequent ones; exact pairs are of all.
    output_vectors
        Vectors of all these encoders (Parquet).
    """
    if (tokens is None) != (pairs is None):
        raise InputError("--tokens and --pairs: give both, or none for the exact distribution")
    penalty = 0.0
    if tokens is not None and pairs is not None:
        words, halves, number = counted_pairs(tokens, pairs, types)
        joint = (halves[0] + halves[1]) / np.sum(halves)
    else:
        words, joint = exact_pairs(cooccurrence)
    if max(dimensions) > len(words):
        raise InputError(f"--dimensions {max(dimensions)}: more than the {len(words)} types")
    if pairs is not None:
        penalty = choose_penalty(halves, number, max(dimensions), tied=vectors[0] == "tied")
    loss, marginal = PopulationLoss(joint), joint.sum(axis=1)
    least = -marginal @ divergence_from_marginal(joint)
    logging.info("%d types, penalty %.1e, least loss %.4f nats", len(words), penalty, least)
    frames = []
    with progress("training", len(vectors) * len(dimensions), "encoders") as bar:
        for tying in vectors:
            last = None
            for dimension in sorted(dimensions, reverse=True):
                last = fit(joint, dimension, tied=tying == "tied", penalty=penalty, start=last)
                logging.info("%s, %d dimensions: loss %.4f nats", tying, dimension, loss.of(last))
                frames.append(
                    pl.DataFrame(
                        {
                            "vectors": tying,
                            "dimension": pl.Series([dimension] * len(words), dtype=pl.Int32),
                            "token": words,
                            "probability": marginal,
                            "word": last.words.tolist(),
                            "context": last.contexts.tolist(),
                        }
                    )
                )
                bar.update()
    names = {"cooccurrence": cooccurrence, "source": "exact" if pairs is None else "sampled"}
    joined = pl.concat(frames).with_columns(pl.lit(v).alias(k) for k, v in names.items())
    write_table(joined, output_vectors, STATIC_VECTORS)


if __name__ == "__main__":
    run(main)
