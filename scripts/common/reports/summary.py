"""What the tables of a run say, in sentences and a Markdown table."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from common.contract import COLLAPSED
from common.reports.style import METHOD_NAMES, QUANTITY_NAMES
from common.reports.trainings import averaged, encoders_of, single, trainings
from common.reports.wording import Row, listed, markdown_table, number, p_value, with_interval

Tables = dict[str, pl.DataFrame]
Key = dict[str, Any]
MANY = 4
"""Encoders after the first of which a summary speaks of the last alone."""
SIGNIFICANT = 0.05
"""p below which a relation or a change is said to be there."""
NO_DIRECTION = (
    "Permuted quantities give other values, but the interval does not exclude 0: this shows no "
    "direction."
)


def in_prose(quantity: str) -> str:
    """The name of a quantity without a comma: information gain (exact)."""
    what, _, kind = QUANTITY_NAMES[quantity].partition(", ")
    return f"{what} ({kind})" if kind else what


def on_comparisons(tables: Tables) -> Iterator[str]:
    """A line for each comparison: its encoders, corpora, methods and tokens."""
    regression = tables["regression"]
    for (name,), rows in regression.group_by("comparison", maintain_order=True):
        corpora, methods = (sorted(rows[key].unique()) for key in ("corpus", "method"))
        how = listed([METHOD_NAMES.get(method, method) for method in methods])
        series = " → ".join(f"`{encoder}`" for encoder in encoders_of(rows))
        yield (
            f"- **{name}**: {series}; weighed on "
            f"{listed(corpora)} by {how}; up to {max(rows['n'].to_list()):,} tokens."
        )


def on_relations(tables: Tables, quantity: str) -> Iterator[str]:
    """A paragraph for each comparison, corpus and method: of each encoder after the first.

    Of many encoders, it is of the last; of a comparison of one encoder, it is of that. First comes
    the answer: the correlation, or how it changed, and what may be concluded.
    """
    regressions = tables["regression"].filter(quantity=quantity)
    keys = ["comparison", "corpus", "method"]
    for values, rows in regressions.group_by(keys, maintain_order=True):
        cell = dict(zip(keys, values, strict=True))
        where = f"- **{cell['comparison']}** on {cell['corpus']}, {METHOD_NAMES[cell['method']]}: "
        if rows["stage"].n_unique() == 1:
            yield where + on_encoder(tables, cell, quantity)
        stages = sorted(rows["stage"].unique().to_list())[1:]
        for stage in stages if len(stages) < MANY else stages[-1:]:
            yield where + on_change(tables, cell | {"stage": stage}, quantity)


def on_encoder(tables: Tables, cell: Key, quantity: str) -> str:
    """The relation of an encoder's weights and the quantity."""
    name = in_prose(quantity)
    rows = tables["regression"].filter(**cell, quantity=quantity)
    value = averaged(rows).row(0, named=True)
    text = (
        f"by `{value['encoder']}`, the correlation of weight with {name} is "
        f"{with_interval(value, 'pearson', signed=True)} ({p_value(value['pearson_p'])}). "
        f"{relation(value)} {on_trainings(rows, 'pearson')} R² is {number(value['r_squared'])}."
    )
    rho = row_of(tables["within_sentence"], cell, quantity=quantity)
    text += (
        " Within sentences, Spearman's rho is "
        f"{with_interval(rho, 'sentence_spearman', signed=True)} on average "
        f"({p_value(rho['sentence_spearman_p'])})."
    )
    adds = row_of(tables["partial"], cell, model=quantity, term=quantity)
    if adds:
        text += (
            f" Of what {controls(adds)} leave unexplained, {name} explains a share of "
            f"{number(adds['partial_r_squared'])} ({p_value(adds['partial_r_squared_p'])})."
        )
    return text + on_classes(averaged(tables["classes"].filter(**cell)), "weigh")


