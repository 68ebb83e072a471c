"""Render tables and the summary as HTML pages, which a report opens instead of handing them out."""

import html
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt

from common.command import InputError, run
from common.contract import TABLES
from common.reports.page import rounded
from common.tables import read_table, whole

ROWS = 1000
"""That a page shows at most: a report holds all of its pages."""
PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --edge: light-dark(#d9dee3, #2d3742);
  --page: light-dark(#fff, #11161c); --text: light-dark(#161b21, #e8ecf0); }
body { margin: 1.2rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; }
h1 { font-size: 1.2rem; }
h2 { font-size: 1.05rem; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--edge); text-align: left; }
th { position: sticky; top: 0; background: var(--page); }
td.number { text-align: right; white-space: nowrap; }
</style>
$body
</html>
""")


def cell(value: object) -> str:
    """A value as a cell: numbers to the digits that pages show, nothing for null."""
    if isinstance(value, float):
        text = f"{rounded(value):g}".replace("-", "\N{MINUS SIGN}")
        return f'<td class="number">{text}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    words = value if isinstance(value, list) else [] if value is None else [value]
    return f"<td>{html.escape('; '.join(map(str, words)))}</td>"


def table_page(path: Path) -> str:
    """The page of a table, whose heads tell the meanings of their columns.

    Raises
    ------
    InputError
        No kind of table of the contract has the name of the file.
    """
    if (kind := TABLES.get(path.stem)) is None:
        raise InputError(f"{path}: no kind of table has this name; there are {', '.join(TABLES)}")
    frame = read_table(path, kind)
    heads = "".join(
        f'<th scope="col" title="{html.escape(kind.columns[name].meaning)}">{name}</th>'
        for name in frame.columns
    )
    rows = "\n".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in frame.head(ROWS).rows())
    more = f"the first {ROWS:,} of {len(frame):,} rows; " if len(frame) > ROWS else ""
    told = f"{html.escape(kind.holds)} ({more}all in tables/{path.stem}.csv)"
    body = f"<h1>{path.stem}</h1>\n<p>{told}</p>\n<table>\n<thead><tr>{heads}</tr></thead>"
    return PAGE.substitute(title=path.stem, body=f"{body}\n<tbody>\n{rows}\n</tbody>\n</table>")


def main(tables: list[Path], *, summary: Path, output_pages: list[Path]) -> None:
    """Render tables and the summary, a page each that fetches and runs nothing.

    Example: python scripts/render_pages.py regression.parquet change.parquet --summary summary.md
    --output-pages regression.html change.html summary.html

    Parameters
    ----------
    tables
        Tables of the contract, each called after its kind.
    summary
        The summary, in Markdown.
    output_pages
        A page for each table, in the same order, and one for the summary.
    """
    if len(output_pages) != len(tables) + 1:
        raise InputError(
            f"{len(output_pages)} --output-pages: give one for each of {len(tables)} tables, and "
            "one for the summary"
        )
    text = MarkdownIt("js-default").render(summary.read_text())
    pages = [
        *map(table_page, tables),
        PAGE.substitute(title="Summary", body=f"<main>{text}</main>"),
    ]
    for path, page in zip(output_pages, pages, strict=True):
        with whole(path) as partial:
            partial.write_text(page)


if __name__ == "__main__":
    run(main)
