"""Which pairs of tokens belong together: by the relation of both words, and by their kind."""

from pathlib import Path

import polars as pl

from common.contract import LANGUAGE
from common.pairs.closed_classes import FUNCTION_WORDS
from common.tables import read_table

LIKE = 0.99
"""Share of pairs of types that are less alike, from which two words are of like meaning."""
OPEN_CLASSES = ("noun", "verb", "adjective", "adverb", "name")
"""Classes of content words in the generated language."""
RELATIONS = ("equal_words", "like_words", "other_words")
KINDS = ("content_words", "function_words", "punctuation")
ASIDE = ("special_tokens", "token_and_baseline", "baselines")
GROUPINGS = {"relation": (*RELATIONS, *ASIDE), "kind": (*KINDS, *ASIDE)}
"""Groups of each grouping, which make up the similarity."""


def reading(token: str) -> pl.Expr:
    """A column of tokens in lower case, without the mark of a blank before them."""
    return pl.col(token).str.strip_prefix("Ġ").str.strip_prefix("▁").str.to_lowercase()


def is_punctuation(token: str) -> pl.Expr:
    """Whether a token has neither letter nor digit."""
    return ~reading(token).str.contains(r"[\p{L}\p{N}]")


def function_words(exact: Path | None) -> list[str]:
    """Function words, as `reading` has them.

    Of the generated language, words of its closed classes; of other text, those of English.
    """
    if exact is None:
        return FUNCTION_WORDS
    words = read_table(exact, LANGUAGE).filter(~pl.col("word_class").is_in(OPEN_CLASSES))
    return words["word"].to_list()


def with_groups(rows: pl.DataFrame, of_function: list[str]) -> pl.DataFrame:
    """Rows of pairs with their `relation` and `kind`.

    Punctuation: either token has no letter or digit; function words: either of the others is one.
    """
    tokens = ("token", "other_token")
    aside = (
        pl.when(pl.col("position").is_null() & pl.col("other_position").is_null())
        .then(pl.lit("baselines"))
        .when(pl.col("position").is_null() | pl.col("other_position").is_null())
        .then(pl.lit("token_and_baseline"))
        .when(pl.col("special") | pl.col("other_special"))
        .then(pl.lit("special_tokens"))
    )
    relation = (
        aside.when(reading("token") == reading("other_token"))
        .then(pl.lit("equal_words"))
        .when(pl.col("likeness") > LIKE)
        .then(pl.lit("like_words"))
        .otherwise(pl.lit("other_words"))
    )
    kind = (
        aside.when(pl.any_horizontal(is_punctuation(token) for token in tokens))
        .then(pl.lit("punctuation"))
        .when(pl.any_horizontal(reading(token).is_in(of_function) for token in tokens))
        .then(pl.lit("function_words"))
        .otherwise(pl.lit("content_words"))
    )
    return rows.with_columns(relation=relation, kind=kind)
