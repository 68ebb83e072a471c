"""What the tables of a run say, in sentences and a Markdown table."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from common.contract import COLLAPSED
from common.reports.style import METHOD_NAMES, QUANTITY_NAMES
from common.reports.wording import (
    change,
    excludes_zero,
    listed,
    markdown_table,
    number,
    with_interval,
)

Tables = dict[str, pl.DataFrame]


def in_prose(quantity: str) -> str:
    """The name of a quantity without a comma: information gain (exact)."""
    what, _, kind = QUANTITY_NAMES[quantity].partition(", ")
    return f"{what} ({kind})" if kind else what


def stages(table: pl.DataFrame, **key: str) -> dict[str, dict[str, Any]]:
    """The rows of a key, by stage."""
    return {row["stage"]: row for row in table.filter(**key).iter_rows(named=True)}


def on_comparisons(tables: Tables) -> Iterator[str]:
    """A line for each comparison: its encoders, corpora, methods and tokens."""
    regression = tables["regression"]
    for (name,), rows in regression.group_by("comparison", maintain_order=True):
        before, after = (
            str(rows.filter(stage=stage)["encoder"][0]) for stage in ("before", "after")
        )
        corpora, methods = (sorted(rows[key].unique()) for key in ("corpus", "method"))
        how = listed([METHOD_NAMES.get(method, method) for method in methods])
        yield (
            f"- **{name}**: `{before}` before, `{after}` after fine-tuning; weighed on "
            f"{listed(corpora)} by {how}; up to {max(rows['n'].to_list()):,} tokens."
        )


def on_change(tables: Tables, cell: dict[str, str], quantity: str) -> str:
    """What fine-tuning did to the relation of weight and the quantity, in sentences."""
    name = in_prose(quantity)
    both = stages(tables["regression"], **cell, quantity=quantity)
    before, after = both["before"], both["after"]
    changed = tables["change"].filter(**cell, quantity=quantity).row(0, named=True)
    rho = stages(tables["within_sentence"], **cell, quantity=quantity)
    text = (
        f"- **{cell['comparison']}** on {cell['corpus']}, {METHOD_NAMES[cell['method']]}: R² of "
        f"weight on {name} went from {number(before['r_squared'])} to "
        f"{number(after['r_squared'])}, a change of {change(changed, 'r_squared_change')}."
    )
    if before["slope"] is not None and after["slope"] is not None:
        first, last = ("negative" if row["slope"] < 0 else "positive" for row in (before, after))
        kept = f"The slope is {last} before and after."
        text += f" {kept if first == last else f'The slope turned from {first} to {last}.'}"
    text += (
        f" Within sentences, Spearman's rho went from {number(rho['before']['sentence_spearman'])} "
        f"to {number(rho['after']['sentence_spearman'])} on average "
        f"({change(rho['change'], 'sentence_spearman')})."
    )
    adds = stages(tables["partial"], **cell, model=quantity, term=quantity)
    if adds:
        beside = listed(adds["before"]["controls"].replace("_", "-").split(" + "))
        text += (
            f" Of what {beside} leave unexplained, {name} explains a share of "
            f"{number(adds['before']['partial_r_squared'])} before and "
            f"{number(adds['after']['partial_r_squared'])} after "
            f"({change(adds['change'], 'partial_r_squared')})."
        )
    return text + on_classes(tables["classes"].filter(**cell, stage="change"))


def on_classes(changes: pl.DataFrame) -> str:
    """Which word classes, or else frequency bands, gained and lost most of the relative weight."""
    best = changes.filter(grouping="word_class")
    kind = "words of class" if len(best) else "words of log10 frequency"
    ordered = (best if len(best) else changes).drop_nulls("relative_weight").sort("relative_weight")
    if len(ordered) < 2:
        return ""
    lost, gained = ordered.row(0, named=True), ordered.row(-1, named=True)
    return (
        f" Relative to the mean token, {kind} {gained['group']} changed by "
        f"{with_interval(gained, 'relative_weight', signed=True)}, {lost['group']} by "
        f"{with_interval(lost, 'relative_weight', signed=True)}."
    )


def on_rivals(tables: Tables, quantity: str) -> Iterator[str]:
    """What several fine-tunings of one encoder did, side by side."""
    before = tables["regression"].filter(stage="before", quantity=quantity)
    changes = tables["change"].join(
        before.select("comparison", "corpus", "method", "encoder"),
        ["comparison", "corpus", "method"],
    )
    rivals = changes.filter(quantity=quantity).drop_nulls("r_squared_change")
    for (corpus, method, encoder), rows in rivals.group_by(
        "corpus", "method", "encoder", maintain_order=True
    ):
        if len(rows) > 1:
            ordered = rows.sort("r_squared_change", descending=True)
            each = [
                f"{row['comparison']} {with_interval(row, 'r_squared_change', signed=True)}"
                for row in ordered.iter_rows(named=True)
            ]
            yield (
                f"- From one encoder, `{encoder}`, on {corpus} by {METHOD_NAMES[method]}, from the "
                f"highest change of R² to the lowest: {listed(each)}."
            )


def on_zero(changes: pl.DataFrame) -> str:
    """How many changes of R squared exclude 0, and which do not."""
    undecided = [
        f"{row['comparison']} ({row['corpus']}, {METHOD_NAMES[row['method']]}, "
        f"{in_prose(row['quantity'])})"
        for row in changes.iter_rows(named=True)
        if not excludes_zero(row, "r_squared_change")
    ]
    count = f"{len(changes) - len(undecided)} of {len(changes)} changes of R² exclude 0"
    return f"{count}; these do not: {listed(undecided)}." if undecided else f"{count}."


def changes_table(tables: Tables) -> list[str]:
    """A row for each comparison, corpus, method and quantity: R squared and Spearman's rho."""
    header = ["comparison", "corpus", "method", "quantity", "R² before", "R² after", "change of R²"]
    header += ["excludes 0", "rho before", "rho after"]
    verdict = {True: "yes", False: "no", None: "undefined"}
    lines = []
    for row in tables["change"].iter_rows(named=True):
        key = {name: row[name] for name in ("comparison", "corpus", "method", "quantity")}
        both = stages(tables["regression"], **key)
        lines.append(
            [
                row["comparison"],
                row["corpus"],
                METHOD_NAMES[row["method"]],
                QUANTITY_NAMES[row["quantity"]],
                with_interval(both["before"], "r_squared"),
                with_interval(both["after"], "r_squared"),
                with_interval(row, "r_squared_change", signed=True),
                verdict[excludes_zero(row, "r_squared_change")],
                number(both["before"]["spearman"], signed=True),
                number(both["after"]["spearman"], signed=True),
            ]
        )
    return markdown_table(header, lines)


