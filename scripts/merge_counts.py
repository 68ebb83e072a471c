"""Add up the counts of the shards of a corpus."""

import logging
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS, Table
from common.counted_types import add_up_words, digest, renumber
from common.tables import read_metadata, read_table, write_table


def read_each(paths: list[Path], table: Table) -> Iterator[pl.DataFrame]:
    """The tables one after the other."""
    return (read_table(path, table) for path in paths)


def add_up(parts: Iterator[pl.DataFrame], table: Table) -> pl.DataFrame:
    """Sum of tables of one kind, two at a time, row by row of equal ids."""
    values = [name for name in table.columns if name in ("count", "half_count", "sentences")]
    keys = [name for name in table.columns if name not in values]
    return reduce(lambda a, b: pl.concat([a, b]).group_by(keys).agg(pl.col(values).sum()), parts)


def main(
    *,
    tokens: list[Path],
    pairs: list[Path],
    lengths: list[Path],
    output_tokens: Path,
    output_pairs: Path,
    output_lengths: Path,
) -> None:
    """Add up the counts of the shards of a corpus.

    Example: python scripts/merge_counts.py --tokens t1.parquet t2.parquet --pairs p1.parquet
    p2.parquet --lengths l1.parquet l2.parquet --output-tokens tokens.parquet
    --output-pairs pairs.parquet --output-lengths lengths.parquet

    Parameters
    ----------
    tokens
        Occurrences of every type in each shard (Parquet).
    pairs
        Pairs of types of each shard, in the same order (Parquet).
    lengths
        Lengths of the sentences of each shard (Parquet).
    output_tokens
        Occurrences in all shards (Parquet).
    output_pairs
        Pairs in all shards (Parquet).
    output_lengths
        Lengths in all shards (Parquet).
    """
    parts = [*tokens, *pairs, *lengths]
    about = {path: read_metadata(path) for path in parts}
    for path in parts:
        for name in ("tokenizer", "unit"):
            if about[path][name] != about[parts[0]][name]:
                raise InputError(f"{parts[0]} and {path}: counts of different {name}s")
    identity = {name: about[parts[0]][name] for name in ("tokenizer", "unit")}
    numbered_by = [[about[path].get("words") for path in paths] for paths in (tokens, pairs)]
    if numbered_by[0] != numbered_by[1]:
        raise InputError(f"{tokens[0]} and {pairs[0]}: give the same shards in the same order")
    if identity["unit"] == "word":
        counted = list(read_each(tokens, TOKEN_COUNTS))
        all_tokens = add_up_words(counted)
        identity["words"] = digest(all_tokens)
        shards = zip(read_each(pairs, PAIR_COUNTS), counted, strict=True)
        all_pairs = add_up((renumber(*both, all_tokens) for both in shards), PAIR_COUNTS)
    else:
        all_tokens = add_up(read_each(tokens, TOKEN_COUNTS), TOKEN_COUNTS)
        all_pairs = add_up(read_each(pairs, PAIR_COUNTS), PAIR_COUNTS)
    all_lengths = add_up(read_each(lengths, SENTENCE_LENGTHS), SENTENCE_LENGTHS)
    for total, table, output in (
        (all_tokens, TOKEN_COUNTS, output_tokens),
        (all_pairs, PAIR_COUNTS, output_pairs),
        (all_lengths, SENTENCE_LENGTHS, output_lengths),
    ):
        logging.info("%s: %d rows of %d shards", table.holds, len(total), len(tokens))
        write_table(total, output, table, **identity)


if __name__ == "__main__":
    run(main)
