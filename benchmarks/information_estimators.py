"""Estimates of information gain against the exact values of the generated language.

PYTHONPATH=scripts python benchmarks/information_estimators.py 10000 100000 1000000
prints bias, RMSE (both relative), Spearman's rho and coverage, and draws the RMSE.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from cyclopts import run
from scipy.sparse import csr_array
from scipy.special import digamma
from scipy.stats import spearmanr

from common.corpora.grammar import Grammar, load_grammar
from common.information import empirical_bayes as estimates
from common.information.plug_in import information_gain, shuffled_information_gain
from common.information.word_coordinates import Halves, mixture
from common.reports.style import AFTER, PAGE
from common.tokens.pair_counts import RunningSum, count_pairs

BANDS = ((20, 100), (100, 1_000), (1_000, 10**12))
TITLES = ("types seen 20 to 100 times", "100 to 1,000 times", "over 1,000 times")
BLOCK = 250_000
DOCUMENT = (4, 9)


def sample_halves(grammar: Grammar, sentences: int) -> tuple[Halves, np.ndarray]:
    """C of even and odd documents, and the lengths of the sentences."""
    generator = np.random.default_rng(0)
    types = len(grammar.words)
    ladder = grammar.emissions.cumsum(axis=2).reshape(-1, types)
    ladder = (ladder / ladder[:, -1:] + np.arange(len(ladder))[:, None]).ravel()
    sizes = np.array([len(template) for template in grammar.templates])
    halves, lengths = (RunningSum(), RunningSum()), []
    for start in range(0, sentences, BLOCK):
        number = min(BLOCK, sentences - start)
        per_document = generator.integers(*DOCUMENT, number, endpoint=True)
        document = np.repeat(np.arange(number), per_document)[:number]
        topic = generator.integers(len(grammar.fields), size=number)[document]
        chosen = generator.choice(len(sizes), number, p=grammar.template_probabilities)
        classes = np.concatenate([grammar.templates[k] for k in chosen])
        row = np.repeat(topic, sizes[chosen]) * grammar.emissions.shape[1] + classes
        place = np.searchsorted(ladder, row + generator.random(len(row)), side="right")
        ids = np.minimum(place - row * types, types - 1)
        lengths.append(sizes[chosen])
        for k, half in enumerate(halves):
            held = document % 2 == k
            half.add(count_pairs(ids[np.repeat(held, lengths[-1])], lengths[-1][held], types))
    return (halves[0].take(), halves[1].take()), np.concatenate(lengths)


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


def dirichlet(halves: Halves, pooled: bool) -> np.ndarray:
    """Posterior mean under a prior of mean P; its concentration by word, or pooled over words."""
    pairs = halves[0] + halves[1]
    marginal = pairs.sum(axis=1) / pairs.sum()
    known = np.flatnonzero(halves[0].sum(axis=1) * halves[1].sum(axis=1))
    prior = np.tile(marginal, (len(known), 1))
    likelihood = estimates._polya_likelihood(pairs[known], prior)
    best = (mixture(likelihood) if pooled else likelihood).argmax(axis=1)
    concentration = estimates.CONCENTRATIONS[best][:, None]
    gain = np.full(len(marginal), np.nan)
    gain[known] = estimates._row_gain(pairs[known], marginal, prior, concentration)[0]
    return gain


def judge(halves: Halves, lengths: np.ndarray, grammar: Grammar) -> dict[str, list[float]]:
    """Relative RMSE in each band by estimator; prints all that is measured."""
    pairs, exact = halves[0] + halves[1], grammar.information_gain()
    plug_in = information_gain(pairs)
    counts = np.round(grammar.probabilities() * lengths.sum())
    shuffled = shuffled_information_gain(counts, *np.unique(lengths, return_counts=True))
    posterior = estimates.posterior_information_gain(halves, int(lengths.sum()))
    inside = (posterior.low <= exact) & (exact <= posterior.high)
    found = {
        "plug-in": plug_in,
        "plug-in - shuffled": plug_in - shuffled,
        "extrapolated from halves": 2 * plug_in - sum(map(information_gain, halves)) / 2,
        "Grassberger": by_rows(pairs, grassberger),
        "James-Stein to P": by_rows(pairs, james_stein),
        "Dirichlet, mean P": dirichlet(halves, pooled=False),
        "Dirichlet, mean P, pooled": dirichlet(halves, pooled=True),
        "empirical Bayes (ours)": posterior.mean,
    }
    errors: dict[str, list[float]] = {name: [] for name in found}
    for name, gain in found.items():
        line = f"{name:26s}"
        for low, high in BANDS:
            band = (counts >= low) & (counts < high) & np.isfinite(posterior.mean + gain)
            errors[name].append(np.nan)
            if band.any():
                error, rho = gain[band] / exact[band] - 1, spearmanr(gain[band], exact[band])[0]
                errors[name][-1] = 100 * np.sqrt(np.mean(error**2))
                line += f" | {error.mean():+.3f} {errors[name][-1] / 100:.3f} {rho:.3f}"
                line += f" ({100 * inside[band].mean():.0f} %)" if "ours" in name else ""
        print(line, flush=True)
    return errors


def main(*sizes: int, output: Path = Path("docs/information_estimators.svg")) -> None:
    """Judge all estimators on corpora of some numbers of sentences."""
    grammar = load_grammar()
    results = []
    for size in sizes:
        print(f"{size} sentences: bias, RMSE, rho by count of the word, {BANDS}")
        results.append(judge(*sample_halves(grammar, size), grammar))
    figure = plt.figure(figsize=(PAGE, 2.2), layout="constrained")
    for k, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        for name in results[0]:
            bold = {"color": AFTER, "linewidth": 2} if "ours" in name else {}
            axes.plot(sizes, [r[name][k] for r in results], "o-", ms=2, label=name, **bold)
        axes.set(xscale="log", yscale="log", xlabel="sentences counted", title=TITLES[k])
    figure.axes[0].set_ylabel("relative RMSE of KL(w), %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    run(main)
