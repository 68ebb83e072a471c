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
    if row[f"{name}_low"] is None:
        return number(row[name], signed)
    value, low, high = (number(row[f"{name}{end}"], signed) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def p_value(p: float | None) -> str:
    """A p to three decimals; "no test" for None."""
    return "no test" if p is None else "p < 0.001" if p < 0.0005 else f"p = {p:.3f}"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    ]