def on_change(tables: Tables, cell: Key, quantity: str) -> str:
    """How the relation of weight and the quantity changed from the first encoder to another."""
    name = in_prose(quantity)
    changes = tables["change"].filter(**cell, quantity=quantity)
    changed = averaged(changes).row(0, named=True)
    text = (
        f"from `{changed['reference']}` to `{changed['encoder']}`, the "
        f"correlation of weight with {name} went from "
        f"{number(changed['pearson_reference'], signed=True)} to "
        f"{number(changed['pearson'], signed=True)}, a change of "
        f"{with_interval(changed, 'pearson_change', signed=True)} "
        f"({p_value(changed['pearson_change_p'])}). {conclusion(changed)} "
        f"{on_trainings(changes, 'pearson_change')} "
        f"R² went from {number(changed['r_squared_reference'])} to {number(changed['r_squared'])}."
    )
    stages = (cell | {"stage": 0}, cell)
    shares, partial = tables["within_sentence"], tables["partial"]
    rho = [row_of(shares, each, quantity=quantity) for each in stages]
    change = row_of(shares, cell, changed["reference"], quantity=quantity)
    text += (
        f" Within sentences, Spearman's rho went from {number(rho[0]['sentence_spearman'])} "
        f"to {number(rho[1]['sentence_spearman'])} on average, a change of "
        f"{with_interval(change, 'sentence_spearman', signed=True)} "
        f"({p_value(change['sentence_spearman_p'])})."
    )
    term = {"model": quantity, "term": quantity}
    adds = [row_of(partial, each, **term) for each in stages]
    if adds[0]:
        change = row_of(partial, cell, changed["reference"], **term)
        text += (
            f" Of what {controls(adds[0])} leave unexplained, {name} explains a share of "
            f"{number(adds[0]['partial_r_squared'])} by the first and "
            f"{number(adds[1]['partial_r_squared'])} by the second "
            f"({p_value(change['partial_r_squared_p'])})."
        )
    classes = tables["classes"].filter(**cell).drop_nulls("reference")
    return text + on_classes(averaged(classes), "changed by")


def row_of(
    table: pl.DataFrame, cell: Key, reference: str | None = None, **key: str
) -> dict[str, Any]:
    """The row of a key: values of the encoder, or their change from the `reference`.

    Of several trainings, it is their mean; it is empty if there is none.
    """
    kind = pl.col("reference").eq_missing(pl.lit(reference))
    rows = averaged(table.filter(kind, **cell, **key))
    return rows.row(0, named=True) if len(rows) else {}


def controls(row: Row) -> str:
    """The other terms of a joint model, in words."""
    return listed(row["controls"].replace("_", "-").split(" + "))


def relation(value: Row) -> str:
    """What a reader may conclude of a correlation, and what not."""
    p, r = value["pearson_p"], value["pearson"]
    if r is None or p is None:
        return "Nothing can be concluded: the correlation or its test is undefined."
    if p >= SIGNIFICANT:
        return "This does not show that weights follow it beyond frequency; nor that they do not."
    if not excludes_zero(value, "pearson"):
        return NO_DIRECTION
    return f"Weights {'rise' if r > 0 else 'fall'} with it."


def conclusion(changed: Row) -> str:
    """What a reader may conclude of a change of correlation, and what not."""
    p, change = changed["pearson_change_p"], changed["pearson_change"]
    if change is None or p is None:
        return "Nothing can be concluded: the change or its test is undefined."
    excludes = excludes_zero(changed, "pearson_change")
    if p >= SIGNIFICANT and excludes:
        return (
            "The interval excludes 0, but quantities permuted over words of like frequency change "
            "as far: this does not show that the relation changed beyond frequency."
        )
    if p >= SIGNIFICANT:
        return "This does not show that the relation changed; nor that it did not."
    if not excludes:
        return NO_DIRECTION
    before, after = changed["pearson_reference"], changed["pearson"]
    if before < 0 < after or after < 0 < before:
        turned = "from negative to positive" if after > 0 else "from positive to negative"
        return f"The relation turned {turned}."
    grew = abs(after) > abs(before)
    return f"The relation became {'stronger' if grew else 'weaker'}."


def excludes_zero(row: Row, statistic: str) -> bool:
    """Whether the interval of a statistic is known and on one side of 0."""
    low, high = row[f"{statistic}_low"], row[f"{statistic}_high"]
    return low is not None and (low > 0 or high < 0)


