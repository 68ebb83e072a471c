"""Words that a corpus is counted in, numbered for the tables of its counts."""

import hashlib

import polars as pl


def add_up_words(tokens: list[pl.DataFrame]) -> pl.DataFrame:
    """Occurrences of the words of all these tables; numbered in the order of their spelling."""
    total = pl.concat(tokens).group_by("token").agg(pl.col("count").sum()).sort("token")
    return total.with_columns(token_id=pl.int_range(pl.len()))


def digest(tokens: pl.DataFrame) -> str:
    """Hash of the numbered words: pairs of one digest have these numbers."""
    return hashlib.sha256("\n".join(tokens.sort("token_id")["token"]).encode()).hexdigest()


def renumber(pairs: pl.DataFrame, tokens: pl.DataFrame, total: pl.DataFrame) -> pl.DataFrame:
    """Counts of pairs by the words' numbers in `total` instead of those in `tokens`."""
    spelled = tokens.sort("token_id").select("token")
    numbers = spelled.join(total, "token", how="left", maintain_order="left")["token_id"]
    return pairs.with_columns(
        numbers.gather(pairs[name]).alias(name) for name in ("token_id", "other_id")
    )
