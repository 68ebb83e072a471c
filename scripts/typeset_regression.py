"""Typeset the correlation of weight with each quantity as LaTeX tables."""

from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import QUANTITIES, REGRESSION
from common.reports.style import METHOD_NAMES, QUANTITY_NAMES
from common.reports.trainings import averaged, encoders_of
from common.reports.wording import with_interval
from common.tables import read_table, whole

SPECIAL = str.maketrans({char: f"\\{char}" for char in "&%$#_{}"} | {"~": r"\textasciitilde{}"})
HEAD = "% needs \\usepackage{booktabs}\n"


def escape(name: str) -> str:
    """A name as LaTeX sets it."""
    return name.replace("\\", "/").translate(SPECIAL)


def typeset(rows: pl.DataFrame, comparison: str, corpus: str) -> list[str]:
    """Lines of the table of one comparison on one corpus: encoders by quantities, each method."""
    quantities = [name for name in QUANTITIES if name in rows["quantity"]]
    cells = {
        (row["method"], row["encoder"], row["quantity"]): with_interval(row, "pearson")
        for row in rows.iter_rows(named=True)
    }
    names = " & ".join(escape(QUANTITY_NAMES[name]) for name in quantities)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \begin{{tabular}}{{l{'c' * len(quantities)}}}",
        r"    \toprule",
        rf"    Encoder & {names} \\",
    ]
    for method in rows["method"].unique(maintain_order=True):
        how = escape(METHOD_NAMES.get(method, method))
        lines += [r"    \midrule", rf"    \multicolumn{{{len(quantities) + 1}}}{{l}}{{{how}}} \\"]
        for encoder in encoders_of(rows):
            found = [cells.get((method, encoder, name), "") for name in quantities]
            values = " & ".join(cell.replace("\N{MINUS SIGN}", "$-$") for cell in found)
            lines.append(rf"    {escape(encoder)} & {values} \\")
    caption = (
        "Pearson's correlation of a token's weight with each quantity, and its interval over "
        f"sentences and types; its square is $R^2$. {escape(comparison)}, {escape(corpus)}."
    )
    return [
        *lines,
        r"    \bottomrule",
        r"  \end{tabular}",
        rf"  \caption{{{caption}}}",
        rf"  \label{{tab:{comparison}-{corpus}}}",
        r"\end{table}",
        "",
    ]


def main(regression: Path, *, output_latex: Path) -> None:
    """Write a table of each comparison and corpus, for booktabs: encoders by quantities.

    Of several trainings, the mean.

    Example: python scripts/typeset_regression.py tables/regression.parquet
    --output-latex regression.tex

    Parameters
    ----------
    regression
        Table of all regressions.
    output_latex
        The tables, to be taken in by a paper.
    """
    rows = averaged(read_table(regression, REGRESSION)).sort("comparison", "corpus", "method")
    if not len(rows):
        raise InputError(f"{regression}: no rows, nothing to typeset")
    lines = [HEAD]
    for (comparison, corpus), part in rows.group_by("comparison", "corpus", maintain_order=True):
        lines += typeset(part, str(comparison), str(corpus))
    with whole(output_latex) as partial:
        partial.write_text("\n".join(lines))


if __name__ == "__main__":
    run(main)