def on_trainings(rows: pl.DataFrame, statistic: str) -> str:
    """Whether trainings agree on the sign of a correlation or of its change."""
    each = single(rows)[statistic].drop_nulls()
    if not len(each):
        return "One training says nothing of others."
    ordered = each.sort()
    low, high = number(ordered[0], signed=True), number(ordered[-1], signed=True)
    agree = (each > 0).all() or (each < 0).all()
    verdict = "agree on its sign" if agree else "do not agree on its sign"
    return f"The {len(each)} trainings {verdict}: from {low} to {high}."


def on_classes(rows: pl.DataFrame, verb: str) -> str:
    """Which word classes, or else frequency bands, have most and least of the relative weight."""
    best = rows.filter(grouping="word_class")
    kind = "words of class" if len(best) else "words of log10 frequency"
    ordered = (best if len(best) else rows).drop_nulls("relative_weight").sort("relative_weight")
    if len(ordered) < 2:
        return ""
    least, most = (
        f"{row['group']} {verb} {with_interval(row, 'relative_weight', signed=verb != 'weigh')}"
        for row in (ordered.row(0, named=True), ordered.row(-1, named=True))
    )
    return f" Relative to the mean token, {kind} {most}, {least}."


def on_rivals(tables: Tables, quantity: str) -> Iterator[str]:
    """What several encoders that are held against one changed, side by side; no checkpoints."""
    changes = averaged(tables["change"]).filter(~pl.col("encoder").str.contains("@"))
    rivals = changes.filter(quantity=quantity).drop_nulls("pearson_change")
    for (corpus, method, reference), rows in rivals.group_by(
        "corpus", "method", "reference", maintain_order=True
    ):
        ordered = rows.unique("encoder").sort("pearson_change", descending=True)
        if len(ordered) > 1:
            each = [
                f"`{row['encoder']}` {with_interval(row, 'pearson_change', signed=True)}"
                for row in ordered.iter_rows(named=True)
            ]
            yield (
                f"- From `{reference}`, on {corpus} by {METHOD_NAMES[method]}, from the "
                f"highest change of the correlation to the lowest: {listed(each)}."
            )


def covers(regressions: pl.DataFrame) -> str:
    """What the intervals hold of chance in training."""
    number = trainings(regressions)
    if number == 1:
        return "they do not cover other trainings of the encoders."
    return f"over the means of {number} trainings, they hold the spread between these too."


def on_tests(tables: Tables) -> str:
    """How many p of the correlation, or of its changes if there are any, are below 0.05."""
    what, statistic, table = "changes of the correlation", "pearson_change_p", tables["change"]
    if table.is_empty():
        what, statistic, table = "correlations", "pearson_p", tables["regression"]
    p = averaged(table)[statistic].drop_nulls()
    return (
        f"{(p < SIGNIFICANT).sum()} of {len(p)} {what} have p below "
        f"{SIGNIFICANT}; without any relation, about {SIGNIFICANT * len(p):.1f} would."
    )


def relations_table(tables: Tables) -> list[str]:
    """A row for each comparison, corpus, method, quantity and encoder."""
    key = ["comparison", "corpus", "method", "quantity", "stage"]
    header = ["comparison", "corpus", "method", "quantity", "encoder", "r", "p", "R²", "rho"]
    changes = averaged(tables["change"]).select(*key, pl.col("^pearson_change.*$"))
    lines = []
    for row in (
        averaged(tables["regression"])
        .join(changes, key, how="left", maintain_order="left")
        .iter_rows(named=True)
    ):
        changed = [
            with_interval(row, "pearson_change", signed=True),
            _bare(row["pearson_change_p"]),
        ]
        lines.append(
            [
                row["comparison"],
                row["corpus"],
                METHOD_NAMES[row["method"]],
                QUANTITY_NAMES[row["quantity"]],
                row["encoder"],
                with_interval(row, "pearson", signed=True),
                _bare(row["pearson_p"]),
                number(row["r_squared"]),
                number(row["spearman"], signed=True),
                *(changed if row["stage"] else ["", ""]),
            ]
        )
    if tables["change"].is_empty():
        return markdown_table(header, [line[:-2] for line in lines])
    return markdown_table([*header, "change of r", "p of the change"], lines)


def _bare(p: float | None) -> str:
    return p_value(p).removeprefix("p = ")


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
