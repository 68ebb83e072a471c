"""Values of rows as text: by the name of a column, or a path into it, and with their place."""

import codecs
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from common.command import InputError

MARKS = {
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
    codecs.BOM_UTF8: ("utf-8", "utf-8-sig"),
}
"""Encodings of a text by the byte-order mark that it begins with."""
STRAY_MARK = re.compile(r"(?<![^\r\n])\ufeff")
"""A byte-order mark at the beginning of a line."""
MISSING = object()
"""What stands where a row has nothing of that name."""

Place = Callable[[int], str]
"""How a row is named, from its number, from 0."""


def first_part(path: str, names: Iterable[str]) -> tuple[str, str] | None:
    """The name that is there, which may have dots, and the rest of a path like `data.text`."""
    parts, known = path.split("."), set(names)
    for end in range(len(parts), 0, -1):
        if (name := ".".join(parts[:end])) in known:
            return name, ".".join(parts[end:])
    return None


def look_up(value: Any, path: str) -> Any:
    """What stands under a path, of a list for each of its elements; `MISSING` if there is none."""
    if not path:
        return value
    if isinstance(value, list):
        return [look_up(one, path) for one in value]
    found = first_part(path, value) if isinstance(value, dict) else None
    return look_up(value[found[0]], found[1]) if found else MISSING


def to_text(values: list[Any], column: str, place: Place, encoding: str) -> pl.Series:
    """Values as strings, or as lists of strings where they are lists: the sentences of a document.

    Bytes are decoded, numbers and truth values are written as JSON has them.

    Raises
    ------
    InputError
        A value is neither, only some values are lists, or text cannot be decoded or encoded.
    """
    kinds = {isinstance(v, list): row for row, v in reversed([*enumerate(values)]) if _is(v)}
    if len(kinds) > 1:
        raise InputError(
            f"{place(max(kinds.values()))}: column {column!r} holds "
            f"{'a list' if kinds[True] > kinds[False] else 'no list'}, unlike the rows above"
        )
    listed = True in kinds
    texts: list[Any] = []
    for row, value in enumerate(values):
        try:
            inner = [_text(v, encoding) for v in value] if isinstance(value, list) else value
            texts.append(inner if isinstance(value, list) else _text(value, encoding))
        except ValueError as error:
            raise InputError(f"{place(row)}: column {column!r} {error}") from error
    return pl.Series(column, texts, pl.List(pl.String) if listed else pl.String)


def _is(value: Any) -> bool:
    """Whether there is a value: JSON of Python may have NaN for none."""
    nothing = isinstance(value, float) and math.isnan(value)
    return value is not None and value is not MISSING and not nothing


def _text(value: Any, encoding: str) -> str | None:
    """One value as text, None where there is none; ValueError says what it holds instead."""
    if not _is(value):
        return None
    if isinstance(value, dict):
        inside = ", ".join(map(str, value))
        raise ValueError(f"holds an object, not text; name what is in it, as in 'a.b' ({inside})")
    if isinstance(value, list):
        raise ValueError("holds lists of lists, not text")
    if isinstance(value, bytes):
        return decode(value, encoding)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half a character (a lone surrogate), which is no text")
    return text


def decode(raw: bytes, encoding: str) -> str:
    """Bytes as text, without byte-order marks, which lie inside where files were put together.

    Raises
    ------
    ValueError
        They begin with the mark of another encoding, one is none in this encoding, or is NUL.
    """
    marked = next((names for mark, names in MARKS.items() if raw.startswith(mark)), None)
    if marked and codecs.lookup(encoding).name not in marked:
        raise ValueError(
            f"begins with the byte-order mark of {marked[0].upper()}, so it is not "
            f"{encoding.upper()}; convert it to UTF-8, or name its encoding ({marked[0]})"
        )
    try:
        text = STRAY_MARK.sub("", raw.decode(encoding))
    except UnicodeDecodeError as error:
        line = raw[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise ValueError(
            f"line {line}: byte 0x{raw[error.start]:02x} is not {encoding.upper()}; convert it, or "
            "name its encoding (latin-1, cp1252, utf-16)"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(
            f"line {line}: holds a NUL, which is in no text; remove it, or name the encoding "
            "(utf-16-le or utf-16-be where every other byte is 0)"
        )
    return text
