"""Which tokens of two tables are the same token of a sentence's own text.

Prompts stand before a text and lengths cut it, so that positions differ between encoders.
"""

import polars as pl

TOKEN = ["sentence_id", "position", "token_id"]
ENDS = {"start": "place", "end": "left"}
"""From where tokens are counted, and the column of their number."""


def pair_tokens(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """What token of the `second` table each of the first is: both without special tokens, sorted.

    The first table has `truncated` too. A text that is shorter in one table is the beginning of
    the other, or its end, as both are cut at one end; where it is neither, or might be both, no
    token of it is the same. Of as many tokens, those at one place are the same if they have one
    id; if the text was cut, all of them or none.

    Returns
    -------
    TOKEN of the first table, with `other_position`, null where the second lacks the token, and
    `alike`: the texts stand at one position, have as many tokens and were not cut, so that all
    should be the same; null where the second lacks the sentence.
    """
    ours, theirs = _counted(first), _counted(second)
    of_sentences = theirs.select("sentence_id", other_size="size", other_first="first")
    ours = ours.join(of_sentences.unique(), "sentence_id", how="left", maintain_order="left")
    inside = {}
    for end, number in ENDS.items():
        there = theirs.select("sentence_id", "token_id", number, pl.col("position").alias(end))
        keys = ["sentence_id", "token_id", number]
        ours = ours.join(there, keys, how="left", maintain_order="left")
        shared = pl.col(end).count().over("sentence_id")
        inside[end] = shared == pl.min_horizontal("size", "other_size")
    as_long = pl.col("size") == pl.col("other_size")
    by_place = as_long & (inside["start"] | ~pl.col("truncated"))
    begins = ~as_long & inside["start"] & ~inside["end"]
    ends = ~as_long & inside["end"] & ~inside["start"]
    return ours.select(
        *TOKEN,
        other_position=pl.when(by_place | begins).then("start").when(ends).then("end"),
        alike=as_long & (pl.col("first") == pl.col("other_first")) & ~pl.col("truncated"),
    )


def _counted(tokens: pl.DataFrame) -> pl.DataFrame:
    """Each token's place in its text, how many are left behind it, and where the text begins."""
    size = pl.len().over("sentence_id").cast(pl.Int64)
    place = pl.int_range(pl.len()).over("sentence_id")
    return tokens.with_columns(
        size=size,
        place=place,
        left=size - 1 - place,
        first=pl.col("position").min().over("sentence_id"),
    )
