"""What a page shows of pairs of sentences: tokens of both, and attributions by each encoder."""

from pathlib import Path
from typing import Any

import polars as pl

from common.command import InputError
from common.contract import CORPUS, PAIRS
from common.reports.page import shown
from common.reports.token_views import readings
from common.tables import read_metadata, read_table

SHOWN = 300
"""Pairs that a browser is given at most."""
PLACE = ["pair_id", "position", "other_position"]


def pair_view_of(corpus: Path, attributions: list[Path], method: str) -> dict[str, Any]:
    """The pairs in columns.

    `tokens` and `special` of both sides follow each other pair by pair; `lengths` tells how many
    each has. So do `attribution` and `error`, by each encoder: for the baseline of side 0 and then
    each of its tokens, a row of the baseline of side 1 and each of its tokens.

    Raises
    ------
    InputError
        The tables are not about the same pairs, or not about pairs of the corpus.
    """
    tables = [read_table(path, PAIRS).filter(method=method) for path in attributions]
    first = tables[0]
    for path, table in zip(attributions, tables, strict=True):
        if table.is_empty() or not table.select(PLACE).equals(first.select(PLACE)):
            raise InputError(
                f"{path}: not the pairs of {attributions[0]} by {method}; make it anew"
            )
    every = first["pair_id"].unique().sort()
    numbers = every[:SHOWN]
    some = pl.col("pair_id").is_in(numbers.implode())
    tables = [table.filter(some) for table in tables]
    texts = read_table(corpus, CORPUS)
    sides = [texts.filter(pl.col("side") == side) for side in (0, 1)]
    pairs = pl.DataFrame({"pair_id": numbers})
    both = [pairs.join(side, "pair_id", how="left", maintain_order="left") for side in sides]
    if both[0]["text"].null_count() or both[1]["text"].null_count():
        raise InputError(f"{corpus}: lacks a pair of {attributions[0]}; give the corpus it is of")
    ends = [
        tables[0].filter(
            pl.col(f"{other}position").is_null(), pl.col(f"{own}position").is_not_null()
        )
        for own, other in (("", "other_"), ("other_", ""))
    ]
    counted = [end.group_by("pair_id", maintain_order=True).len()["len"] for end in ends]
    similar = [table.group_by("pair_id", maintain_order=True).first() for table in tables]
    spelled = pl.concat([ends[0]["token"], ends[1]["other_token"].rename("token")])
    read = readings(spelled)
    return {
        "left_out": len(every) - len(numbers),
        "kind": read_metadata(attributions[0]).get("similarity", "similarity"),
        "pairs": shown(numbers),
        "score": shown(both[0]["score"]) if "score" in texts.columns else None,
        "texts": [shown(side["text"]) for side in both],
        "lengths": [shown(one) for one in counted],
        "tokens": [shown(read[: len(ends[0])]), shown(read[len(ends[0]) :])],
        "special": [shown(ends[0]["special"]), shown(ends[1]["other_special"])],
        "similarity": [shown(one["similarity"]) for one in similar],
        "attribution": [shown(table["attribution"]) for table in tables],
        "error": [shown(table["error"]) for table in tables],
    }
