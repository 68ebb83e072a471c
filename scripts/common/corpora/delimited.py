"""Rows of csv and tsv files: separators and quotes are found out, and nothing is guessed twice.

A quote inside a quoted field is doubled, or else escaped by a backslash; fields parted by tabs may
have quotes that are plain characters. A file that fits none of these, or two of them with another
outcome, is refused: a reader that goes on would merge rows.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

csv.field_size_limit(sys.maxsize)

SEPARATORS = (",", ";", "\t")
NAMED = re.compile(r"sep=(.)(?:\r\n?|\n)")
"""The first line that spreadsheets write to name the separator."""
BACKSLASHES = re.compile(r'\\(["\\])|\\')
WRAPPED = 0.5
"""Share of rows with a field in quotes from which quotes are no plain characters."""

DOUBLED: dict = {"strict": True}
SPACED: dict = {"strict": True, "skipinitialspace": True}
"""Blanks stand before quotes: no field that is written well begins so."""
ESCAPED: dict = {"strict": True, "escapechar": "\\"}
PLAIN: dict = {"quoting": csv.QUOTE_NONE}
SAID = {"escaped": "quotes are escaped by backslashes", "plain": "quotes are plain characters"}


class Unfit(Exception):
    """Why a text is not what it is taken for."""


@dataclass
class Rows:
    """Fields of each named column, and the lines that rows begin in.

    `wide` is the number of fields of a row, `wrapped` that of rows with a field in quotes. `said`
    tells of quotes that are not doubled.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    wide: int = 0
    wrapped: int = 0
    said: str = ""


def read_delimited(
    text: str, names: list[str], separator: str | None, numbered: bool, kind: str
) -> Rows:
    """The named columns of a text.

    Parameters
    ----------
    names
        Columns by their names in the first row or, if `numbered`, by their numbers from 1.
    separator
        What parts fields; None: found out.

    Raises
    ------
    Unfit
        It has another number of fields in some row, or a stray quote, or lacks a column.
    """
    text, candidates = _candidates(text, separator, kind)
    if numbered:
        return _numbered(text, names, candidates)
    heads = {one: _first(text, one) for one in candidates}
    for one, head in heads.items():
        if set(names) <= set(_stripped(head)):
            return _read(text, names, one, numbered)
    head = max(heads.values(), key=len)
    missing = next(name for name in names if name not in _stripped(head))
    raise Unfit(f"no column {missing!r}; found {', '.join(head) or 'no rows in it'}")


def names_in(text: str, separator: str | None, kind: str) -> list[str]:
    """The names in the first row of a text, cut by what gives most of them."""
    text, candidates = _candidates(text, separator, kind)
    return _stripped(max((_first(text, one) for one in candidates), key=len))


def _candidates(text: str, separator: str | None, kind: str) -> tuple[str, tuple[str, ...]]:
    """The text without a line that names its separator, and what may part its fields."""
    if found := NAMED.match(text):
        separator, text = separator or found[1], text[found.end() :]
    return text, (separator,) if separator else ("\t",) if kind == ".tsv" else SEPARATORS


def _numbered(text: str, names: list[str], candidates: tuple[str, ...]) -> Rows:
    """The rows by the only separator that cuts all of them into as many fields."""
    fitting: dict[str, Rows] = {}
    faults = {}
    for one in candidates:
        try:
            fitting[one] = _read(text, names, one, numbered=True)
        except Unfit as unfit:
            faults[one] = unfit
    cut = {one: rows for one, rows in fitting.items() if rows.wide > 1} or fitting
    if not cut:
        raise faults[max(faults, key=lambda one: len(_first(text, one)))]
    if len(cut) > 1 and any(rows.wide > 1 for rows in cut.values()):
        raise Unfit(f"{' and '.join(map(repr, cut))} part its rows alike; name the separator")
    return next(iter(cut.values()))


