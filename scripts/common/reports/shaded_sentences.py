"""A page of sentences whose tokens are shaded by their weights; it fetches and runs nothing."""

import html
from collections.abc import Iterator
from pathlib import Path
from string import Template

import polars as pl

from common.reports.token_views import readings
from common.tables import whole

SENTENCES = 1000
"""That a page shows at most."""
DARKEST = 65
"""Per cent of the accent colour behind the heaviest token of a sentence; text stays readable."""
PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --page: light-dark(#f6f7f8, #11161c);
  --text: light-dark(#161b21, #e8ecf0); --quiet: light-dark(#55606c, #a3afbb);
  --accent: light-dark(#3d9be9, #2f7dbd); }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 1.2rem; margin: 0 0 .3rem; }
p { margin: 0 0 1rem; color: var(--quiet); }
ol { list-style: none; margin: 0; padding: 0; }
li { display: flex; gap: .8rem; margin: 0 0 .6rem; }
li > b { flex: 0 0 min(4rem, 12%); overflow-wrap: anywhere; color: var(--quiet); font-weight: 400;
  text-align: right; }
li > span { line-height: 1.9; }
i { font-style: normal; padding: .15em .2em; border-radius: .2em;
  background: color-mix(in srgb, var(--accent) calc(var(--w) * 1%), transparent); }
i.special { color: var(--quiet); font-size: .8em; }
</style>
<h1>$title</h1>
<p>$about</p>
<ol>
$sentences
</ol>
</html>
""")


def write_shaded(weights: pl.DataFrame, title: str, about: str, output: Path) -> None:
    """Write the page of a table of weights: sentences in order, under the user's names of them."""
    sentences = weights["sentence_id"].unique().sort()
    if len(sentences) > SENTENCES:
        about += f" The first {SENTENCES:,} of {len(sentences):,} sentences."
    shown = weights.filter(pl.col("sentence_id").is_in(sentences[:SENTENCES].implode()))
    shown = shown.with_columns(reading=readings(shown["token"]))
    items = "\n".join(_items(shown))
    page = PAGE.substitute(title=html.escape(title), about=html.escape(about), sentences=items)
    with whole(output) as partial:
        partial.write_text(page, encoding="utf-8")


def _items(shown: pl.DataFrame) -> Iterator[str]:
    """A list item a sentence; tokens of one word stand together."""
    for (number,), tokens in shown.group_by("sentence_id", maintain_order=True):
        most, total = tokens["weight"].max() or 1.0, tokens["weight"].sum() or 1.0
        parts, before = [], None
        for row in tokens.iter_rows(named=True):
            joined = before is not None and row["word"] == before
            before = row["word"]
            told = f"{row['token']}: weight {row['weight']:.4g}"
            told += "" if row["error"] is None else f" ± {row['error']:.2g}"
            told += f", {row['weight'] / total:.1%} of the sentence"
            mark = ' class="special"' if row["special"] else ""
            parts.append(
                f'{"" if joined else " "}<i{mark} style="--w:{DARKEST * row["weight"] / most:.0f}"'
                f' title="{html.escape(told)}">{html.escape(row["reading"])}</i>'
            )
        name = tokens["id"][0] if "id" in tokens.columns else number
        yield f"<li><b>{html.escape(str(name))}</b><span>{''.join(parts).strip()}</span></li>"
