"""What the methods that weigh tokens share: sentences by length in, a table of weights out."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError
from common.contract import CORPUS, WEIGHTS
from common.encoders import Encoder
from common.tables import read_table, write_table


@dataclass
class Sentence:
    """Tokens of one sentence [n]; `weight` and `error` [n] are filled in by the method."""

    number: int
    ids: list[int]
    special: list[bool]
    weight: np.ndarray | None = None
    error: np.ndarray | None = None


def read_sentences(encoder: Encoder, corpus: Path) -> list[Sentence]:
    """The sentences of a corpus as the encoder's tokens.

    Raises
    ------
    InputError
        The corpus is empty, or a sentence holds no token besides special ones.
    """
    table = read_table(corpus, CORPUS).sort("sentence_id")
    if table.is_empty():
        raise InputError(f"{corpus}: holds no sentences")
    numbers = table["sentence_id"].to_list()
    ids, special, truncated = encoder.tokenize(table["text"].to_list())
    for number, flags in zip(numbers, special, strict=True):
        if all(flags):
            raise InputError(
                f"{corpus}: sentence_id {number} has no tokens for {encoder.directory}; drop it"
            )
    logging.info("%d sentences, %d tokens", len(ids), sum(map(len, ids)))
    if truncated:
        logging.info("%d sentences truncated to %d tokens", truncated, encoder.longest)
    return [Sentence(*parts) for parts in zip(numbers, ids, special, strict=True)]


def batches(sentences: list[Sentence], most_tokens: int) -> Iterator[list[Sentence]]:
    """Sentences of one length at a time, one or as many as `most_tokens` tokens hold."""
    by_length = defaultdict(list)
    for sentence in sentences:
        by_length[len(sentence.ids)].append(sentence)
    for length, group in sorted(by_length.items()):
        size = max(1, most_tokens // length)
        yield from (group[k : k + size] for k in range(0, len(group), size))


def write_weights(encoder: Encoder, sentences: list[Sentence], path: Path) -> None:
    """Write a row for every token, special ones included.

    Raises
    ------
    InputError
        The encoder gives embeddings that are not finite.
    """
    ids = [token for s in sentences for token in s.ids]
    frame = pl.DataFrame(
        {
            "sentence_id": [s.number for s in sentences for _ in s.ids],
            "position": [k for s in sentences for k in range(len(s.ids))],
            "token_id": ids,
            "token": encoder.tokenizer.convert_ids_to_tokens(ids),
            "special": [flag for s in sentences for flag in s.special],
            "weight": np.concatenate([s.weight for s in sentences if s.weight is not None]),
            "error": np.concatenate([s.error for s in sentences if s.error is not None]),
        }
    )
    if not frame["weight"].is_finite().all():
        raise InputError(f"{encoder.directory}: gives embeddings that are not finite")
    write_table(frame, path, WEIGHTS, tokenizer=encoder.fingerprint)
