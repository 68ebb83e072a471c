"""Count tokens or words, and pairs of them in one sentence, in a shard of a corpus."""

import logging
import os
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from transformers import PreTrainedTokenizerBase

from common.command import InputError, run
from common.contract import PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.progress import progress
from common.tables import write_parts, write_table
from common.tokens.corpus_blocks import CorpusFile
from common.tokens.counted_types import SegmentedTypes, TokenTypes, WordTypes
from common.tokens.numbered_words import digest
from common.tokens.pair_counts import GROUPS, HELD, PairSum, count_grouped_pairs
from common.tokens.segmenters import told_by
from common.tokens.sentences import parse_shard
from common.tokens.vocabulary import fingerprint, load_tokenizer

UNKNOWN_SHARE = 0.01
"""More unknown tokens are worth a warning."""


def types_of(
    tokenizer: PreTrainedTokenizerBase | None, unit: str
) -> TokenTypes | WordTypes | SegmentedTypes:
    """What is counted: tokens or words of a tokenizer, or the words of ICU."""
    if tokenizer is None:
        return SegmentedTypes()
    return WordTypes(tokenizer) if unit == "word" else TokenTypes(tokenizer)


def main(
    corpus: Path,
    tokenizer: Path | None = None,
    *,
    output_tokens: Path,
    output_pairs: Path,
    output_lengths: Path,
    unit: Literal["token", "word"] = "token",
    block: int = 25_000,
    pairs_in_memory: int = HELD,
    shard: str = "1-of-1",
) -> None:
    """Count tokens or words, and ordered pairs of them at distinct positions of a sentence.

    Special tokens are not counted, and sentences are not cut. RAYON_NUM_THREADS threads make the
    tokens, by default one a core.

    Example: python scripts/count_tokens.py corpus.parquet encoder --output-tokens tokens.parquet
    --output-pairs pairs.parquet --output-lengths lengths.parquet --shard 2-of-8

    Parameters
    ----------
    corpus
        Sentences (Parquet).
    tokenizer
        Directory of the tokenizer, or of an encoder; without one, words are counted as ICU finds
        them, in small letters.
    output_tokens
        Occurrences of every type of the vocabulary, or of every word as it was met (Parquet).
    output_pairs
        Pairs of types that occur together, with their counts (Parquet).
    output_lengths
        How many sentences have how many tokens or words (Parquet).
    unit
        What is counted: tokens, or the words that they are parts of, as these read.
    block
        Sentences held in memory at a time.
    pairs_in_memory
        Pairs of types held in memory at a time; more go to a temporary file.
    shard
        Part of the sentences to count, as 2-of-8.
    """
    number, shards = parse_shard(shard)
    sentences = CorpusFile(corpus)
    group = sentences.groups(GROUPS)
    rows = range(
        len(sentences) * (number - 1) // shards,
        len(sentences) * number // shards,
    )
    if tokenizer is None and unit == "token":
        raise InputError(f"{corpus}: no tokenizer to count tokens of; give one, or --unit word")
    words = load_tokenizer(tokenizer) if tokenizer else None
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    types = types_of(words, unit)
    tokens = np.zeros(len(types), np.int64)
    pairs = PairSum(pairs_in_memory)
    seen: Counter[int] = Counter()
    with progress("counting", len(rows), "sentences") as bar:
        for part in sentences.blocks(rows, block):
            ids, lengths = types.number(part["text"])
            before, tokens = tokens, np.bincount(ids, minlength=len(types))
            tokens[: len(before)] += before
            seen.update(lengths.tolist())
            pairs.add(count_grouped_pairs(ids, lengths, group(part), len(tokens)))
            bar.update(len(part))
    spelled = pl.Series(types.spelled, dtype=pl.String)
    counted = pl.DataFrame({"token_id": np.arange(len(types)), "token": spelled, "count": tokens})
    odd = counted.filter(token=words.unk_token)["count"].sum() if words else 0
    unknown = odd / max(tokens.sum(), 1)
    logging.info("%d %ss, %.2f %% unknown", tokens.sum(), unit, 100 * unknown)
    if unknown > UNKNOWN_SHARE:
        logging.warning("%.0f %% unknown: this tokenizer fits the corpus badly", 100 * unknown)
    if types.left_out:
        logging.info("%d special tokens spelled out in the text left out", types.left_out)
    if seen[0]:
        logging.warning("%d sentences without tokens", seen[0])
    identity = {"tokenizer": fingerprint(words)} if words else told_by("icu")
    identity["unit"] = unit
    if unit == "word":
        identity["words"] = digest(counted)
    write_table(counted, output_tokens, TOKEN_COUNTS, **identity)
    write_parts(pairs.tables(len(types)), output_pairs, PAIR_COUNTS, **identity)
    counted_lengths = pl.DataFrame({"length": list(seen), "sentences": list(seen.values())})
    write_table(counted_lengths, output_lengths, SENTENCE_LENGTHS, **identity)


if __name__ == "__main__":
    run(main)
