"""What tables tell of many encoders side by side, in sentences."""

from collections.abc import Iterator

import polars as pl

from common.reports.style import METHOD_NAMES, QUANTITY_NAMES
from common.reports.trainings import averaged
from common.reports.wording import listed, number, p_value, with_interval

KEYS = ["comparison", "corpus", "method"]
SHOWN = 6
"""Encoders that are all named; of more, the first and the last two."""


def on_atlases(
    regression: pl.DataFrame, agreement: pl.DataFrame, ranking: pl.DataFrame | None, quantity: str
) -> Iterator[str]:
    """A line for each comparison, corpus and method: who follows the quantity, who agrees."""
    name = QUANTITY_NAMES[quantity]
    for key, pairs in averaged(agreement).group_by(KEYS, maintain_order=True):
        cell = dict(zip(KEYS, key, strict=True))
        rows = averaged(regression).filter(**cell, quantity=quantity).drop_nulls("pearson")
        ordered = rows.sort("pearson", "stage", descending=[True, False])
        told = [
            f"`{row['encoder']}` {with_interval(row, 'pearson', signed=True)}"
            for row in ordered.iter_rows(named=True)
        ]
        left_out = len(told) - 4 if len(told) > SHOWN else 0
        if left_out:
            told = [*told[:2], f"{left_out} others", *told[-2:]]
        where = f"- **{cell['comparison']}** on {cell['corpus']}, {METHOD_NAMES[cell['method']]}: "
        text = f"{where}from the highest correlation of weight with {name} to the lowest, "
        text += f"{listed(told)}. {on_agreement(pairs)}"
        yield text + (
            on_ranking(ranking.filter(**cell, quantity=quantity)) if ranking is not None else ""
        )


def on_agreement(pairs: pl.DataFrame) -> str:
    """Which two encoders of a comparison agree most and least on what matters in a sentence."""
    known = pairs.drop_nulls("sentence_spearman").sort("sentence_spearman", descending=True)
    if known.is_empty():
        return "Agreement of their weights is undefined."
    most, least = (known.row(place, named=True) for place in (0, -1))
    of_most, of_least = (
        f"`{row['encoder']}` and `{row['other']}` ({with_interval(row, 'sentence_spearman')})"
        for row in (most, least)
    )
    if len(known) == 1:
        return f"Within sentences, the weights by {of_most} agree by that rank correlation."
    mean = number(known["sentence_spearman"].mean())  # type: ignore[arg-type]
    return (
        f"Within sentences, weights by two encoders have a rank correlation of {mean} on average; "
        f"most agree {of_most}, least {of_least}."
    )


def on_ranking(rows: pl.DataFrame) -> str:
    """Whether encoders that follow the quantity are those with the better STS."""
    told = [
        f"{number(row['spearman'], signed=True)} for {label} ({p_value(row['p'])})"
        for label, statistic in (
            ("r", "pearson"),
            ("the mean rho within sentences", "sentence_spearman"),
        )
        for row in rows.filter(statistic=statistic).drop_nulls("spearman").iter_rows(named=True)
    ]
    if not told:
        return " Too few encoders were evaluated to rank them by STS."
    about = f" Over {rows['encoders'][0]} encoders, Spearman's rho with their STS is"
    return f"{about} {listed(told)}."
