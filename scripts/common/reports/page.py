"""Pages of one file: template, style, scripts and data in one HTML that fetches nothing."""

import base64
import gzip
import hashlib
import html
import json
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

    def add(self, column: pl.Series) -> int:
        """Place of a column in `values`: numbers to 4 significant digits, null if not finite."""
        values = column.to_list()
        if column.dtype.is_float():
            values = [
                None if v is None or not -float("inf") < v < float("inf") else rounded(v)
                for v in values
            ]
        key = json.dumps(values)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(values)
        return self._places[key]


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
