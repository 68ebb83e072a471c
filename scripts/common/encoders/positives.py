"""Pairs of sentences that contrastive training brings together."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError
from common.contract import CORPUS
from common.tables import read_table

SIDES = {"pairs": ("anchor", "positive"), "triplets": ("anchor", "positive", "negative")}
"""What the texts of a pair are, by side."""


def find_positives(corpus: pl.DataFrame, kind: str, minimum_score: float | None) -> pl.DataFrame:
    """Columns anchor, positive and, of triplets, negative of all positives, in the corpus's order.

    Parameters
    ----------
    corpus
        A corpus table.
    kind
        "adjacent": a sentence and the next of its document; "dropout": a sentence twice (Gao et al.
        2021); "pairs": sides 0 and 1 of a pair; "triplets": these, and side 2 as hard negative.
    minimum_score
        Pairs with a lower score are left out.

    Raises
    ------
    InputError
        Pairs, triplets or scores are asked for and the corpus has none.
    """
    if kind == "dropout":
        return corpus.select(anchor="text", positive="text").unique(maintain_order=True)
    if kind == "adjacent":
        following = pl.col("text").shift(-1).over("document_id", order_by="sentence_id")
        return corpus.select(anchor="text", positive=following).drop_nulls()
    if "pair_id" not in corpus.columns:
        raise InputError(
            f"positives {kind!r} need a corpus of {kind}; this one has no column 'pair_id'"
        )
    if minimum_score is not None:
        if "score" not in corpus.columns:
            raise InputError(f"minimum_score {minimum_score} needs a corpus with a column 'score'")
        corpus = corpus.filter(pl.col("score") >= minimum_score)
    columns = [
        corpus.filter(pl.col("side") == side).select("pair_id", pl.col("text").alias(name))
        for side, name in enumerate(SIDES[kind])
    ]
    if not len(columns[-1]):
        raise InputError(
            f"positives {kind!r} need {len(columns)} texts a row (text_columns), "
            f"no row here has side {len(columns) - 1}"
        )
    positives = columns[0]
    for column in columns[1:]:
        positives = positives.join(column, on="pair_id", maintain_order="left")
    return positives.drop("pair_id")


def shuffle_positives(positives: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Every anchor with the positive, and negative, of another: one random cycle of all rows."""
    cycle = np.random.default_rng(seed).permutation(len(positives))
    other = np.empty_like(cycle)
    other[cycle] = np.roll(cycle, 1)
    return pl.concat(
        [positives.select("anchor"), positives.drop("anchor")[other]], how="horizontal"
    )


def draw_positives(
    corpus: Path,
    kind: str,
    *,
    minimum_score: float | None,
    shuffle: bool,
    examples: int | None,
    seed: int,
) -> pl.DataFrame:
    """The positives of a corpus table, each of another anchor if `shuffle`, at most `examples`.

    Raises
    ------
    InputError
        The corpus has no such positives.
    """
    try:
        positives = find_positives(read_table(corpus, CORPUS), kind, minimum_score)
    except InputError as error:
        raise InputError(f"{corpus}: {error}") from error
    if shuffle:
        positives = shuffle_positives(positives, seed)
    if examples is not None and examples < len(positives):
        positives = positives.sample(examples, seed=seed)
    logging.info("%d positives (%s%s)", len(positives), kind, ", shuffled" if shuffle else "")
    return positives
