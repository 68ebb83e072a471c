"""Build the page on which a reader looks at sentences, their tokens and their weights."""

import json
from pathlib import Path
from typing import Any

from common.command import InputError, run
from common.contract import DATA, INFORMATION, QUANTITIES
from common.reports import style
from common.reports.data_block import stands_on
from common.reports.page import Columns, write_page
from common.reports.token_views import OF_TYPES
from common.tables import read_table

ASSETS = Path(__file__).parent / "explorer"
LABELS = style.QUANTITY_NAMES | {
    "information_gain_extrapolated_low": "information gain, extrapolated: from",
    "information_gain_extrapolated_high": "information gain, extrapolated: to",
    "information_gain_low": "information gain, Bayes: from",
    "information_gain_high": "information gain, Bayes: to",
}


def described() -> list[dict[str, str]]:
    """Name, label, unit and meaning of all numbers that a type or token may have, nats first."""
    columns = {name: INFORMATION.columns[name] for name in OF_TYPES}
    about = {name: (column.unit, column.meaning) for name, column in columns.items()}
    about["surprisal"] = ("nat", QUANTITIES["surprisal"])
    about = dict(sorted(about.items(), key=lambda item: item[1][0] != "nat"))
    return [
        {"name": name, "label": LABELS.get(name, name), "unit": unit, "meaning": meaning}
        for name, (unit, meaning) in about.items()
    ]


def about_data(table: Path) -> list[dict[str, Any]]:
    """What each comparison on a corpus stands on, and its warnings."""
    return [
        {name: row[name] for name in ("comparison", "corpus", "rare_examples", "warnings")}
        | {"line": stands_on(row)}
        for row in read_table(table, DATA).iter_rows(named=True)
    ]


def pieces_of(paths: list[Path], columns: Columns) -> list[dict[str, Any]]:
    """Entries of pieces of the page, with their columns in place."""
    views = []
    for path in paths:
        try:
            piece = json.loads(path.read_text())
            views.append(piece["entry"] | columns.place(piece["view"]))
        except (ValueError, KeyError, TypeError) as error:
            made = "nothing that collect_tokens or collect_pairs wrote; make it anew"
            raise InputError(f"{path}: {made}") from error
    return views


def main(
    tokens: list[Path],
    *,
    pairs: list[Path] | None = None,
    data: Path,
    output_page: Path,
    run_name: str,
    minimum_count: int,
) -> None:
    """Build one HTML page, without need of a network, that shows weights of tokens (norms).

    Example: python scripts/build_explorer.py adjacent.json dropout.json
    --data data.parquet --output-page explorer.html --run-name default --minimum-count 20

    Parameters
    ----------
    tokens
        What the page shows of each comparison, corpus and method, as collect_tokens wrote it.
    pairs
        What the page shows of pairs of sentences, as collect_pairs wrote it.
    data
        What the comparisons stand on.
    output_page
        The page.
    run_name
        Name of the run, for the title.
    minimum_count
        Types counted fewer times are marked, as they are in no regression.
    """
    columns, about = Columns(), about_data(data)
    known = {(row["comparison"], row["corpus"]) for row in about}
    views = pieces_of(tokens, columns)
    for view in views:
        if (key := (view["comparison"], view["corpus"])) not in known:
            raise InputError(f"{data}: no row for {key[0]}, {key[1]}; describe their data first")
    content = {
        "minimum_count": minimum_count,
        "methods": style.METHOD_NAMES,
        "quantities": described(),
        "about": about,
        "views": views,
        "pairs": pieces_of(pairs or [], columns),
        "columns": columns.values,
    }
    write_page(ASSETS, run_name, content, output_page)


if __name__ == "__main__":
    run(main)
