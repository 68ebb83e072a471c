"""Public files of text: lines, and rows of tables.

What is read is a frame of passages: source (the file), document_id, text and, for pairs, pair_id,
side and, where they are named, score, label and id.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from common.command import InputError
from common.corpora.delimited import Unfit, names_in, read_delimited
from common.corpora.files import BROKEN, COMPRESSED, compression_of, known_encoding
from common.corpora.values import MISSING, Place, decode, first_part, look_up, to_text

HEADING = re.compile(r"\s*(=(?: =)*) \S.* \1\s*")
LINE_END = re.compile("\r\n?")
SEPARATOR = re.compile(r'[^"\n\r\\]')
BLANK = re.compile(r"\s*")


@dataclass(frozen=True)
class Form:
    """How files are to be read: what the user says of them.

    Columns are names, or paths into what they hold like `data.text`; numbers from 1 where files
    have no header (`numbered`). The separator of fields is found out if it is None.
    """

    texts: tuple[str, ...] = ()
    score: str | None = None
    label: str | None = None
    id: str | None = None
    numbered: bool = False
    separator: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        """Raise InputError if a setting cannot be."""
        if not known_encoding(self.encoding):
            raise InputError(f"encoding {self.encoding!r}: not known; try utf-8 or latin-1")
        if self.separator and not SEPARATOR.fullmatch(self.separator):
            raise InputError(f"separator {self.separator!r}: not one character, and no quote")
        if self.numbered and not all(re.fullmatch("[1-9][0-9]{0,8}", c) for c in self.columns):
            raise InputError(f"columns {', '.join(self.columns)}: not all are numbers from 1")

    @property
    def extra(self) -> dict[str, str]:
        """The named columns besides those of text, by what they hold."""
        named = {"score": self.score, "label": self.label, "id": self.id}
        return {name: column for name, column in named.items() if column is not None}

    @property
    def columns(self) -> list[str]:
        """All named columns, each once."""
        return list(dict.fromkeys([*self.texts, *self.extra.values()]))


def read_lines(
    files: list[Path], documents: str, join: bool, encoding: str = "utf-8"
) -> pl.DataFrame:
    """Passages of text files, a line each.

    Parameters
    ----------
    documents
        What separates documents: `line`, every line is one; `blank`, a blank line; `title`, a line
        ` = Title = `, which is no passage itself.
    join
        All lines of a document between blank lines make one passage: sentences run over lines.

    Raises
    ------
    InputError
        A file cannot be read or is empty.
    """
    passages: list[tuple[str, int, str]] = []
    document = 0
    for file in files:
        before = len(passages)
        document += 1
        for line in _lines(file, encoding):
            empty = not line.strip()
            separates = HEADING.fullmatch(line) is not None if documents == "title" else empty
            if documents == "line" or separates:
                document += 1
            if empty or separates:
                continue
            if join and documents == "blank" and passages and passages[-1][1] == document:
                passages[-1] = (*passages[-1][:2], f"{passages[-1][2]} {line}")
            else:
                passages.append((str(file), document, line))
        if len(passages) == before:
            raise InputError(f"{file}: no text in it")
    return pl.DataFrame(passages, ["source", "document_id", "text"], orient="row")


def read_rows(file: Path, kind: str, form: Form) -> pl.DataFrame:
    """Rows of a table: source, text (a list), and score, label and id if named.

    The list holds one text of each of the columns or, if these are lists of sentences, all of the
    one column.

    Raises
    ------
    InputError
        The file cannot be read, lacks a named column or has no rows, holds something else than
        text, or a score is not a number.
    """
    columns, place = _READERS[kind](file, form)
    if not len(columns[form.texts[0]]):
        raise InputError(f"{file}: no rows in it")
    for column, values in columns.items():
        listed = values.dtype == pl.List
        if listed and (len(form.texts) > 1 or column in form.extra.values()):
            raise InputError(f"{file}: column {column!r} holds lists, not a text a row")
    texts = [columns[column] for column in form.texts]
    rows = pl.DataFrame(
        {
            "source": pl.Series([str(file)] * len(texts[0])),
            "text": texts[0] if texts[0].dtype == pl.List else pl.select(pl.concat_list(texts)),
            **{name: columns[column] for name, column in form.extra.items()},
        }
    )
    if form.score is None:
        return rows
    scores = rows["score"].str.strip_chars().cast(pl.Float64, strict=False)
    wrong = rows["score"].is_not_null() & ~scores.is_finite().fill_null(False)
    if wrong.any():
        row = wrong.arg_true()[0]
        raise InputError(f"{place(row)}: {form.score} {rows['score'][row]!r} is not a number")
    return rows.with_columns(scores)


def names_of(file: Path, kind: str, form: Form) -> list[str]:
    """The names of the columns of a table.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    with _readable(file):
        if kind == ".parquet":
            return list(pl.read_parquet_schema(_parquet_of(file)))
        if kind in (".csv", ".tsv"):
            return names_in(_decoded(file, form.encoding), form.separator, kind)
    if kind == ".jsonl":
        return _keys(_objects_of_lines(file, form).values())
    return _keys(_objects(file, form))


