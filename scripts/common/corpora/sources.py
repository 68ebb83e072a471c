"""Public files of text: lines, and rows of tables.

What is read is a frame of passages: source (the file), document_id, text and, for pairs, pair_id,
side and, where there are any, score and label.
"""

import io
import json
import lzma
import re
from pathlib import Path

import polars as pl
import pyarrow as pa

from common.command import InputError

COMPRESSED = (".bz2", ".gz", ".xz", ".zst")
KINDS = (".txt", ".csv", ".jsonl", ".parquet")
HEADING = re.compile(r"\s*(=(?: =)*) \S.* \1\s*")
UNFIT = (pl.exceptions.PolarsError, UnicodeEncodeError, OverflowError)
"""What polars raises for halves of characters and numbers beyond its types."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def kind_of(files: list[Path]) -> str:
    """The suffix, less that of a compression, that all files share.

    Raises
    ------
    InputError
        A suffix is none of `KINDS`, or files are of several kinds.
    """
    kinds: dict[str, Path] = {}
    for file in files:
        kind = file.with_suffix("").suffix if file.suffix in COMPRESSED else file.suffix
        if kind not in KINDS:
            raise InputError(
                f"{file}: unknown kind of file; known are {' '.join(KINDS)}, "
                f"plain or with one of {' '.join(COMPRESSED)}"
            )
        kinds.setdefault(kind, file)
    if len(kinds) > 1:
        raise InputError(f"{' and '.join(map(str, kinds.values()))}: files must be of one kind")
    return kinds.popitem()[0]


def read_lines(files: list[Path], documents: str, join: bool) -> pl.DataFrame:
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
        for line in _lines(file):
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


def read_rows(
    file: Path,
    kind: str,
    text_columns: list[str],
    score_column: str | None,
    label_column: str | None,
) -> pl.DataFrame:
    """Rows of a table: source, text (a list, one of each of `text_columns`), score, label if named.

    Raises
    ------
    InputError
        The file cannot be read, lacks a named column or has no rows, or a score is not a number.
    """
    table = _READERS[kind](file)
    if not table.height:
        raise InputError(f"{file}: no rows in it")
    named = {"score": score_column, "label": label_column}
    extra = {name: column for name, column in named.items() if column is not None}
    for column in [*text_columns, *extra.values()]:
        if column not in table.columns:
            raise InputError(f"{file}: no column {column!r}; found {', '.join(table.columns)}")
        if table[column].dtype.is_nested():
            raise InputError(f"{file}: column {column!r} holds {table[column].dtype}, not text")
    rows = table.select(
        pl.lit(str(file)).alias("source"),
        pl.concat_list(pl.col(column).cast(pl.String) for column in text_columns).alias("text"),
        *[pl.col(column).cast(pl.String).alias(name) for name, column in extra.items()],
    )
    if score_column is None:
        return rows
    scores = rows["score"].str.strip_chars().cast(pl.Float64, strict=False)
    wrong = rows["score"].is_not_null() & ~scores.is_finite().fill_null(False)
    if wrong.any():
        row = wrong.arg_true()[0]
        raise InputError(
            f"{file}: row {row + 1}: {score_column} {rows['score'][row]!r} is not a number"
        )
    return rows.with_columns(scores)


def pair_up(rows: list[pl.DataFrame]) -> pl.DataFrame:
    """Passages of the rows of `read_rows`: a row is a document and, with several texts, a pair."""
    joined = pl.concat(rows).with_row_index("document_id").cast({"document_id": pl.Int64})
    texts = joined["text"].list.len()[0]
    if texts == 1:
        return joined.explode("text")
    sides = pl.lit(list(range(texts)), pl.List(pl.Int8)).alias("side")
    return joined.with_columns(sides, pair_id="document_id").explode("text", "side")


def _bytes(file: Path) -> bytes:
    try:
        with lzma.open(file) if file.suffix == ".xz" else pa.input_stream(str(file)) as stream:
            return stream.read()
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error


def _decoded(file: Path) -> str:
    raw = _bytes(file).removeprefix(BYTE_ORDER_MARK)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; convert the file"
        ) from error


def _lines(file: Path) -> list[str]:
    return _decoded(file).replace("\r\n", "\n").split("\n")


def _read_csv(file: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(io.StringIO(_decoded(file)), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{file}: not a readable csv file ({_first_line(error)})") from error


def _read_jsonl(file: Path) -> pl.DataFrame:
    rows: dict[int, dict] = {}
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{file}: line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise InputError(f"{file}: line {number}: not a JSON object")
        rows[number] = row
    try:
        return _frame(list(rows.values()))
    except UNFIT as unfit:
        for number, row in rows.items():
            try:
                _frame([row])
            except UNFIT as error:
                raise InputError(
                    f"{file}: line {number}: holds what no table can ({_first_line(error)})"
                ) from error
        raise InputError(
            f"{file}: a column holds what no table can ({_first_line(unfit)})"
        ) from unfit


def _frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def _read_parquet(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, glob=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{file}: not a readable parquet file ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]


_READERS = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
