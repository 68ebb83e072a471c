"""Tables as csv and LaTeX, and the codebook of the contract."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from commands import ROOT, assert_refuses, assert_runs
from polars.testing import assert_frame_equal

from common.contract import REGRESSION, TABLES
from common.tables import write_table


def regression(*rows: dict[str, object]) -> pl.DataFrame:
    """Rows of a table of regressions; columns that they do not name are null or some value."""
    some = {"float64": 0.5, "int64": 10, "int32": 1, "double": 0.5}
    every = [
        {
            name: None if column.nullable else some.get(str(column.type), "x")
            for name, column in REGRESSION.columns.items()
        }
        | row
        for row in rows
    ]
    frame = pl.DataFrame(every, infer_schema_length=None)
    kinds = {name: pl.Float64 for name, c in REGRESSION.columns.items() if str(c.type) == "double"}
    return frame.cast(kinds | {"stage": pl.Int32, "replicate": pl.Int32})


def row(method: str, encoder: str, stage: int, value: float, **more: object) -> dict[str, object]:
    about = {"comparison": "mine_1", "corpus": "50%", "quantity": "self_information"}
    interval = {"pearson": value, "pearson_low": value - 0.1, "pearson_high": value + 0.1}
    keys = {"method": method, "encoder": encoder, "stage": stage, "replicate": 1}
    return about | keys | interval | more


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        row("integrated_gradients", "b", 1, 0.5),
        row("integrated_gradients", "a_b", 0, -0.25),
        row("shapley", "a_b", 0, 0.75, pearson_low=None, pearson_high=None),
        row("shapley", "b", 1, 0.12, quantity="information_gain"),
    ]
    write_table(regression(*rows), tmp_path / "regression.parquet", REGRESSION)
    return tmp_path / "regression.parquet"


def test_csv_reads_back_equal(table: Path, tmp_path: Path) -> None:
    assert_runs("export_tables", table, "--output-csv", tmp_path / "r.csv")
    frame = pl.read_parquet(table)
    assert_frame_equal(pl.read_csv(tmp_path / "r.csv", schema=frame.schema), frame)


def test_lists_are_joined(tmp_path: Path) -> None:
    pl.DataFrame({"w": [["a, b", "c"], []]}).write_parquet(tmp_path / "w.parquet")
    assert_runs("export_tables", tmp_path / "w.parquet", "--output-csv", tmp_path / "w.csv")
    assert (tmp_path / "w.csv").read_text() == 'w\n"a, b; c"\n""\n'


def test_a_table_without_a_file_is_one_line(table: Path, tmp_path: Path) -> None:
    line = assert_refuses("export_tables", table, table, "--output-csv", tmp_path / "r.csv")
    assert "2 tables, 1 --output-csv" in line
    (tmp_path / "no.parquet").write_text("no table")
    line = assert_refuses("export_tables", tmp_path / "no.parquet", "--output-csv", tmp_path / "r")
    assert f"{tmp_path / 'no.parquet'}: not a readable Parquet file" in line


def test_latex_holds_encoders_by_quantities_for_each_method(table: Path, tmp_path: Path) -> None:
    assert_runs("typeset_regression", table, "--output-latex", tmp_path / "r.tex")
    text = (tmp_path / "r.tex").read_text()
    assert re.findall(r"^    (?!Encoder)(.+) \\\\$", text, re.MULTILINE) == [
        r"\multicolumn{3}{l}{Integrated Gradients}",
        r"a\_b & $-$0.25 [$-$0.35, $-$0.15] & ",
        r"b & 0.50 [0.40, 0.60] & ",
        r"\multicolumn{3}{l}{Shapley values}",
        r"a\_b & 0.75 & ",
        r"b &  & 0.12 [0.02, 0.22]",
    ]
    assert r"mine\_1, 50\%." in text


def test_latex_of_several_trainings_has_their_mean(tmp_path: Path) -> None:
    rows = [row("shapley", "a", 0, value, replicate=r) for r, value in ((1, 0.1), (2, 0.3))]
    frame = regression(*rows, row("shapley", "a", 0, 0.2, replicate=None))
    write_table(frame, tmp_path / "r.parquet", REGRESSION)
    assert_runs("typeset_regression", tmp_path / "r.parquet", "--output-latex", tmp_path / "r.tex")
    assert (tmp_path / "r.tex").read_text().count("    a & 0.20 [0.10, 0.30] ") == 1


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs LaTeX")
def test_latex_compiles(table: Path, tmp_path: Path) -> None:
    assert_runs("typeset_regression", table, "--output-latex", tmp_path / "r.tex")
    page = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{r}\end{document}"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_pages_show_tables_and_run_nothing(table: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text(
        "# A run\n\n<script>1</script> **bold**\n\n| a | b |\n|---|---|\n| 1 | x |\n"
    )
    pages = [tmp_path / "r.html", tmp_path / "s.html"]
    assert_runs("render_pages", table, "--summary", summary, "--output-pages", *pages)
    first, second = (page.read_text() for page in pages)
    assert first.count("<tr>") == 5
    assert '<td class="number">\N{MINUS SIGN}0.25</td>' in first
    for name, column in REGRESSION.columns.items():
        assert f'title="{html.escape(column.meaning)}">{name}</th>' in first
    assert "<script" not in first + second
    assert "&lt;script&gt;1&lt;/script&gt; <strong>bold</strong>" in second
    assert "<td>x</td>" in second
    line = assert_refuses("render_pages", table, "--summary", summary, "--output-pages", pages[0])
    assert "1 --output-pages: give one for each of 1 tables, and one for the summary" in line
    other = table.rename(tmp_path / "mine.parquet")
    line = assert_refuses("render_pages", other, "--summary", summary, "--output-pages", *pages)
    assert f"{other}: no kind of table has this name" in line


def test_of_long_tables_the_first_rows_are_shown(tmp_path: Path) -> None:
    rows = [row("shapley", f"e{k}", k, 0.5) for k in range(1200)]
    write_table(regression(*rows), tmp_path / "regression.parquet", REGRESSION)
    (tmp_path / "summary.md").write_text("# A run\n")
    pages = [tmp_path / "r.html", tmp_path / "s.html"]
    about = ("--summary", tmp_path / "summary.md", "--output-pages", *pages)
    assert_runs("render_pages", tmp_path / "regression.parquet", *about)
    text = pages[0].read_text()
    assert text.count("<tr>") == 1001
    assert "the first 1,000 of 1,200 rows; all in tables/regression.csv" in text


def test_the_codebook_is_that_of_the_contract(tmp_path: Path) -> None:
    assert_runs("write_codebook", "--output-codebook", tmp_path / "codebook.md")
    text = (tmp_path / "codebook.md").read_text()
    assert text == (ROOT / "docs/codebook.md").read_text(), "run write_codebook.py for docs/"
    assert re.findall("^## (.+)$", text, re.MULTILINE) != []
    assert set(re.findall("^## (.+)$", text, re.MULTILINE)) == set(TABLES)
    for about in TABLES.values():
        for name in about.columns:
            assert f"| `{name}` |" in text


def test_a_table_tells_the_meaning_of_its_columns(table: Path) -> None:
    about = pl.read_parquet_metadata(table)
    meanings = {name: column.meaning for name, column in REGRESSION.columns.items()}
    assert json.loads(about["meanings"]) == meanings
