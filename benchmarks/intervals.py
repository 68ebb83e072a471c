"""How often intervals and p find a relation: of quantities permuted over types, and as they are.

For example, on a finished run, or on weights and quantities by any two encoders:
PYTHONPATH=scripts:tests python benchmarks/intervals.py results/default --before masked_lm
--after adjacent --corpus held_out --counted-on language
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from cyclopts import run

from common.contract import INFORMATION, WEIGHTS
from common.correlations.nested_models import JointModel
from common.correlations.permutations import (
    change_p_values,
    frequency_bands,
    p_values,
    permute,
)
from common.correlations.resampling import (
    Draws,
    Sample,
    Tokens,
    draw,
    freedom_of,
    percentile_interval,
)
from common.correlations.statistics import Ratios, Regressions
from common.correlations.within_sentences import WithinSentences
from common.tables import read_table

TESTED = {  # statistics that are 0 without a relation, with their place, and changes of others
    "regression": {"slope": 1, "rho": 3, "R2": 0},
    "within": {"slope": 1, "rho": 3, "mean rho": 4, "R2": 0},
    "partial": {"coefficient": 0, "partial R2": 3},
    "classes": {"relative weight": 0},
}
SQUARED = {"regression": (0,), "within": (0,), "partial": (3,), "classes": ()}


def read(paths: list[Path], information: Path, quantity: str, minimum_count: int) -> pl.DataFrame:
    """Tokens with weights w0, w1 of the encoders, shares s0, s1, count and quantity."""
    place = ["sentence_id", "position"]
    tokens = read_table(paths[0], WEIGHTS).filter(~pl.col("special")).rename({"weight": "w0"})
    after = read_table(paths[1], WEIGHTS).select(*place, w1="weight")
    tokens = tokens.select(*place, "token_id", "w0").join(after, place)
    tokens = tokens.with_columns(
        s0=pl.col("w0") / pl.col("w0").sum().over("sentence_id"),
        s1=pl.col("w1") / pl.col("w1").sum().over("sentence_id"),
        length=pl.len().over("sentence_id"),
    )
    types = read_table(information, INFORMATION).filter(pl.col(quantity).is_finite())
    types = types.filter(pl.col("count") >= minimum_count)
    return tokens.join(types, "token_id").sort(place)


def samples_of(tokens: pl.DataFrame, x: np.ndarray, band: np.ndarray) -> dict[str, Sample]:
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
    if kind == "classes":
        return (statistics[:, :-1] / statistics[:, -1:] - 1).transpose(1, 0, 2)[:, :, None]
    return statistics


def exclusions(sample: Sample, kind: str, draws: Draws, old: bool) -> np.ndarray:
    """Whether 0 is outside the intervals of each stage and of the change; (trials, 3, k)."""
    drawn = stages_of(kind, sample.statistics(draws))
    changed = np.concatenate([drawn, drawn[:, 1:] - drawn[:, :1]], axis=1)
    plain = np.zeros(changed.shape[2], bool)
    plain[list(SQUARED[kind])] = True
    freedom = np.inf if old else np.where(plain, np.inf, freedom_of(changed))
    low, high = percentile_interval(changed, 0.95, freedom)
    return (low > 0) | (high < 0)


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
        kind = name.split()[0]
        said = {
            method: exclusions(sample, kind, drawn, method == "sentences").mean(axis=0)
            for method, drawn in both.items()
        }
        if kind != "classes":
            each = [
                np.concatenate([p_values(permuted), change_p_values(permuted, SQUARED[kind])])
                for i in range(1 if kind == "partial" else len(x))
                for permuted in [permute(sample, i, band, permutations, seed + i)]
            ]
            said["permutation"] = (np.array(each) < 0.05).mean(axis=0)
        for method, shares in said.items():
            for stage, of_stage in zip(("before", "after", "change"), shares, strict=True):
                for statistic, k in TESTED[kind].items():
                    # An interval of R squared lies above 0 whatever the relation.
                    if method == "permutation" or stage == "change" or "R2" not in statistic:
                        yield kind, f"{statistic} {stage}", method, of_stage[k]


def main(
    folder: Path,
    *,
    before: str,
    after: str,
    corpus: str,
    counted_on: str,
    tokenizer: str = "",
    methods: tuple[str, ...] = ("integrated_gradients", "shapley"),
    quantity: str = "information_gain_bayes",
    sentences: tuple[int, ...] = (50, 200, 0),
    subsets: int = 20,
    trials: int = 10,
    draws: int = 400,
    permutations: int = 199,
    minimum_count: int = 20,
) -> None:
    """Judge intervals and p on random sentences of a run, 0: all of them, once."""
    rows = []
    for method in methods:
        paths = [folder / "weights" / method / one / f"{corpus}.parquet" for one in (before, after)]
        information = folder / "information" / counted_on / f"{tokenizer or before}.parquet"
        tokens = read(paths, information, quantity, minimum_count)
        for size in sentences:
            shares: dict[tuple[str, ...], list[float]] = defaultdict(list)
            for subset in range(subsets if size else 1):
                generator = np.random.default_rng([subset, size])
                ids = tokens["sentence_id"].unique().sort().to_numpy()
                chosen = generator.choice(ids, size, replace=False) if size else ids
                some = tokens.filter(pl.col("sentence_id").is_in(chosen))
                x = some.group_by("token_id").agg(pl.col(quantity).first()).sort("token_id")
                x = x[quantity].to_numpy()
                null = np.stack(
                    [generator.permutation(x) for _ in range(trials if size else subsets * trials)]
                )
                for relation, values in (("none", null), ("true", x[None])):
                    for *about, share in judged(some, values, draws, permutations, subset):
                        shares[relation, *about].append(share)
            for (relation, kind, statistic, by), each in shares.items():
                about = {"method": method, "sentences": size, "relation": relation, "kind": kind}
                rows.append({**about, "statistic": statistic, "by": by, "share": np.mean(each)})
            frame = pl.DataFrame(rows).filter(method=method, sentences=size)
            columns = frame.pivot(["relation", "by"], index=["kind", "statistic"], values="share")
            print(f"{method}, {size or 'all'} sentences, {some['token_id'].n_unique()} types")
            with pl.Config(tbl_rows=-1, tbl_cols=-1, float_precision=3, tbl_width_chars=200):
                print(columns, flush=True)
    output = Path("results/benchmarks")
    output.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_csv(output / "intervals.csv")


if __name__ == "__main__":
    run(main)
