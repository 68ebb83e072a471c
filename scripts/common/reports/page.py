"""Pages of one file: template, style, scripts and data in one HTML that fetches nothing."""

import base64
import gzip
import hashlib
import html
import json
import math
from pathlib import Path
from string import Template
from typing import Any

import polars as pl

from common.tables import whole

DIGITS = 4
"""Significant digits of the numbers that a page shows."""


class Columns:
    """Columns of a page's tables, each kept once however many tables it is in."""

    def __init__(self) -> None:
        self.values: list[list[Any]] = []
        self._places: dict[str, int] = {}

    def place(self, tables: Any) -> Any:
        """Tables, in dicts and lists, with each column replaced by its place in `values`."""
        if isinstance(tables, dict):
            return {name: self.place(inner) for name, inner in tables.items()}
        if not isinstance(tables, list):
            return tables
        if tables and isinstance(tables[0], list):
            return [self.place(inner) for inner in tables]
        key = json.dumps(tables)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(tables)
        return self._places[key]


def shown(column: pl.Series) -> list[Any]:
    """The values of a column as a page shows them: null if not finite."""
    if not column.dtype.is_float():
        return column.to_list()
    return [None if v is None or not math.isfinite(v) else rounded(v) for v in column]


def rounded(value: float) -> float:
    """The number as a page shows it."""
    return float(f"{value:.{DIGITS}g}")


def write_page(folder: Path, title: str, data: object, output: Path) -> None:
    """Fill `folder`/page.html with its style.css, its *.js in order of name, and `data`.

    The data are JSON, gzipped, in base64: no text in them can end an element or be code. The
    policy lets the page run its own script and nothing else, and fetch nothing.
    """
    style = (folder / "style.css").read_text()
    script = "\n".join(path.read_text() for path in sorted(folder.glob("*.js")))
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)
    policy = (
        f"default-src 'none'; script-src {_hash_of(script)}; style-src {_hash_of(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    page = Template((folder / "page.html").read_text()).substitute(
        title=html.escape(title),
        policy=policy,
        style=style,
        script=script,
        data=base64.b64encode(packed).decode(),
    )
    with whole(output) as partial:
        partial.write_text(page, encoding="utf-8")


def _hash_of(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
