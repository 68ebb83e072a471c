"""What a page shows of a comparison: sentences, tokens, weights by each encoder, quantities."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from tokenizers import decoders

from common.command import InputError
from common.contract import CORPUS, INFORMATION, WEIGHTS
from common.correlations.weighed_tokens import inexact, read_tokens, unit_of
from common.reports.page import shown
from common.reports.paired_sentences import pairs_of
from common.tables import read_table

OF_TYPES = [name for name in INFORMATION.columns if name not in ("token_id", "token")]
"""Columns of the information table that are numbers of a type."""
SENTENCES = 5000
"""Sentences that a browser is given at most."""
MARKED = 0.1
"""Share of types with the mark of a blank from which a vocabulary is one of bytes."""


@dataclass(frozen=True)
class Sources:
    """The tables of one comparison, corpus and method; weights by each encoder in turn."""

    texts: Path
    weights: list[Path]
    information: Path
    surprisal: Path | None
    similarities: list[Path]
    largest_error: float | None


def readings(tokens: pl.Series) -> pl.Series:
    """Tokens as they read: without the marks of WordPiece, SentencePiece or byte-level BPE."""
    if tokens.str.starts_with("Ġ").sum() > MARKED * len(tokens):
        bytes_of = decoders.ByteLevel()
        read = pl.Series(tokens.name, [bytes_of.decode([token]).strip() for token in tokens])
    else:
        read = tokens.str.strip_prefix("##").str.strip_prefix("▁")
    return read.zip_with(read != "", tokens)


def view_of(sources: Sources) -> dict[str, Any]:
    """Everything of the tokens that are not special, in columns.

    Tokens follow each other sentence by sentence; `lengths` tells how many each sentence has, and
    `type` which row of `types` each is of. `joins` are the tokens that go on with the word of the
    token before. Errors of words are null where the errors of their tokens differ. `inexact` are,
    for each encoder, places of the sentences that are left out of regressions for their errors.
    `names` are the user's own of the sentences, `pairs` tells of sentences of pairs. Only the first
    sentences are taken of many, `left_out` are not.

    Raises
    ------
    InputError
        The tables are not about the same tokens, or the corpus lacks a sentence.
    """
    unit = unit_of(sources.information)
    weights = {str(stage): path for stage, path in enumerate(sources.weights)}
    tokens = read_tokens(weights, sources.information, sources.surprisal, minimum_count=0)
    tables = [read_table(path, WEIGHTS) for path in weights.values()]
    for stage, table in zip(weights, tables, strict=True):
        details = _details(table, unit, stage)
        place = ["sentence_id", f"{stage}_position"]
        tokens = tokens.join(details, place, how="left", maintain_order="left")
    weighed = tokens["sentence_id"].unique().sort()
    tokens = tokens.filter(pl.col("sentence_id").is_in(weighed[:SENTENCES].implode()))
    names = [name for name in OF_TYPES if name in tokens.columns]
    types = tokens.select("token", *names).unique("token").sort("token").with_row_index("type")
    tokens = tokens.join(types.select("token", "type"), "token", maintain_order="left")
    counted = tokens.group_by("sentence_id", maintain_order=True).len()
    corpus = read_table(sources.texts, CORPUS)
    told = corpus.select("sentence_id", "text", "^id$")
    sentences = counted.join(told, "sentence_id", how="left", maintain_order="left")
    unknown = sentences.filter(pl.col("text").is_null())["sentence_id"]
    if len(unknown):
        raise InputError(
            f"{sources.texts}: no sentence {unknown[0]}, which {sources.weights[0]} weighs; "
            "give the corpus that was weighed"
        )
    word = pl.col("0_word")
    same_word = (word == word.shift().over("sentence_id")) & (unit == "token")
    joins = tokens.select(same_word.fill_null(False).arg_true()).to_series()
    return {
        "unit": unit,
        "left_out": max(0, len(weighed) - SENTENCES),
        "sentences": shown(sentences["sentence_id"]),
        "names": shown(sentences["id"]) if "id" in sentences.columns else None,
        "texts": shown(sentences["text"]),
        "pairs": pairs_of(corpus, sentences, sources.similarities),
        "lengths": shown(sentences["len"]),
        "type": shown(tokens["type"]),
        "joins": shown(joins),
        "weight": [shown(tokens[stage]) for stage in weights],
        "error": [shown(tokens[f"{stage}_error"]) for stage in weights],
        "inexact": [_inexact(table, sources.largest_error, sentences) for table in tables],
        "largest_error": sources.largest_error,
        "surprisal": shown(tokens["surprisal"]) if sources.surprisal else None,
        "types": {
            "token": shown(types["token"]),
            "reading": shown(types["token"] if unit == "word" else readings(types["token"])),
            "values": {name: shown(types[name]) for name in names},
        },
    }


def _inexact(
    weights: pl.DataFrame, largest_error: float | None, sentences: pl.DataFrame
) -> list[int]:
    """Places, among the sentences of a page, of those whose errors are above the largest."""
    if largest_error is None:
        return []
    odd = inexact(weights, largest_error)
    return sentences["sentence_id"].is_in(odd.implode()).arg_true().to_list()


def _details(weights: pl.DataFrame, unit: str, stage: str) -> pl.DataFrame:
    """The word of each token, and its error: of a word, the one that all its tokens have."""
    errors = pl.col("error").n_unique().over("sentence_id", "word")
    error = pl.when((errors == 1) | (unit == "token")).then("error")
    return weights.select(
        "sentence_id",
        pl.col("position").alias(f"{stage}_position"),
        pl.col("word").alias(f"{stage}_word"),
        error.alias(f"{stage}_error"),
    )
