"""Add up the counts of the shards of a corpus."""

import logging
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.progress import progress
from common.tables import (
    read_metadata,
    read_parts,
    read_table,
    shared_metadata,
    write_parts,
    write_table,
)
from common.tokens.numbered_words import add_up_words, digest, renumber
from common.tokens.pair_counts import HELD, PairSum, grouped_pairs


def add_up(tables: list[pl.DataFrame], value: str) -> pl.DataFrame:
    """Sum of tables of one kind, row by row of equal keys."""
    return pl.concat(tables).group_by(pl.exclude(value)).agg(pl.col(value).sum())


def main(
    *,
    tokens: list[Path],
    pairs: list[Path],
    lengths: list[Path],
    output_tokens: Path,
    output_pairs: Path,
    output_lengths: Path,
    pairs_in_memory: int = HELD,
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
    pairs_in_memory
        Pairs of types held in memory at a time; more go to a temporary file.
    """
    identity = shared_metadata(
        [*tokens, *pairs, *lengths],
        "tokenizer",
        "segmenter",
        "unit",
        remedy="counts of different {name}s cannot be added",
    )
    numbered_by = [
        [read_metadata(path).get("words") for path in paths] for paths in (tokens, pairs)
    ]
    if numbered_by[0] != numbered_by[1]:
        raise InputError(f"{tokens[0]} and {pairs[0]}: give the same shards in the same order")
    of_shards = [read_table(path, TOKEN_COUNTS) for path in tokens]
    if identity["unit"] == "word":
        all_tokens = add_up_words(of_shards)
        identity["words"] = digest(all_tokens)
    else:
        all_tokens = add_up(of_shards, "count")
    total = PairSum(pairs_in_memory)
    with progress("merging", len(pairs), "shards") as bar:
        for path, counted in zip(pairs, of_shards, strict=True):
            for table in read_parts(path, PAIR_COUNTS):
                by_word = identity["unit"] == "word"
                part = renumber(table, counted, all_tokens) if by_word else table
                total.add(grouped_pairs([part], len(all_tokens)))
            bar.update(1)
    all_lengths = add_up([read_table(path, SENTENCE_LENGTHS) for path in lengths], "sentences")
    logging.info("%d types and their pairs in %d shards", len(all_tokens), len(tokens))
    write_table(all_tokens, output_tokens, TOKEN_COUNTS, **identity)
    write_parts(total.tables(len(all_tokens)), output_pairs, PAIR_COUNTS, **identity)
    write_table(all_lengths, output_lengths, SENTENCE_LENGTHS, **identity)


if __name__ == "__main__":
    run(main)
