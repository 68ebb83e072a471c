"""What the methods that weigh tokens share: the table of weights."""

from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError
from common.contract import WEIGHTS
from common.encoders.encoder import Encoder
from common.tables import write_table
from common.tokens.sentences import Sentence


def write_weights(
    encoder: Encoder, sentences: list[Sentence], path: Path, of: list[Sentence]
) -> None:
    """Write a row for every token, special ones included.

    Tells how many rows the tables of all shards, of all sentences `of` the corpus, make together.

    Raises
    ------
    InputError
        The encoder gives embeddings that are not finite.
    """
    ids = [token for s in sentences for token in s.ids]
    sizes = [len(s.ids) for s in sentences]
    nothing = np.zeros(0)
    frame = pl.DataFrame(
        {
            "sentence_id": np.repeat([s.number for s in sentences], sizes),
            "position": np.concatenate([nothing, *map(np.arange, sizes)]),
            "token_id": ids,
            "token": encoder.tokenizer.convert_ids_to_tokens(ids),
            "special": [flag for s in sentences for flag in s.special],
            "truncated": np.repeat([s.truncated for s in sentences], sizes),
            "weight": np.concatenate([nothing, *(s.weight for s in sentences)]),
            "error": np.concatenate([nothing, *(s.error for s in sentences)]),
            "completeness": np.repeat([float(s.completeness or 0) for s in sentences], sizes),
            "word": [word for s in sentences for word in s.words or [None] * len(s.ids)],
            "word_text": [text for s in sentences for text in s.spelled],
            "word_weight": np.concatenate([nothing, *(s.word_weight for s in sentences)]),
        }
    ).with_columns(pl.col("error", "word_weight").fill_nan(None))
    if any(s.id is not None for s in of):
        ids_of_rows = np.repeat(np.array([s.id for s in sentences], object), sizes)
        frame = frame.with_columns(pl.Series("id", ids_of_rows.tolist(), pl.String))
    if not frame["weight"].is_finite().all():
        raise InputError(f"{encoder.directory}: gives embeddings that are not finite")
    rows = sum(len(s.ids) for s in of)
    write_table(frame, path, WEIGHTS, tokenizer=encoder.fingerprint, rows=str(rows))
