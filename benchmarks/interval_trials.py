"""Trials of intervals and of p: how often they tell a quantity from none, by every statistic."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from common.correlations.comparison import WIDENED
from common.correlations.nested_models import JointModel
from common.correlations.permutations import (
    change_p_values,
    frequency_bands,
    p_values,
    permute,
    spread,
)
from common.correlations.resampling import (
    Draws,
    Tokens,
    draw,
    freedom_of,
    percentile_interval,
)
from common.correlations.statistics import Ratios, Regressions
from common.correlations.within_sentences import WithinSentences
from correlate_weights import with_pearson

TESTED = {  # statistics that are 0 without a relation, with their place, and changes of others
    "regression": {"slope": 1, "r": 4, "rho": 3, "R2": 0},
    "within": {"slope": 1, "rho": 3, "mean rho": 4, "R2": 0},
    "partial": {"coefficient": 0, "partial R2": 3},
    "classes": {"relative weight": 0},
}
COLUMNS = {"slope": "slope", "r": "pearson", "rho": "spearman", "mean rho": "sentence_spearman"}
"""What tables call statistics whose intervals may be widened."""
SQUARED = {"regression": (0,), "within": (0,), "partial": (3,), "classes": ()}


def samples_of(tokens: pl.DataFrame, x: np.ndarray, band: np.ndarray) -> dict[str, Any]:
    """Every kind of sample, of quantities x (trials, types) and bands (types,), with its tokens."""
    types = tokens["token_id"].unique().sort()
    type_ = types.search_sorted(tokens["token_id"]).to_numpy().astype(np.intp)
    sentence = (tokens["sentence_id"].rank("dense") - 1).to_numpy().astype(np.intp)
    crossed = Tokens(sentence, type_, int(sentence.max()) + 1, len(types))
    w, s = (tokens.select(f"{kind}0", f"{kind}1").to_numpy().T for kind in "ws")
    others = tokens.select("self_information", "position", "length").to_numpy().T.astype(float)
    members = np.concatenate(
        [np.arange(band.max() + 1)[:, None] == band[type_], np.ones((1, len(w.T)))]
    )
    return {
        "regression": Regressions(crossed, x[:, type_], w),
        "within": WithinSentences(crossed, x[:, type_], s),
        **{
            f"partial {k}": JointModel(crossed, np.concatenate([row[None, type_], others]), w)
            for k, row in enumerate(x)
        },
        "classes": Ratios(crossed, w[:, None] * members, members.astype(float)),
    }


def stages_of(kind: str, statistics: np.ndarray) -> np.ndarray:
    """Statistics (trials, stages, k, draws) of any kind of sample; what is 0 without relation."""
    if kind == "partial":
        return statistics[None, :, 0]
    if kind == "regression":
        return np.stack([with_pearson(trial) for trial in statistics])
    if kind == "classes":
        return (statistics[:, :-1] / statistics[:, -1:] - 1).transpose(1, 0, 2)[:, :, None]
    return statistics


def exclusions(sample: Any, kind: str, draws: Draws, old: bool) -> np.ndarray:
    """Whether 0 is outside the intervals of each stage and of the change; (trials, 3, k)."""
    drawn = stages_of(kind, sample.statistics(draws))
    changed = np.concatenate([drawn, drawn[:, 1:] - drawn[:, :1]], axis=1)
    plain = np.zeros(changed.shape[2], bool)
    plain[list(SQUARED[kind])] = True
    freedom = np.inf if old else np.where(plain, np.inf, freedom_of(changed))
    low, high = percentile_interval(changed, 0.95, freedom)
    return (low > 0) | (high < 0)


def far_off(permuted: np.ndarray, k: int) -> np.ndarray:
    """Whether statistic k is farther from 0 than 95 % of the permutations; (trials, 3)."""
    values = permuted[:, :, k]
    changed = np.concatenate([values, values[:, 1:] - values[:, :1]], axis=1)
    return np.abs(changed[..., 0]) > spread(changed, 0.95)


def judged(
    tokens: pl.DataFrame, x: np.ndarray, draws: int, permutations: int, seed: int
) -> Iterator[tuple[str, str, str, float]]:
    """Kind, statistic, method, and share of the trials x (trials, types) in which it says yes."""
    generator = np.random.default_rng(seed)
    counts = tokens.group_by("token_id").agg(pl.col("count").first()).sort("token_id")["count"]
    band = frequency_bands(counts.to_numpy())
    samples = samples_of(tokens, x, generator.permutation(band))
    crossed = samples["regression"].tokens
    sentences = draw(crossed.sentences, draws, generator)
    both = {
        "sentences": Draws(sentences, np.ones((crossed.types, draws))),
        "sentences and types": Draws(sentences, draw(crossed.types, draws, generator)),
    }
    for name, sample in samples.items():
        kind, tested = name.split()[0], {}
        outside = {
            method: exclusions(sample, kind, drawn, method == "sentences")
            for method, drawn in both.items()
        }
        if kind != "classes":
            trials = range(1 if kind == "partial" else len(x))
            permuted = np.array([permute(sample, i, band, permutations, seed + i) for i in trials])
            if kind == "regression":  # which has r in place of R squared
                permuted = np.concatenate([permuted, permuted[:, :, :1]], axis=2)
            each = [
                np.concatenate([p_values(one), change_p_values(one, SQUARED[kind])])
                for one in permuted
            ]
            for statistic, k in TESTED[kind].items():
                if COLUMNS.get(statistic) in WIDENED:
                    outside["sentences and types"][:, :, k] &= far_off(permuted, k)
            tested["permutation"] = (np.array(each) < 0.05).mean(axis=0)
        said = {name: each.mean(axis=0) for name, each in outside.items()} | tested
        for method, shares in said.items():
            for stage, of_stage in zip(("before", "after", "change"), shares, strict=True):
                for statistic, k in TESTED[kind].items():
                    # An interval of R squared lies above 0 whatever the relation.
                    if method == "permutation" or stage == "change" or "R2" not in statistic:
                        yield kind, f"{statistic} {stage}", method, of_stage[k]
