"""What weights of types are worth alone, in sentences."""

from collections.abc import Iterator

import polars as pl

from common.reports.style import METHOD_NAMES
from common.reports.wording import listed, number, with_interval

NAMES = {
    "none": "no weights",
    "sif": "a / (a + p)",
    "self_information": "self-information",
    "information_gain": "information gain",
    **METHOD_NAMES,
}


def on_bags(bags: pl.DataFrame) -> Iterator[str]:
    """A line for each encoder of a comparison: the schemes from the best to the worst."""
    for (comparison, encoder), rows in bags.group_by("comparison", "encoder", maintain_order=True):
        known = rows.drop_nulls("sts_spearman").sort("sts_spearman", descending=True)
        told = [
            f"{NAMES[row['scheme']]} {number(row['sts_spearman'])}"
            + (
                ""
                if row["scheme"] == "none"
                else f" (change {with_interval(row, 'sts_spearman_change', signed=True)})"
            )
            for row in known.iter_rows(named=True)
        ]
        if told:
            yield (
                f"- **{comparison}**, `{encoder}`: rho of STS by bags of its word vectors "
                f"on {rows['n'][0]:,} pairs, from the best weights to the worst: {listed(told)}."
            )
