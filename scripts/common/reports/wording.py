"""Statistics in words and in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def number(value: float | None, signed: bool = False) -> str:
    """A statistic to two decimals, with a minus sign; "undefined" for None."""
    if value is None:
        return "undefined"
    return f"{value:{'+' if signed else ''}.2f}".replace("-", "\N{MINUS SIGN}")


def with_interval(row: Row, name: str, signed: bool = False) -> str:
    """The statistic `name` of a row with its interval, as "0.44 [0.42, 0.46]"."""
    if row[name] is None:
        return "undefined"
    value, low, high = (number(row[f"{name}{end}"], signed) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def excludes_zero(row: Row, name: str) -> bool | None:
    """Whether the interval of the statistic `name` lies on one side of 0; None if undefined."""
    if row[name] is None or row[f"{name}_low"] is None:
        return None
    return row[f"{name}_low"] > 0 or row[f"{name}_high"] < 0


def change(row: Row, name: str) -> str:
    """A change with its interval, and whether that excludes 0."""
    verdict = {True: "excludes 0", False: "does not exclude 0", None: "has no interval"}
    return f"{with_interval(row, name, signed=True)}, which {verdict[excludes_zero(row, name)]}"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    ]
