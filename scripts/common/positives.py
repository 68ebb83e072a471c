"""Pairs of sentences that contrastive training brings together."""

import polars as pl

from common.command import InputError


def find_positives(corpus: pl.DataFrame, kind: str, minimum_score: float | None) -> pl.DataFrame:
    """Columns anchor and positive of all positives in a corpus, in its order.

    Parameters
    ----------
    corpus
        A corpus table.
    kind
        "adjacent": a sentence and the next of its document; "dropout": a sentence twice (Gao et al.
        2021); "pairs": the two sides of a pair.
    minimum_score
        Pairs with a lower score are left out.

    Raises
    ------
    InputError
        Pairs are asked for and the corpus has none.
    """
    if kind == "dropout":
        return corpus.select(anchor="text", positive="text").unique(maintain_order=True)
    if kind == "adjacent":
        following = pl.col("text").shift(-1).over("document_id", order_by="sentence_id")
        return corpus.select(anchor="text", positive=following).drop_nulls()
    if "pair_id" not in corpus.columns:
        raise InputError(
            "positives 'pairs' need a corpus of pairs; this one has no column 'pair_id'"
        )
    if minimum_score is not None and "score" not in corpus.columns:
        raise InputError(f"minimum_score {minimum_score} needs a corpus with a column 'score'")
    if minimum_score is not None:
        corpus = corpus.filter(pl.col("score") >= minimum_score)
    sides = [corpus.filter(pl.col("side") == side).select("pair_id", "text") for side in (0, 1)]
    joined = sides[0].join(sides[1], on="pair_id", suffix="_1", maintain_order="left")
    return joined.select(anchor="text", positive="text_1")
