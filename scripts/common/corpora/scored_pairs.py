"""Pairs of sentences that people, or a grammar, scored by similarity."""

from pathlib import Path

import polars as pl

from common.command import InputError
from common.contract import CORPUS
from common.tables import read_table


def read_scored_pairs(corpus: Path, what: str) -> pl.DataFrame:
    """Columns first, second and score of the scored pairs of a corpus, in its order.

    Parameters
    ----------
    corpus
        A corpus table.
    what
        What needs the pairs, for the error.

    Raises
    ------
    InputError
        The corpus holds no pairs, no scores, or fewer than two scored pairs.
    """
    table = read_table(corpus, CORPUS)
    if "pair_id" not in table.columns or "score" not in table.columns:
        raise InputError(f"{corpus}: {what} needs scored pairs, columns 'pair_id' and 'score'")
    sides = [table.filter(pl.col("side") == side).drop_nulls("score") for side in (0, 1)]
    pairs = sides[0].join(sides[1], on="pair_id", suffix="_1", maintain_order="left")
    if len(pairs) < 2:
        raise InputError(f"{corpus}: {len(pairs)} scored pairs; {what} needs at least 2")
    return pairs.select(first="text", second="text_1", score="score")
