"""Count tokens, and pairs of tokens of one sentence."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from common.command import InputError, run
from common.contract import CORPUS, PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.information import count_pairs
from common.progress import progress
from common.tables import read_table, write_table
from common.vocabulary import fingerprint, load_tokenizer

BLOCK = 50_000
"""Sentences tokenised and counted at a time."""


def main(
    corpus: Path,
    tokenizer: Path,
    *,
    output_tokens: Path,
    output_pairs: Path,
    output_lengths: Path,
) -> None:
    """Count tokens, and ordered pairs of tokens at distinct positions of a sentence.

    Special tokens are not counted, and sentences are not cut.

    Example: python scripts/count_tokens.py corpus.parquet encoder --output-tokens tokens.parquet
    --output-pairs pairs.parquet --output-lengths lengths.parquet

    Parameters
    ----------
    corpus
        Sentences (Parquet).
    tokenizer
        Directory of the tokenizer, or of an encoder.
    output_tokens
        Occurrences of every type of the vocabulary (Parquet).
    output_pairs
        Pairs of types that occur together, with their counts (Parquet).
    output_lengths
        How many sentences have how many tokens (Parquet).
    """
    texts = read_table(corpus, CORPUS)["text"]
    words = load_tokenizer(tokenizer)
    types = len(words)
    tokens = np.zeros(types, np.int64)
    pairs = csr_array((types, types), dtype=np.int64)
    sentences: Counter[int] = Counter()
    with progress("counting", len(texts), "sentences") as bar:
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK].to_list()
            encoded = words(
                block, add_special_tokens=False, return_attention_mask=False, verbose=False
            )
            lengths = np.array([len(ids) for ids in encoded["input_ids"]])
            ids = np.fromiter((i for ids in encoded["input_ids"] for i in ids), np.int64)
            tokens += np.bincount(ids, minlength=types)
            pairs += count_pairs(ids, lengths, types)
            sentences.update(lengths.tolist())
            bar.update(len(block))
    if not pairs.nnz:
        raise InputError(f"{corpus}: no sentence has two tokens, so no pair can be counted")
    unknown = tokens[words.unk_token_id] / tokens.sum() if words.unk_token_id is not None else 0.0
    logging.info("%d tokens, %.2f %% of them unknown", tokens.sum(), 100 * unknown)
    spelled = words.convert_ids_to_tokens(list(range(types)))
    identity = {"tokenizer": fingerprint(words)}
    counted = {"token_id": np.arange(types), "token": spelled, "count": tokens}
    write_table(pl.DataFrame(counted), output_tokens, TOKEN_COUNTS, **identity)
    coo = pairs.tocoo()
    write_table(
        pl.DataFrame({"token_id": coo.row, "other_id": coo.col, "count": coo.data}),
        output_pairs,
        PAIR_COUNTS,
        **identity,
    )
    lengths_seen = {"length": list(sentences), "sentences": list(sentences.values())}
    write_table(pl.DataFrame(lengths_seen), output_lengths, SENTENCE_LENGTHS, **identity)


if __name__ == "__main__":
    run(main)