def _read(text: str, names: list[str], separator: str, numbered: bool) -> Rows:
    def attempt(content: str, dialect: dict) -> Rows | Unfit:
        try:
            return _rows(content, names, separator, numbered, dialect)
        except Unfit as unfit:
            return unfit

    usual = attempt(text, DOUBLED)
    if re.search(rf'(?:^|[\n\r{re.escape(separator)}]) +"', text):
        spaced = attempt(text, SPACED)
        if isinstance(usual, Unfit) or isinstance(spaced, Unfit) or _left(usual) != _left(spaced):
            usual = spaced
    others = {}
    if '\\"' in text:
        single = BACKSLASHES.sub(lambda m: m[0] if m[1] else r"\\", text)
        others["escaped"] = attempt(single, ESCAPED)
    if separator == "\t" and '"' in text:
        others["plain"] = attempt(text, PLAIN)
    for name, other in others.items():
        if isinstance(other, Unfit) or (name == "plain" and not _plausible(other)):
            continue
        if isinstance(usual, Unfit):
            other.said = SAID[name]
            return other
        merged = len(other.lines) > len(usual.lines)
        if merged or (name == "escaped" and _bare(other) != _bare(usual)):
            row = _first_difference(usual, other)
            raise Unfit(
                f"row {row + 1} (line {usual.lines[row]}): reads otherwise if {SAID[name]}; write "
                "a quote inside quotes twice"
            )
    if isinstance(usual, Unfit):
        raise usual
    return usual


def _bare(rows: Rows) -> list[list[str]]:
    """The fields without backslashes: how many there are tells no quote from another."""
    return [[value.replace("\\", "") for value in values] for values in rows.columns.values()]


def _left(rows: Rows) -> list[list[str]]:
    """The fields without the blanks that they begin with."""
    return [[value.lstrip(" ") for value in values] for values in rows.columns.values()]


def _plausible(plain: Rows) -> bool:
    return plain.wide > 1 and plain.wrapped < WRAPPED * len(plain.lines)


def _first_difference(first: Rows, second: Rows) -> int:
    pairs = [zip(first.columns[name], second.columns[name], strict=False) for name in first.columns]
    odd = (k for k, both in enumerate(zip(*pairs, strict=True)) if any(a != b for a, b in both))
    return next(odd, len(first.lines) - 1)


def _rows(text: str, names: list[str], separator: str, numbered: bool, dialect: dict) -> Rows:
    records = _records(text, separator, dialect, int(numbered))
    rows, places = Rows({name: [] for name in names}, []), []
    if not numbered:
        head = _stripped(next(records, (1, []))[1])
        for name in rows.columns:
            if head.count(name) != 1:
                raise Unfit(f"column {name!r} stands {head.count(name)} times in its header")
        rows.wide, places = len(head), [head.index(name) for name in rows.columns]
    for line, fields in records:
        if numbered and not rows.wide:
            rows.wide, places = len(fields), [int(name) - 1 for name in rows.columns]
            if max(places) >= len(fields):
                raise Unfit(f"no column {max(places) + 1}; its first row has {len(fields)} fields")
        if len(fields) != rows.wide:
            counts = f"{len(fields)} fields, the {'first' if numbered else 'header'} {rows.wide}"
            raise Unfit(f"row {len(rows.lines) + 1} (line {line}): has {counts}")
        rows.lines.append(line)
        rows.wrapped += any(f[:1] == '"' == f[-1:] and len(f) > 1 for f in fields)
        for name, place in zip(rows.columns, places, strict=True):
            rows.columns[name].append(fields[place])
    return rows


def _first(text: str, separator: str) -> list[str]:
    """The fields of the first row."""
    return next(_records(text, separator, {}, 1), (1, []))[1]


def _records(text: str, separator: str, dialect: dict, row: int) -> Iterator[tuple[int, list[str]]]:
    """The line that each record begins in and its fields; empty lines are none.

    `row` is the number of the first record, for errors: 1, or 0 of a header.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **dialect)
    start = 1
    try:
        for fields in reader:
            if fields:
                yield start, fields
                row += 1
            start = reader.line_num + 1
    except csv.Error as error:
        told = "never closed" if "end of data" in str(error) else "followed by more text"
        where = f"row {row}" if row else "its header"
        raise Unfit(
            f"{where} (line {start}): a quoted field is {told}; write a quote inside quotes twice"
        ) from error


def _stripped(names: list[str]) -> list[str]:
    return [name.strip() for name in names]