def on_encoders(encoders: pl.DataFrame) -> Iterator[str]:
    """A line for each encoder, with a warning if it has collapsed."""
    for row in encoders.iter_rows(named=True):
        line = (
            f"- `{row['encoder']}`: Spearman's rho {number(row['sts_spearman'])} on "
            f"{row['pairs']:,} scored pairs, uniformity {number(row['uniformity'])}"
        )
        if row["mean_cosine"] is not None and row["mean_cosine"] > COLLAPSED:
            line += (
                ". **Warning: it has collapsed.** The mean cosine of two sentences is "
                f"{row['mean_cosine']:.3f}, so it hardly tells them apart, and "
                "what its weights relate to is no sign of a working encoder"
            )
        yield line + "."


def on_theory(theory: pl.DataFrame) -> Iterator[str]:
    """A line for each static encoder of adjacent sentences: its norms and the information gain."""
    fits = theory.filter(cooccurrence="adjacent", gain_of="adjacent")
    known = "exact" if "exact" in fits["quantity"] else "bayes"
    of = {"exact": "the exact", "bayes": "the Bayes estimate of"}[known]
    learnt = {"exact": "the exact distribution", "sampled": "sampled sentences"}
    encoders = fits.filter(quantity=known).group_by(
        "source", "vectors", "dimension", maintain_order=True
    )
    for (source, vectors, dimension), rows in encoders:
        each = [
            f"{number(row['r_squared'])} (rho {number(row['spearman'])}) for the {row['norm']} "
            f"{'of its own P' if row['norm'] == 'divergence' else 'norm'}"
            for row in rows.iter_rows(named=True)
        ]
        yield (
            f"- Static encoder with {vectors} vectors of {dimension} dimensions, of pairs in "
            f"adjacent sentences from {learnt[source]}: R² on {of} information gain of these "
            f"pairs over {rows['n'][0]:,} words is {listed(each)}."
        )
