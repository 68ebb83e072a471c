"""The words that encoders of any tokenizers weighed, where none of these tells words."""

import logging
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from common.command import InputError

WORD = ["sentence_id", "word"]


def words_in_all(
    tables: Mapping[str, pl.DataFrame],
    surprisal: pl.DataFrame | None,
    files: Mapping[str, Path],
) -> pl.DataFrame:
    """A row for each word that all tables of weights have whole, with its weights.

    Parameters
    ----------
    tables
        Of weights, sorted, by the names of their columns.
    surprisal
        Of the tokens of any tokenizer, sorted; a word's is the sum over its tokens, and null where
        the table lacks the word or a token of it.
    files
        Of the tables, for messages.

    Returns
    -------
    sentence_id, word, word_text, token and position as the first table has them; special and
    truncated, both false; weights by their names and positions by these and _position, of a word's
    first token.

    Raises
    ------
    InputError
        Two tables have different words at one place, or no word in common.
    """
    of_each = {
        name: _words(table, position=f"{name}_position", word_weight=name)
        for name, table in tables.items()
    }
    (first, words), *others = of_each.items()
    for name, theirs in others:
        words = words.join(theirs, WORD, how="inner", suffix="_other", maintain_order="left")
        odd = words.filter(pl.col("word_text") != pl.col("word_text_other"))
        if len(odd):
            raise InputError(
                f"{files[first]} and {files[name]}: word {odd['word'][0]} of sentence_id "
                f"{odd['sentence_id'][0]} is {odd['word_text'][0]!r} in one, "
                f"{odd['word_text_other'][0]!r} in the other; weigh the same corpus"
            )
        words = words.drop("word_text_other")
    if words.is_empty():
        raise InputError(
            f"{', '.join(map(str, files.values()))}: no word is whole in all of them; their "
            "tokens are no parts of words, or they are of different corpora"
        )
    all_words = pl.concat([each.select(WORD) for each in of_each.values()]).unique()
    if left_out := len(all_words) - len(words):
        logging.info("left out %d words that not all encoders have whole", left_out)
    if surprisal is not None:
        known = _words(surprisal, surprisal="surprisal")
        words = words.join(known.drop("word_text"), WORD, how="left", maintain_order="left")
    return words.with_columns(
        position=f"{first}_position",
        token="word_text",
        token_id=pl.lit(None, pl.Int32),
        special=False,
        truncated=False,
    ).sort(WORD)


def _words(table: pl.DataFrame, **columns: str) -> pl.DataFrame:
    """A table's words that were not cut, and columns of them by new names; surprisals added up."""
    whole = table.filter(pl.col("word_text").is_not_null())
    of_word = {
        new: pl.col(old).sum() if old == "surprisal" else pl.col(old).first()
        for old, new in columns.items()
    }
    return whole.group_by(WORD, maintain_order=True).agg(pl.col("word_text").first(), **of_word)
