"""Count pairs of tokens in adjacent sentences, and in one sentence, for static encoders."""

import logging
import os
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import ADJACENT_COUNTS, PAIR_COUNTS, TOKEN_COUNTS
from common.progress import progress
from common.tables import write_parts, write_table
from common.tokens.corpus_blocks import CorpusFile
from common.tokens.counted_types import TokenTypes
from common.tokens.pair_counts import (
    GROUPS,
    HELD,
    PairSum,
    count_grouped_adjacent_pairs,
    count_grouped_pairs,
)
from common.tokens.vocabulary import fingerprint, load_tokenizer


def main(
    corpus: Path,
    tokenizer: Path,
    *,
    output_tokens: Path,
    output_adjacent: Path,
    output_sentence: Path,
    block: int = 25_000,
    pairs_in_memory: int = HELD,
) -> None:
    """Count tokens, and pairs of them in adjacent sentences of a document and in one sentence.

    All positions count alike, special tokens do not. RAYON_NUM_THREADS threads make the tokens.

    Example: python scripts/count_cooccurrences.py corpus.parquet encoder
    --output-tokens tokens.parquet --output-adjacent adjacent.parquet
    --output-sentence sentence.parquet

    Parameters
    ----------
    corpus
        Sentences, those of a document one after the other (Parquet).
    tokenizer
        Directory of the tokenizer, or of an encoder.
    output_tokens
        Occurrences of every type of the vocabulary (Parquet).
    output_adjacent
        Pairs of a token and one of the next or last sentence (Parquet).
    output_sentence
        Pairs of tokens at distinct positions of a sentence (Parquet).
    block
        Sentences held in memory at a time.
    pairs_in_memory
        Pairs of types held in memory at a time; more go to a temporary file.
    """
    sentences = CorpusFile(corpus)
    group = sentences.groups(GROUPS)
    words = load_tokenizer(tokenizer)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    types = TokenTypes(words)
    tokens = np.zeros(len(types), np.int64)
    adjacent, within = PairSum(pairs_in_memory), PairSum(pairs_in_memory)
    met = 0
    last = (np.array([], np.int64),) * 3
    with progress("counting", len(sentences), "sentences") as bar:
        for part in sentences.blocks(range(len(sentences)), block):
            ids, lengths = types.number(part["text"])
            documents = part["document_id"].to_numpy()
            tokens += np.bincount(ids, minlength=len(types))
            groups = group(part)
            within.add(count_grouped_pairs(ids, lengths, groups, len(types)))
            ids = np.concatenate([last[0], ids])
            lengths = np.concatenate([[len(last[0])] * len(last[1]), lengths]).astype(np.int64)
            documents = np.concatenate([last[1], documents])
            groups = np.concatenate([last[2], groups])
            first = np.flatnonzero(documents[1:] == documents[:-1])
            between = count_grouped_adjacent_pairs(ids, lengths, first, groups[first], len(types))
            adjacent.add(between)
            met += between.nnz
            last = ids[len(ids) - lengths[-1] :], documents[-1:], groups[-1:]
            bar.update(len(part))
    if not met:
        raise InputError(f"{corpus}: no document has two sentences, so none are adjacent")
    logging.info("%d tokens", tokens.sum())
    if types.left_out:
        logging.info("%d special tokens spelled out in the text left out", types.left_out)
    identity = {"tokenizer": fingerprint(words), "unit": "token"}
    spelled = pl.Series(types.spelled, dtype=pl.String)
    counted = pl.DataFrame({"token_id": np.arange(len(types)), "token": spelled, "count": tokens})
    write_table(counted, output_tokens, TOKEN_COUNTS, **identity)
    for pairs, path, table in (
        (adjacent, output_adjacent, ADJACENT_COUNTS),
        (within, output_sentence, PAIR_COUNTS),
    ):
        write_parts(pairs.tables(len(types)), path, table, **identity)


if __name__ == "__main__":
    run(main)
