"""How often intervals and p find a relation: of quantities permuted over types, and as they are.

On a finished run, or on weights and information laid out like one:
PYTHONPATH=scripts:tests python benchmarks/intervals.py results/default --before masked_lm
--after adjacent --corpus held_out --counted-on language
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
from cyclopts import run
from interval_trials import judged

from common.contract import INFORMATION, WEIGHTS
from common.tables import read_table


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
    """Judge intervals and p on random sentences of a run; of 0 sentences: on all of them, once."""
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
    output = Path("results/benchmarks/intervals.csv")
    output.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_csv(output)


if __name__ == "__main__":
    run(main)
