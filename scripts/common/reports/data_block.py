"""The data that a comparison stands on: in a line, and what its readers are warned of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cyclopts
import polars as pl

from common.reports.wording import listed

LAST = "Thresholds of the warnings: `analysis.warnings` of the config."
"""The end of the section in the summary; rules/report/data.rst shows what stands before it."""
EXAMPLES = 10
"""Types left out as too rare that are named."""


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Beyond which values the data are warned of.

    Parameters
    ----------
    unknown_share
        Share of unknown tokens, of those weighed or counted; more are warned of.
    rare_share
        Share of tokens left out as too rare, of those weighed; more are warned of.
    cut_share
        Share of sentences that were cut, of those weighed; more are warned of.
    inexact_share
        Share of sentences with too large errors of Integrated Gradients, of those weighed; more
        are warned of.
    tokens_counted
        Tokens counted; fewer are warned of.
    sentences
        Sentences in a regression; fewer are warned of.
    types
        Types in a regression; fewer are warned of.
    """

    unknown_share: float
    rare_share: float
    cut_share: float
    inexact_share: float
    tokens_counted: int
    sentences: int
    types: int


def warnings_of(row: Mapping[str, Any], beyond: Thresholds) -> Iterator[str]:
    """A sentence for each number of a row of the data table that is beyond its threshold."""
    unit = row["unit"]
    unknown, counted = row["share_unknown"], row["share_unknown_counted"]
    if max(unknown, counted) > beyond.unknown_share:
        yield (
            f"{_percent(unknown)} of the {unit}s weighed and {_percent(counted)} of those counted "
            f"are unknown to the tokenizer, more than {_threshold(beyond.unknown_share)}: it takes "
            "all of them for one type."
        )
    if row["share_rare"] > beyond.rare_share:
        yield (
            f"{_percent(row['share_rare'])} of the {unit}s weighed are left out, as their types "
            f"were counted fewer than {row['minimum_count']:,} times, more than "
            f"{_threshold(beyond.rare_share)}: count on more text, or lower the minimum count."
        )
    if row["share_cut"] > beyond.cut_share:
        yield (
            f"{_percent(row['share_cut'])} of the sentences weighed were cut to what the encoder "
            f"takes, more than {_threshold(beyond.cut_share)}: their ends have no weights."
        )
    if (row["share_inexact"] or 0) > beyond.inexact_share:
        yield (
            f"{_percent(row['share_inexact'])} of the sentences weighed have errors of Integrated "
            f"Gradients above {_threshold(row['largest_error'])} and are left out of their "
            f"regressions, more than {_threshold(beyond.inexact_share)}: raise max_nodes, or take "
            "the baseline that the log of integrate_gradients names."
        )
    if row["tokens_counted"] < beyond.tokens_counted:
        yield (
            f"{row['tokens_counted']:,} {unit}s were counted, fewer than "
            f"{beyond.tokens_counted:,}: estimates of information are poor."
        )
    for what, least in (("sentences", beyond.sentences), ("types", beyond.types)):
        if row[f"{what}_regressed"] < least:
            yield (
                f"{row[f'{what}_regressed']:,} {what} are in the regressions, fewer than "
                f"{least:,}: another sample of {what} may say something else."
            )


def stands_on(row: Mapping[str, Any]) -> str:
    """What was counted, weighed, left out and regressed, in a line without a full stop."""
    counted, weighed, regressed = (
        f"{row[f'tokens_{done}']:,} {row['unit']}s" for done in ("counted", "weighed", "regressed")
    )
    inexact = ""
    if row["share_inexact"] is not None:
        inexact = (
            f"{_percent(row['share_inexact'])} with errors above "
            f"{_threshold(row['largest_error'])} left out by Integrated Gradients, "
        )
    return (
        f"{counted} of {row['types_counted']:,} types counted in {row['sentences_counted']:,} "
        f"sentences; {weighed} weighed in {row['sentences_weighed']:,} sentences: "
        f"{_percent(row['share_unknown'])} of them unknown, {_percent(row['share_cut'])} of the "
        f"sentences cut, {inexact}{_percent(row['share_rare'])} counted fewer than "
        f"{row['minimum_count']:,} times and left out; {regressed} of "
        f"{row['types_regressed']:,} types in {row['sentences_regressed']:,} sentences regressed"
    )


def on_data(data: pl.DataFrame) -> Iterator[str]:
    """A line for the comparisons on a corpus that stand on the same data, and its warnings.

    The lines read the same in Markdown and in reStructuredText.
    """
    same = [name for name in data.columns if name != "comparison"]
    for _, rows in data.group_by(same, maintain_order=True):
        row = rows.row(0, named=True)
        whose = f"**{listed(rows['comparison'].to_list())}** on {row['corpus']}"
        rare = f" (``{row['rare_examples']}``)" if row["rare_examples"] else ""
        yield f"- {whose}: {stands_on(row)}{rare}."
        for warning in row["warnings"]:
            yield f"- **Warning**, {whose}: {warning}"


def _percent(share: float) -> str:
    """A share to one decimal, as "7.3 %"."""
    return f"{100 * share:.1f} %"


def _threshold(share: float) -> str:
    """A threshold as the config has it, as "5 %"."""
    return f"{100 * share:g} %"


def is_unknown(unknown: str | None, unit: str) -> pl.Expr:
    """Whether a token is the tokenizer's `unknown` one; of a word: whether it holds that."""
    if unknown is None:
        return pl.lit(False)
    token = pl.col("token")
    return token == unknown if unit == "token" else token.str.contains(unknown, literal=True)


def most_frequent(tokens: pl.Series) -> str:
    """The most frequent of these tokens, quoted, each with how often it is there."""
    counts = tokens.value_counts(name="tokens").sort("tokens", "token", descending=[True, False])
    return ", ".join(f"{token!r} {count}" for token, count in counts.head(EXAMPLES).iter_rows())
