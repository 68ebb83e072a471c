"""Attribute the similarity of pairs of sentences to pairs of their tokens."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CORPUS, PAIRS
from common.encoders.encoder import Dtype
from common.tables import read_metadata, read_table, write_parts
from common.tokens.jobs import Job
from common.tokens.sentences import parse_shard
from common.weights.contribution_tables import read_contributions
from common.weights.pair_attributions import attribute_pair, rows_of
from common.weights.weighing import Weighing


def pairs_of(corpus: Path, shard: str) -> list[tuple[int, int, int]]:
    """The pair_id and the sentence_id of sides 0 and 1 of every pair of a shard."""
    table = read_table(corpus, CORPUS)
    if "pair_id" not in table.columns:
        raise InputError(f"{corpus}: no pairs; give a corpus of two text columns")
    first, second = (table.filter(pl.col("side") == side) for side in (0, 1))
    joined = first.join(second, on="pair_id", suffix="_1").sort("pair_id")
    number, count = parse_shard(shard)
    rows = joined.select("pair_id", "sentence_id", "sentence_id_1").rows()[number - 1 :: count]
    if not rows:
        raise InputError(f"{corpus}: no pair in shard {shard}; take fewer shards")
    return rows


def main(
    encoder: Path,
    corpus: Path,
    vectors: Path,
    weights: Path,
    *,
    job: Job = Job(),
    normalize: bool = False,
    dtype: Dtype = "float32",
    similarity: Literal["cosine", "dot"] = "cosine",
    baseline: Literal["zero", "mask", "pad", "drop"] = "zero",
    output_pairs: Path,
) -> None:
    """Attribute the similarity of sides 0 and 1 of every pair to pairs of their tokens.

    An attribution is the product of the contribution vectors of both tokens, over the norms of
    both embeddings if the similarity is the cosine. Rows without position or other_position hold
    what the embedding of a baseline adds, so that the rows of a pair sum to its similarity.

    Example: python scripts/attribute_pairs.py encoder sts.parquet vectors.parquet weights.parquet
    --output-pairs pairs.parquet

    Parameters
    ----------
    encoder
        Directory of the encoder.
    corpus
        Pairs of sentences (Parquet).
    vectors
        Contribution vectors, by --output-vectors of integrate_gradients or estimate_shapley.
    weights
        Their norms, with errors.
    normalize
        Whether the vectors explain the embedding after its L2 normalisation.
    dtype
        Numbers of the encoder's passes.
    similarity
        What is attributed.
    baseline
        That of the vectors: what Integrated Gradients start from, what stands for absent tokens.
    output_pairs
        A row for every pair of tokens.
    """
    pairs = pairs_of(corpus, job.shard)
    opened = Weighing(**asdict(job), normalize=normalize, dtype=dtype).open(encoder, corpus)
    wanted = sorted({number for _, *both in pairs for number in both})
    found, sentences = read_contributions(opened, wanted, vectors, weights, baseline)
    spelled = opened.encoder.tokenizer.convert_ids_to_tokens
    missed = []

    def tables() -> Iterator[pl.DataFrame]:
        for pair, *both in pairs:
            first, second = (found[number] for number in both)
            norms = np.linalg.norm(first.embedding) * np.linalg.norm(second.embedding)
            scale = float(norms) if similarity == "cosine" else 1.0
            matrix, error = attribute_pair(first, second, scale)
            whole = float(first.embedding @ second.embedding) / scale
            missed.append(abs(matrix.sum() - whole) * scale / float(norms))
            left, right = (sentences[number] for number in both)
            yield rows_of(left, right, spelled, matrix, error).with_columns(
                pair_id=pl.lit(pair, pl.Int64), similarity=whole, completeness=missed[-1]
            )

    about = {"similarity": similarity, "baseline": baseline}
    method = read_metadata(vectors).get("method", "")
    names = {"encoder": encoder.name, "method": method, "corpus": corpus.stem}
    write_parts(tables(), output_pairs, PAIRS, **about, **names)
    logging.info("%d pairs; their sums miss %.2g of the norms at most", len(missed), max(missed))


if __name__ == "__main__":
    run(main)
