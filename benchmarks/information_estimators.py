"""Estimates of information gain against the exact values of the generated language.

PYTHONPATH=scripts python benchmarks/information_estimators.py 10000 100000 1000000
prints bias, RMSE (both relative), Spearman's rho and coverage, and draws the RMSE;
--burstiness 0.2 judges on documents that repeat their words.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from cyclopts import run
from scipy.sparse import csr_array
from scipy.special import digamma
from scipy.stats import spearmanr

from common.corpora.grammar import Grammar, load_grammar
from common.information.empirical_bayes import posterior_information_gain
from common.information.extrapolation import (
    Estimate,
    extrapolated_information_gain,
    gains_of_parts,
    group_totals,
)
from common.information.plug_in import shuffled_information_gain
from common.reports.style import FIRST, LAST, NEUTRAL, PAGE
from common.tokens.pair_counts import GROUPS, RunningSum, count_grouped_pairs, pair_table
from generate_corpus import generate_documents

BANDS = ((20, 100), (100, 1_000), (1_000, 10**12))
TITLES = ("types seen 20 to 100 times", "100 to 1,000 times", "over 1,000 times")
OURS = {"extrapolated (ours)": FIRST, "bayes (ours)": LAST}
BLOCK = 250_000
DOCUMENT = (4, 9)


def sample_pairs(grammar: Grammar, sentences: int) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """The PAIR_COUNTS table, occurrences of each word, and the lengths of the sentences."""
    generator = np.random.default_rng(0)
    types = len(grammar.words)
    total, counts, lengths = RunningSum(), np.zeros(types, int), []
    numbers = {word.lower(): k for k, word in enumerate(grammar.words)}
    for start in range(0, sentences, BLOCK):
        number = min(BLOCK, sentences - start)
        corpus = generate_documents(grammar, number // DOCUMENT[0] + 1, DOCUMENT, generator)
        corpus = corpus[:number]
        words = corpus["text"].str.to_lowercase().str.extract_all(r"[a-z]+|[.,]")
        ids = words.explode().replace_strict(numbers).to_numpy()
        lengths.append(words.list.len().to_numpy().astype(int))
        counts += np.bincount(ids, minlength=types)
        groups = corpus["document_id"].to_numpy() % GROUPS
        total.add(count_grouped_pairs(ids, lengths[-1], groups, types))
    return pair_table(total.take()), counts, np.concatenate(lengths)


def by_rows(
    pairs: csr_array, estimate: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """An estimate from dense rows of counts and the marginal."""
    marginal = np.maximum(pairs.sum(axis=1) / pairs.sum(), 1e-15)
    return np.concatenate(
        [estimate(pairs[k : k + 256].toarray(), marginal) for k in range(0, pairs.shape[0], 256)]
    )


def grassberger(counts: np.ndarray, marginal: np.ndarray) -> np.ndarray:
    """With the entropy of Grassberger 2003."""
    n = np.maximum(counts, 1)
    sign = np.where(counts % 2, -1, 1)
    terms = digamma(n) + sign * (digamma((n + 1) / 2) - digamma(n / 2)) / 2 - np.log(marginal)
    rows = np.maximum(counts.sum(axis=1), 1)
    return (counts * terms).sum(axis=1) / rows - np.log(rows)


def james_stein(counts: np.ndarray, marginal: np.ndarray) -> np.ndarray:
    """Rows shrunk to P (Hausser and Strimmer 2009)."""
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 2)
    share = counts / rows
    spread = ((marginal - share) ** 2).sum(axis=1, keepdims=True)
    shrink = np.clip((1 - (share**2).sum(axis=1, keepdims=True)) / ((rows - 1) * spread), 0, 1)
    share = shrink * marginal + (1 - shrink) * share
    return (share * np.log(np.maximum(share, 1e-300) / marginal)).sum(axis=1)


def judge(
    table: pl.DataFrame, seen: np.ndarray, lengths: np.ndarray, grammar: Grammar
) -> dict[str, list[float]]:
    """Relative RMSE in each band by estimator; prints all that is measured."""
    exact, types = grammar.information_gain(), len(grammar.words)
    cells = (
        table["count"].to_numpy(),
        (table["token_id"].to_numpy(), table["other_id"].to_numpy()),
    )
    pairs = csr_array(cells, shape=(types, types))
    totals = group_totals([table], types)
    gains = gains_of_parts([table], totals)
    counts = np.round(grammar.probabilities() * lengths.sum())
    shuffled = shuffled_information_gain(seen, *np.unique(lengths, return_counts=True))
    found: dict[str, np.ndarray | Estimate] = {
        "plug-in": gains[:, 0],
        "plug-in - shuffled": gains[:, 0] - shuffled,
        "Grassberger": by_rows(pairs, grassberger),
        "James-Stein to P": by_rows(pairs, james_stein),
        "extrapolated (ours)": extrapolated_information_gain(gains, totals),
        "bayes (ours)": posterior_information_gain(
            lambda: [table], gains, totals, int(lengths.sum())
        ),
    }
    known = np.isfinite(found["bayes (ours)"].mean)
    errors: dict[str, list[float]] = {name: [] for name in found}
    for name, estimate in found.items():
        gain = estimate.mean if isinstance(estimate, Estimate) else estimate
        line = f"{name:20s}"
        for low, high in BANDS:
            band = (counts >= low) & (counts < high) & known & np.isfinite(gain)
            errors[name].append(np.nan)
            if band.any():
                error, rho = gain[band] / exact[band] - 1, spearmanr(gain[band], exact[band])[0]
                errors[name][-1] = 100 * np.sqrt(np.mean(error**2))
                line += f" | {error.mean():+.3f} {errors[name][-1] / 100:.3f} {rho:.3f}"
                if isinstance(estimate, Estimate):
                    inside = ((estimate.low <= exact) & (exact <= estimate.high))[band]
                    line += f" ({100 * inside.mean():.0f} %)"
        print(line, flush=True)
    return errors


def main(
    *sizes: int,
    burstiness: float = 0.0,
    output: Path = Path("docs/information_estimators.svg"),
) -> None:
    """Judge all estimators on corpora of some numbers of sentences."""
    grammar = load_grammar(burstiness)
    results = []
    for size in sizes:
        print(f"{size} sentences: bias, RMSE, rho by count of the word, {BANDS}")
        results.append(judge(*sample_pairs(grammar, size), grammar))
    figure = plt.figure(figsize=(PAGE, 2.2), layout="constrained")
    for k, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        for name, line in zip(results[0], ("-", "--", ":", "-.", "-", "-"), strict=True):
            color = OURS.get(name, NEUTRAL)
            width = 2 if name in OURS else 1
            relative = [r[name][k] for r in results]
            axes.plot(sizes, relative, line, marker="o", ms=2, lw=width, color=color, label=name)
        axes.set(xscale="log", yscale="log", xlabel="sentences counted", title=TITLES[k])
    figure.axes[0].set_ylabel("relative RMSE of KL(w), %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    run(main)
