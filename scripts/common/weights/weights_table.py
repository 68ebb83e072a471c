"""What the methods that weigh tokens share: the tables of weights and of contributions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from common.command import InputError
from common.contract import VECTORS, WEIGHTS
from common.encoders.encoder import Encoder
from common.tables import write_table
from common.tokens.sentences import Sentence


def write_weights(
    encoder: Encoder,
    sentences: list[Sentence],
    path: Path,
    of: list[Sentence],
    about: dict[str, str],
) -> None:
    """Write a row for every token, special ones included.

    The metadata tell what the table is `about`, and how many rows the tables of all shards, of all
    sentences `of` the corpus, make together.

    Raises
    ------
    InputError
        The encoder gives embeddings that are not finite.
    """
    sizes = [len(s.ids) for s in sentences]
    words = [word for s in sentences for word in s.words or [None] * len(s.ids)]
    frame = _tokens(encoder, sentences, of).with_columns(
        truncated=np.repeat([s.truncated for s in sentences], sizes),
        weight=_joined([s.weight for s in sentences]),
        error=_joined([s.error for s in sentences]),
        completeness=np.repeat([float(s.completeness or 0) for s in sentences], sizes),
        word=pl.Series(words, dtype=pl.Int64),
        word_text=pl.Series([text for s in sentences for text in s.spelled], dtype=pl.String),
        word_weight=_joined([s.word_weight for s in sentences]),
    )
    frame = frame.with_columns(pl.col("error", "word_weight").fill_nan(None))
    if not frame["weight"].is_finite().all():
        raise InputError(f"{encoder.directory}: gives embeddings that are not finite")
    rows = sum(len(s.ids) for s in of)
    write_table(frame, path, WEIGHTS, tokenizer=encoder.fingerprint, rows=str(rows), **about)


def write_vectors(
    encoder: Encoder,
    sentences: list[Sentence],
    path: Path,
    of: list[Sentence],
    about: dict[str, str],
) -> None:
    """Write the contribution vector of every token, as `write_weights` their norms."""
    vectors = np.concatenate([s.vectors for s in sentences if s.vectors is not None])
    width = vectors.shape[1]
    frame = _tokens(encoder, sentences, of).with_columns(
        vector=pl.Series(vectors, dtype=pl.Array(pl.Float32, width))
    )
    column = replace(VECTORS.columns["vector"], type=pa.list_(pa.float32(), width))
    table = replace(VECTORS, columns=VECTORS.columns | {"vector": column})
    write_table(frame, path, table, tokenizer=encoder.fingerprint, **about)


def _tokens(encoder: Encoder, sentences: list[Sentence], of: list[Sentence]) -> pl.DataFrame:
    """The keys and tokens of sentences, with the user's names of rows if any `of` them has one."""
    ids = [token for s in sentences for token in s.ids]
    sizes = [len(s.ids) for s in sentences]
    frame = pl.DataFrame(
        {
            "sentence_id": np.repeat([s.number for s in sentences], sizes),
            "position": _joined([np.arange(size) for size in sizes]),
            "token_id": ids,
            "token": encoder.tokenizer.convert_ids_to_tokens(ids),
            "special": [flag for s in sentences for flag in s.special],
        }
    )
    if all(s.id is None for s in of):
        return frame
    names = np.repeat(np.array([s.id for s in sentences], object), sizes)
    return frame.with_columns(pl.Series("id", names.tolist(), pl.String))


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(part for part in parts if part is not None)])
