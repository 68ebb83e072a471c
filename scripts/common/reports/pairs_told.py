"""What the tables of pairs say, in sentences."""

from collections.abc import Iterator

import polars as pl

from common.contract import FOREMOST
from common.reports.style import METHOD_NAMES
from common.reports.summary import in_prose
from common.reports.trainings import averaged
from common.reports.wording import listed, number, with_interval

TOLD = {
    "equal_words": "equal words",
    "like_words": "words of like meaning",
    "function_words": "pairs with a function word",
    "punctuation": "pairs with punctuation",
}
KEYS = ["comparison", "corpus", "method"]


def on_pairs(shares: pl.DataFrame, regressions: pl.DataFrame) -> Iterator[str]:
    """A line for each comparison, corpus and method: by its last encoder, and what changed."""
    shares, regressions = averaged(shares), averaged(regressions)
    for values, rows in shares.group_by(KEYS, maintain_order=True):
        cell = dict(zip(KEYS, values, strict=True))
        last = rows.filter(pl.col("stage") == rows["stage"].max())
        own = last.filter(pl.col("reference").is_null())
        text = (
            f"- **{cell['comparison']}** on {own['pairs'][0]} pairs of {cell['corpus']}, "
            f"{METHOD_NAMES[cell['method']]}: of what all pairs of tokens add to the "
            f"similarity by `{own['encoder'][0]}`, the shares are: {_shares(own)}."
        )
        if len(changes := last.filter(pl.col("reference").is_not_null())):
            text += f" Their changes from `{changes['reference'][0]}`: {_shares(changes)}."
        yield f"{text} {_on_baselines(own)} {_on_regression(regressions.filter(**cell))}"


def _shares(rows: pl.DataFrame) -> str:
    """The share of each group that is told, with its interval."""
    found = {row["group"]: row for row in rows.iter_rows(named=True)}
    signed = rows["reference"][0] is not None
    return listed(
        [
            f"{name} {with_interval(found[group], 'token_share', signed=signed)}"
            for group, name in TOLD.items()
            if group in found
        ]
    )


def _on_baselines(rows: pl.DataFrame) -> str:
    """What the embeddings of the baselines add to the similarity, which tokens take back."""
    of_relation = rows.filter(grouping="relation")
    aside = of_relation.filter(pl.col("group").is_in(["baselines", "token_and_baseline"]))
    similarity, added = (float(rows["attribution"].sum()) for rows in (of_relation, aside))
    return (
        f"The mean similarity is {number(similarity)}, of which what involves a baseline is "
        f"{number(added, signed=True)}."
    )


def _on_regression(rows: pl.DataFrame) -> str:
    """What a pair's attribution goes with, by the last encoder."""
    quantity = min(rows["quantity"].unique(), key=FOREMOST.index)
    last = pl.col("stage") == pl.col("stage").max()
    of_last = rows.filter(last, pl.col("reference").is_null(), quantity=quantity)
    terms = {row["term"]: row for row in of_last.iter_rows(named=True)}
    equal, one, other = (
        with_interval(terms[term], "coefficient", signed=True)
        for term in ("equal", "information", "other_information")
    )
    r_squared = number(terms["equal"]["r_squared"])
    return (
        f"Standardised coefficients of a pair's attribution: {equal} of being equal words, {one} "
        f"and {other} of the {in_prose(quantity)} of both; R² is {r_squared}."
    )
