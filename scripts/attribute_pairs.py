"""Attribute the similarity of pairs of sentences to pairs of their tokens."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CORPUS, PAIRS
from common.encoders.encoder import Dtype
from common.encoders.likeness import Likeness
from common.progress import progress
from common.tables import read_metadata, read_table, write_parts
from common.tokens.jobs import Job
from common.tokens.sentences import parse_shard
from common.weights.contribution_tables import ContributionTables
from common.weights.pair_attributions import attribute_pair, rows_of
from common.weights.weighing import Weighing

AT_ONCE = 128
"""Pairs whose contributions are in memory together."""


def pairs_of(corpus: Path, shard: str) -> list[tuple[int, int, int]]:
    """The pair_id of every pair of a shard, and the sentences of sides 0 and 1.

    Of sentences that read alike the first stands for all, so that its contributions will do.
    """
    table = read_table(corpus, CORPUS)
    if "pair_id" not in table.columns:
        raise InputError(f"{corpus}: no pairs; give a corpus of two text columns")
    table = table.with_columns(pl.col("sentence_id").min().over("text"))
    first, second = (table.filter(pl.col("side") == side) for side in (0, 1))
    joined = first.join(second, on="pair_id", suffix="_1").sort("pair_id")
    number, count = parse_shard(shard)
    rows = joined.select("pair_id", "sentence_id", "sentence_id_1").rows()[number - 1 :: count]
    if not rows:
        raise InputError(f"{corpus}: no pair in shard {shard}; take fewer shards")
    return rows


def by_method(vectors: list[Path], weights: list[Path]) -> dict[str, tuple[list[Path], list[Path]]]:
    """Tables of vectors and of weights by the method that made them."""
    found: dict[str, tuple[list[Path], list[Path]]] = defaultdict(lambda: ([], []))
    for kind, paths in enumerate((vectors, weights)):
        for path in paths:
            found[read_metadata(path).get("method", "")][kind].append(path)
    for method, (ours, theirs) in found.items():
        if not (ours and theirs):
            one, other = ("weights", "vectors") if ours else ("vectors", "weights")
            raise InputError(f"{[*ours, *theirs][0]}: no {one} of {method} beside its {other}")
    return dict(sorted(found.items()))


def main(
    encoder: Path,
    corpus: Path,
    *,
    vectors: list[Path],
    weights: list[Path],
    job: Job = Job(),
    normalize: bool = False,
    dtype: Dtype = "float32",
    similarity: Literal["cosine", "dot"] = "cosine",
    output_pairs: Path,
) -> None:
    """Attribute the similarity of sides 0 and 1 of every pair to pairs of their tokens.

    An attribution is the product of the contribution vectors of both tokens, over the norms of
    both embeddings if the similarity is the cosine. Rows without position or other_position hold
    what the embedding of a baseline adds, so that the rows of a pair sum to its similarity.

    Example: python scripts/attribute_pairs.py encoder sts.parquet --vectors vectors.parquet
    --weights weights.parquet --output-pairs pairs.parquet

    Parameters
    ----------
    encoder
        Directory of the encoder.
    corpus
        Pairs of sentences (Parquet).
    vectors
        Contribution vectors, by --output-vectors of scripts that weigh; of several methods and
        shards. Of sentences that read alike, those of the first are enough.
    weights
        Their norms, with errors.
    normalize
        Whether the vectors explain the embedding after its L2 normalisation.
    dtype
        Numbers of the encoder's passes.
    similarity
        What is attributed.
    output_pairs
        A row for every pair of tokens, by each method.
    """
    pairs = pairs_of(corpus, job.shard)
    opened = Weighing(**asdict(job), normalize=normalize, dtype=dtype).open(encoder, corpus)
    likeness = Likeness(opened.encoder)
    spelled = opened.encoder.tokenizer.convert_ids_to_tokens
    sources = {
        method: ContributionTables(opened, *both)
        for method, both in by_method(vectors, weights).items()
    }
    blocks = [pairs[k : k + AT_ONCE] for k in range(0, len(pairs), AT_ONCE)]
    missed = []

    def tables() -> Iterator[pl.DataFrame]:
        with progress(f"pairs of {corpus.stem}", len(pairs) * len(sources), "pairs") as bar:
            for method, source in sources.items():
                for some in blocks:
                    found = source.read({number for _, *both in some for number in both})
                    for pair, *both in some:
                        first, second = (found[number] for number in both)
                        norms = [np.linalg.norm(each.embedding) for each in (first, second)]
                        size = float(np.prod(norms))
                        scale = size if similarity == "cosine" else 1.0
                        matrix, error = attribute_pair(first, second, scale)
                        whole = float(first.embedding @ second.embedding) / scale
                        missed.append(abs(matrix.sum() - whole) * scale / size)
                        left, right = (source.sentences[number] for number in both)
                        alike = likeness.of(left.ids, right.ids)
                        rows = rows_of((left, right), spelled, matrix, error, alike)
                        yield rows.with_columns(
                            method=pl.lit(method),
                            pair_id=pl.lit(pair, pl.Int64),
                            similarity=whole,
                            completeness=missed[-1],
                        )
                    bar.update(len(some))

    about = {"encoder": encoder.name, "similarity": similarity}
    for source in sources.values():
        about |= {name: source.about[name] for name in ("corpus", "tokenizer")}
    write_parts(tables(), output_pairs, PAIRS, **about)
    logging.info("%d pairs; their sums miss %.2g of the norms at most", len(pairs), max(missed))


if __name__ == "__main__":
    run(main)
