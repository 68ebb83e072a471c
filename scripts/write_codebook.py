"""Write the codebook: what every column of every table means."""

from pathlib import Path

from common.command import run
from common.contract import TABLES, Table
from common.reports.wording import markdown_table
from common.tables import whole

PLACES = {
    "corpus": "`corpora/<corpus>.parquet`",
    "language": "`corpora/<corpus>.exact.parquet`",
    "training": "`training/<encoder>.parquet`",
    "token_counts": "`counts/<corpus>/<tokenizer>/tokens.parquet`",
    "pair_counts": "`counts/<corpus>/<tokenizer>/pairs.parquet`",
    "sentence_lengths": "`counts/<corpus>/<tokenizer>/lengths.parquet`",
    "information": "`information/<corpus>/<tokenizer>.parquet`",
    "surprisal": "`surprisal/<masked_lm>/<corpus>.parquet`",
    "weights": "`weights/<method>/<encoder>/<corpus>.parquet`",
    "similarities": "`similarities/<encoder>/<corpus>.parquet`",
    "pairs": "`pairs/<encoder>/<corpus>.parquet`",
    "vectors": "where `--output-vectors` of a script that weighs says",
    **{
        name: f"`tables/{name}.parquet`"
        for name in (
            *("data", "regression", "change", "within_sentence", "partial", "classes"),
            *("series", "agreement", "ranking", "weighted_bags"),
            *("pair_shares", "pair_regression"),
            *("encoders", "theory", "theory_words", "embedding_norms"),
        )
    },
    "adjacent_counts": "`cooccurrences/<corpus>/<tokenizer>/adjacent.parquet`",
    "static_vectors": "`theory/<cooccurrence>.<source>.parquet`",
}
"""Where the tables of a run lie in results/<run>/."""
INTRODUCTION = """# Codebook

Every table of a run, in `results/<run>/`, and every column. Written by `scripts/write_codebook.py`
from the contract that all tables are checked against.

Logarithms are natural: information is in nats. A unit of 1 is none. Rows are sorted by the keys.
Tables in `tables/` are there as csv, too.

Every file tells what it holds, by itself: `holds`, `units` and `meanings` (JSON, by column), and
the `command` that made it. Tables of weights tell `encoder`, `method` and `corpus`.

```python
about = polars.read_parquet_metadata("change.parquet")
json.loads(about["meanings"])["pearson_change"]
frames = polars.scan_parquet("weights/*/*/*.parquet", include_file_paths="path")

about = pyarrow.parquet.read_schema("change.parquet").metadata  # beside pandas.read_parquet
json.loads(about[b"meanings"])["pearson_change"]
```

```sql
SELECT decode(value) FROM parquet_kv_metadata('change.parquet') WHERE decode(key) = 'meanings';
SELECT filename, avg(weight) FROM read_parquet('weights/*/*/*.parquet', filename = true) GROUP BY 1;
```
"""


def describe(name: str, table: Table) -> list[str]:
    """A section of the codebook, in lines of Markdown."""
    rows = []
    for column, about in table.columns.items():
        notes = ["may be null"] * about.nullable + ["not in every table"] * about.optional
        meaning = "; ".join([about.meaning, *notes])
        rows.append((f"`{column}`", str(about.type), about.unit, meaning))
    keys = ", ".join(f"`{key}`" for key in table.keys)
    holds = f"{table.holds[0].upper()}{table.holds[1:]}: {PLACES[name]}. Keys: {keys}."
    header = ("column", "type", "unit", "meaning")
    return [f"## {name}", "", holds, "", *markdown_table(header, rows), ""]


def main(*, output_codebook: Path) -> None:
    """Write the columns of all tables with their types, units and meanings, as Markdown.

    Example: python scripts/write_codebook.py --output-codebook codebook.md

    Parameters
    ----------
    output_codebook
        The page.
    """
    lines = [line for name in PLACES for line in describe(name, TABLES[name])]
    with whole(output_codebook) as partial:
        partial.write_text("\n".join([INTRODUCTION, *lines]))


if __name__ == "__main__":
    run(main)
