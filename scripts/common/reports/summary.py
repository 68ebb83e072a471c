"""What the tables of a run say, in sentences and a Markdown table."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from common.contract import COLLAPSED
from common.reports.style import METHOD_NAMES, QUANTITY_NAMES
from common.reports.trainings import averaged, single, trainings
from common.reports.wording import Row, listed, markdown_table, number, p_value, with_interval

Tables = dict[str, pl.DataFrame]
SIGNIFICANT = 0.05
"""p below which a change is said to be there."""


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
    """What fine-tuning did to the relation of weight and the quantity, in a paragraph.

    First the answer: the correlation before and after, and what may be concluded.
    """
    name = in_prose(quantity)
    changes = tables["change"].filter(**cell, quantity=quantity)
    changed = averaged(changes).row(0, named=True)
    text = (
        f"- **{cell['comparison']}** on {cell['corpus']}, {METHOD_NAMES[cell['method']]}: the "
        f"correlation of weight with {name} went from "
        f"{number(changed['pearson_reference'], signed=True)} to "
        f"{number(changed['pearson'], signed=True)}, a change of "
        f"{with_interval(changed, 'pearson_change', signed=True)} "
        f"({p_value(changed['pearson_change_p'])}). {conclusion(changed)} {on_trainings(changes)} "
        f"R² went from {number(changed['r_squared_reference'])} to {number(changed['r_squared'])}."
    )
    rho = stages(averaged(tables["within_sentence"]), **cell, quantity=quantity)
    text += (
        f" Within sentences, Spearman's rho went from {number(rho['before']['sentence_spearman'])} "
        f"to {number(rho['after']['sentence_spearman'])} on average, a change of "
        f"{with_interval(rho['change'], 'sentence_spearman', signed=True)} "
        f"({p_value(rho['change']['sentence_spearman_p'])})."
    )
    adds = stages(averaged(tables["partial"]), **cell, model=quantity, term=quantity)
    if adds:
        beside = listed(adds["before"]["controls"].replace("_", "-").split(" + "))
        text += (
            f" Of what {beside} leave unexplained, {name} explains a share of "
            f"{number(adds['before']['partial_r_squared'])} before and "
            f"{number(adds['after']['partial_r_squared'])} after "
            f"({p_value(adds['change']['partial_r_squared_p'])})."
        )
    return text + on_classes(averaged(tables["classes"].filter(**cell, stage="change")))


def conclusion(changed: Row) -> str:
    """What a reader may conclude of a change of correlation, and what not."""
    p, change = changed["pearson_change_p"], changed["pearson_change"]
    if change is None or p is None:
        return "Nothing can be concluded: the change or its test is undefined."
    if p >= SIGNIFICANT:
        return "This does not show that fine-tuning changed the relation; nor that it did not."
    before, after = changed["pearson_reference"], changed["pearson"]
    if before < 0 < after or after < 0 < before:
        turned = "from negative to positive" if after > 0 else "from positive to negative"
        return f"Fine-tuning turned the relation {turned}."
    grew = abs(after) > abs(before)
    return f"Fine-tuning made the relation {'stronger' if grew else 'weaker'}."


def on_trainings(changes: pl.DataFrame) -> str:
    """Whether trainings agree on the change of the correlation."""
    each = single(changes)["pearson_change"].drop_nulls()
    if not len(each):
        return "One training says nothing of others."
    ordered = each.sort()
    low, high = number(ordered[0], signed=True), number(ordered[-1], signed=True)
    agree = (each > 0).all() or (each < 0).all()
    verdict = "agree on its direction" if agree else "do not agree on its direction"
    return f"Its {len(each)} trainings {verdict}: from {low} to {high}."


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
    changes = averaged(tables["change"])
    rivals = changes.filter(quantity=quantity).drop_nulls("pearson_change")
    for (corpus, method, encoder), rows in rivals.group_by(
        "corpus", "method", "reference", maintain_order=True
    ):
        if len(rows) > 1:
            ordered = rows.sort("pearson_change", descending=True)
            each = [
                f"{row['comparison']} {with_interval(row, 'pearson_change', signed=True)}"
                for row in ordered.iter_rows(named=True)
            ]
            yield (
                f"- From one encoder, `{encoder}`, on {corpus} by {METHOD_NAMES[method]}, from the "
                f"highest change of the correlation to the lowest: {listed(each)}."
            )


def covers(changes: pl.DataFrame) -> str:
    """What the intervals hold of chance in training."""
    number = trainings(changes)
    if number == 1:
        return "each encoder was trained once, and they do not cover other trainings."
    return f"over the means of {number} trainings, they hold the spread between these too."


def on_tests(changes: pl.DataFrame) -> str:
    """How many changes of the correlation have a p below 0.05, and how many would by chance."""
    p = averaged(changes)["pearson_change_p"].drop_nulls()
    return (
        f"{(p < SIGNIFICANT).sum()} of {len(p)} changes of the correlation have p below "
        f"{SIGNIFICANT}; without any relation, about {SIGNIFICANT * len(p):.1f} would."
    )


def changes_table(tables: Tables) -> list[str]:
    """A row for each comparison, corpus, method and quantity: r, R squared and Spearman's rho."""
    header = ["comparison", "corpus", "method", "quantity", "r before", "r after", "change of r"]
    header += ["p", "R² before", "R² after", "rho before", "rho after"]
    lines = [
        [
            row["comparison"],
            row["corpus"],
            METHOD_NAMES[row["method"]],
            QUANTITY_NAMES[row["quantity"]],
            number(row["pearson_reference"], signed=True),
            number(row["pearson"], signed=True),
            with_interval(row, "pearson_change", signed=True),
            p_value(row["pearson_change_p"]).removeprefix("p = "),
            number(row["r_squared_reference"]),
            number(row["r_squared"]),
            number(row["spearman_reference"], signed=True),
            number(row["spearman"], signed=True),
        ]
        for row in averaged(tables["change"]).iter_rows(named=True)
    ]
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
