"""What a page shows of sentences that are of pairs: the other side, score and similarity."""

from pathlib import Path
from typing import Any

import polars as pl

from common.contract import SIMILARITIES
from common.reports.page import shown
from common.tables import read_table


def pairs_of(
    corpus: pl.DataFrame, sentences: pl.DataFrame, similarities: list[Path]
) -> dict[str, Any] | None:
    """In columns, a value for each of the `sentences` of a page; None if they are of no pairs.

    `partner` is the place of the other side among the sentences, null if it was not weighed, and
    `text` its text; of side 2, a hard negative, the other side is 0. `score` is that of the pair,
    `similarity` by each encoder is of sides 0 and 1, null of others.

    Parameters
    ----------
    similarities
        Tables of the encoders in turn.
    """
    if "pair_id" not in corpus.columns:
        return None
    columns = ["sentence_id", "pair_id", "side", "text", "^score$"]
    of_pairs = corpus.select(columns).filter(pl.col("pair_id").is_not_null())
    places = sentences.select("sentence_id").with_row_index("place")
    others = of_pairs.join(places, "sentence_id", how="left").select(
        "pair_id", "text", "place", other=pl.col("side")
    )
    rows = (
        sentences.select("sentence_id")
        .join(of_pairs.drop("text"), "sentence_id", how="left", maintain_order="left")
        .with_columns(other=pl.when(pl.col("side") == 0).then(1).otherwise(0).cast(pl.Int8))
        .join(others, ["pair_id", "other"], how="left", maintain_order="left")
    )
    by_encoder = []
    for path in similarities:
        table = read_table(path, SIMILARITIES)
        joined = rows.join(table, "pair_id", how="left", maintain_order="left")
        by_encoder.append(joined.select(pl.when(pl.col("side") < 2).then("similarity")).to_series())
    return {
        "partner": shown(rows["place"]),
        "text": shown(rows["text"]),
        "score": shown(rows["score"]) if "score" in rows.columns else None,
        "similarity": [shown(column) for column in by_encoder] or None,
    }