def pair_up(rows: list[pl.DataFrame], texts: int) -> pl.DataFrame:
    """Passages of the rows of `read_rows`: a row is a document and, with several texts, a pair."""
    joined = pl.concat(rows).with_row_index("document_id").cast({"document_id": pl.Int64})
    if texts == 1:
        return joined.explode("text")
    sides = pl.lit(list(range(texts)), pl.List(pl.Int8)).alias("side")
    return joined.with_columns(sides, pair_id="document_id").explode("text", "side")


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Name the file whose fields or columns cannot be read."""
    try:
        yield
    except Unfit as unfit:
        raise InputError(f"{file}: {unfit}") from unfit
    except pl.exceptions.PolarsError as error:
        told = str(error).strip().partition("\n")[0]
        raise InputError(f"{file}: not a readable parquet file ({told})") from error


def _parquet_of(file: Path) -> Any:
    """What polars reads: the file, or its bytes if it is compressed as a whole."""
    return _bytes(file) if compression_of(file) else file


def _bytes(file: Path) -> bytes:
    compression = compression_of(file)
    try:
        if compression == ".zst":
            with pa.input_stream(str(file), compression="zstd") as stream:
                return stream.read()
        with (COMPRESSED[compression] if compression else open)(file, "rb") as stream:
            return stream.read()
    except BROKEN as error:
        raise InputError(f"{file}: cannot be read ({error})") from error


def _decoded(file: Path, encoding: str) -> str:
    try:
        return decode(_bytes(file), encoding)
    except ValueError as error:
        raise InputError(f"{file}: {error}") from error


def _lines(file: Path, encoding: str) -> list[str]:
    return LINE_END.sub("\n", _decoded(file, encoding)).split("\n")


Columns = tuple[dict[str, pl.Series], Place]
"""The named columns, strings or lists of them, and how a row is named."""


def _read_delimited(file: Path, form: Form, kind: str) -> Columns:
    text = _decoded(file, form.encoding)
    with _readable(file):
        rows = read_delimited(text, form.columns, form.separator, form.numbered, kind)
    if rows.said:
        logging.info("%s: %s", file, rows.said)
    columns = {
        name: pl.Series(name, [value or None for value in values], pl.String)
        for name, values in rows.columns.items()
    }
    return columns, lambda row: f"{file}: row {row + 1} (line {rows.lines[row]})"


def _read_jsonl(file: Path, form: Form) -> Columns:
    rows = _objects_of_lines(file, form)
    lines = list(rows)
    return _of_objects(list(rows.values()), file, form, lambda row: f"{file}: line {lines[row]}")


def _objects_of_lines(file: Path, form: Form) -> dict[int, dict]:
    """Objects by their lines."""
    rows: dict[int, dict] = {}
    for number, line in enumerate(_lines(file, form.encoding), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise InputError(f"{file}: line {number}: not a JSON object")
        rows[number] = row
    return rows


def _read_json(file: Path, form: Form) -> Columns:
    return _of_objects(_objects(file, form), file, form, lambda row: f"{file}: row {row + 1}")


def _objects(file: Path, form: Form) -> list[dict]:
    """The objects of a list, or that follow each other."""
    text, values, end = _decoded(file, form.encoding), [], 0
    while (end := BLANK.match(text, end).end()) < len(text):  # type: ignore[union-attr]
        try:
            value, end = json.JSONDecoder().raw_decode(text, end)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: not JSON ({error})") from error
        values.append(value)
    rows = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"{file}: row {number}: not a JSON object")
    return rows


def _keys(rows: Iterable[dict]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _of_objects(rows: list[dict], file: Path, form: Form, place: Place) -> Columns:
    names = _keys(rows)
    columns = {}
    for column in form.columns:
        values = [look_up(row, column) for row in rows]
        if rows:
            _refuse_missing(values, file, column, names)
        columns[column] = to_text(values, column, place, form.encoding)
    return columns, place


def _refuse_missing(values: list[Any], file: Path, column: str, names: list[str]) -> None:
    if all(value is MISSING for value in values):
        raise InputError(f"{file}: no column {column!r}; found {', '.join(names)}")


def _read_parquet(file: Path, form: Form) -> Columns:
    source = _parquet_of(file)
    columns: dict[str, pl.Series] = {}

    def place(row: int) -> str:
        return f"{file}: row {row + 1}"

    with _readable(file):
        names = list(pl.read_parquet_schema(source))
        for column in form.columns:
            name, rest = first_part(column, names) or ("", "")
            if not name:
                _refuse_missing([], file, column, names)
            values = pl.read_parquet(source, columns=[name], glob=False)[name]
            if rest or values.dtype.is_nested() or values.dtype == pl.Binary:
                inner = [look_up(value, rest) for value in values.to_list()]
                if inner:
                    _refuse_missing(inner, file, column, names)
                columns[column] = to_text(inner, column, place, form.encoding)
            else:
                columns[column] = values.cast(pl.String)
    return columns, place


_READERS: dict[str, Callable[[Path, Form], Columns]] = {
    ".csv": partial(_read_delimited, kind=".csv"),
    ".tsv": partial(_read_delimited, kind=".tsv"),
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
