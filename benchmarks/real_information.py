"""Estimates of information gain from a part of real text against the estimate of the whole.

PYTHONPATH=scripts python benchmarks/real_information.py FILE ... prints, by kind of token, draw and
frequency, the bias and the RMSE (both relative), Spearman's rho, and coverage and relative width of
the intervals.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from cyclopts import run
from scipy.sparse import csr_array
from scipy.stats import spearmanr

from common.corpora.sources import Form, pair_up, read_rows
from common.information.empirical_bayes import posterior_information_gain
from common.information.extrapolation import (
    Estimate,
    extrapolated_information_gain,
    gains_of_parts,
    group_totals,
)
from common.information.plug_in import information_gain, shuffled_information_gain
from common.tokens.pair_counts import GROUPS, count_grouped_pairs, pair_table
from train_tokenizer import train

KINDS = {"words": ("word", 60_000), "8,000": ("wordpiece", 8_000), "1,000": ("wordpiece", 1_000)}
TITLE = re.compile(r"\s*= [^=].*[^=] =\s*")
HEADING = re.compile(r"\s*= .* =\s*")
SENTENCE_END = re.compile(r"(?<= [.?!]) ")
BANDS = ((300, 1_000), (1_000, 3_000), (3_000, 10**12))
"""Occurrences in the whole."""
LEAST = 20
"""Occurrences in the part."""


def read_documents(files: list[Path], columns: list[str]) -> Iterator[list[str]]:
    """Sentences of each document: a text under a title, a line, or a row of a csv file."""
    for file in files:
        if file.suffix == ".csv":
            rows = pair_up([read_rows(file, ".csv", Form(tuple(columns)))], len(columns))
            yield from rows.group_by("document_id", maintain_order=True).agg("text")["text"]
            continue
        lines = [line for line in file.read_text().split("\n") if line.strip()]
        titled = any(map(TITLE.fullmatch, lines))
        document: list[str] = []
        for line in lines:
            if (not titled or TITLE.fullmatch(line)) and document:
                yield document
                document = []
            if not HEADING.fullmatch(line):
                document += [part for part in SENTENCE_END.split(line.strip()) if part]
        yield document


def by_rows(pairs: csr_array, estimate: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
    """An estimate from the counts of each row and the marginal of its columns."""
    rows = np.asarray(pairs.sum(axis=1)).ravel()
    log_marginal = np.log(np.maximum(rows / rows.sum(), 1e-300))
    spans = [slice(*pairs.indptr[k : k + 2]) for k in range(len(rows))]
    return np.array([estimate(pairs.data[s], log_marginal[pairs.indices[s]]) for s in spans])


def chao_shen(counts: np.ndarray, log_marginal: np.ndarray) -> float:
    """With the entropy of Chao and Shen 2003."""
    total = counts.sum()
    if not total:
        return np.nan
    share = counts / total * (1 - min((counts == 1).sum(), total - 1) / total)
    entropy = -(share * np.log(share) / (1 - (1 - share) ** total)).sum()
    return -entropy - counts @ log_marginal / total


def estimates(ids: np.ndarray, lengths: np.ndarray, groups: np.ndarray, types: int) -> dict:
    """KL(w) by estimator: an `Estimate` where it has an interval."""
    counts = np.bincount(ids, minlength=types)
    pairs = count_grouped_pairs(ids, lengths, groups, types)
    table = [pair_table(pairs)]
    totals = group_totals(table, types)
    gains = gains_of_parts(table, totals)
    shuffled = shuffled_information_gain(counts, *np.unique(lengths, return_counts=True))

    def part(*kept: int) -> csr_array:
        chosen = np.isin(pairs.indices % GROUPS, kept)
        row = np.repeat(np.arange(types), np.diff(pairs.indptr))[chosen]
        cells = (pairs.data[chosen], (row, pairs.indices[chosen] // GROUPS))
        return csr_array(cells, shape=(types, types))

    def mean_of(*parts: tuple[int, ...]) -> np.ndarray:
        """Plug-in estimate of parts, each weighted by its share of the word's pairs."""
        some = [part(*one) for one in parts]
        weights = np.array([np.asarray(one.sum(axis=1)).ravel() for one in some])
        known = np.nan_to_num([information_gain(one) for one in some])
        return (weights * known).sum(axis=0) / np.maximum(weights.sum(axis=0), 1)

    plug_in = gains[:, 0]
    halves = mean_of((0, 1, 2, 3), (4, 5, 6, 7))
    quarters = mean_of((0, 1), (2, 3), (4, 5), (6, 7))
    without_one = mean_of(*(tuple({*range(GROUPS)} - {g}) for g in range(GROUPS)))
    return {
        "plug-in": plug_in,
        "corrected": plug_in - shuffled,
        "halves, 1/n": 2 * plug_in - halves,
        "quarters, 1/n^2": (8 * plug_in - 6 * halves + quarters) / 3,
        "jackknife": plug_in - (GROUPS - 1) * (without_one - plug_in),
        "Chao-Shen": by_rows(part(*range(GROUPS)), chao_shen),
        "extrapolated": extrapolated_information_gain(gains, totals),
        "bayes": posterior_information_gain(lambda: table, gains, totals, len(ids)),
    }


def main(
    *files: Path,
    columns: tuple[str, ...] = ("sentence1", "sentence2"),
    shares: tuple[float, ...] = (0.03, 0.1, 0.3),
    repeats: int = 3,
    kinds: tuple[str, ...] = tuple(KINDS),
    output_table: Path = Path("results/benchmarks/real_information.parquet"),
) -> None:
    """Judge all estimators on random documents of some shares, on random sentences of one of them.

    Parameters
    ----------
    files
        Text files: documents under titles ` = Title = `, else a document a line; or csv files.
    columns
        Columns of the texts of a document, of csv files.
    """
    documents = list(read_documents(list(files), list(columns)))
    texts = [text for document in documents for text in document]
    of = {"documents": np.repeat(np.arange(len(documents)), list(map(len, documents)))}
    of["sentences"] = np.arange(len(texts))
    rows = []
    for kind in kinds:
        encode = train(texts, *KINDS[kind], 512).backend_tokenizer.encode_batch_fast
        encoded = [one.ids for one in encode(texts, add_special_tokens=False)]
        lengths = np.array(list(map(len, encoded)))
        ids = np.concatenate([np.array(one, np.int64) for one in encoded])
        types, counts = ids.max() + 1, np.bincount(ids)
        groups = np.random.default_rng(0).permutation(len(documents))[of["documents"]] % GROUPS
        whole = estimates(ids, lengths, groups, types)
        target = whole["corrected"]
        missed = whole["extrapolated"].mean / target - 1
        for low, high in BANDS:
            band = (counts >= low) & (counts < high)
            print(
                f"{kind}: {band.sum()} types seen {low} to {high} times in the whole: mean of the"
            )
            print(f"  target {target[band].mean():.3f}; extrapolated, {missed[band].mean():+.2f}")
        for unit in of:
            for share in shares if unit == "documents" else [np.median(shares)]:
                for repeat in range(repeats):
                    order = np.random.default_rng(repeat).permutation(of[unit][-1] + 1)
                    place = np.argsort(order)[of[unit]]
                    kept = place < share * len(order)
                    tokens, within = ids[np.repeat(kept, lengths)], lengths[kept]
                    found = estimates(tokens, within, place[kept] % GROUPS, types)
                    seen = np.bincount(tokens, minlength=types)
                    known = (seen >= LEAST) & np.isfinite(found["bayes"].mean)
                    about = {"kind": kind, "of": unit, "share": share, "repeat": repeat}
                    for low, high in BANDS:
                        band = known & (counts >= low) & (counts < high)
                        for name, estimate in found.items():
                            judged = judge(estimate, target, band)
                            rows.append(about | {"band": low, "estimator": name} | judged)
    table = pl.DataFrame(rows, infer_schema_length=None)
    output_table.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(output_table)
    keys = ["kind", "of", "share", "band", "estimator"]
    means = table.drop("repeat").group_by(keys, maintain_order=True).mean()
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_rows=-1, tbl_cols=-1
    ):
        print(means.with_columns(pl.col(pl.Float64).round(2)))


def judge(estimate: np.ndarray | Estimate, target: np.ndarray, band: np.ndarray) -> dict:
    """Relative bias and RMSE, rank correlation, coverage and median relative width."""
    mean = estimate.mean if isinstance(estimate, Estimate) else estimate
    error = (mean / target - 1)[band]
    judged = {
        "types": float(band.sum()),
        "bias": error.mean(),
        "rmse": np.sqrt((error**2).mean()),
        "spearman": spearmanr(mean[band], target[band]).statistic,
    }
    if isinstance(estimate, Estimate):
        inside = (estimate.low <= target) & (target <= estimate.high)
        width = ((estimate.high - estimate.low) / target)[band]
        judged |= {"coverage": inside[band].mean(), "width": np.median(width)}
    return judged


if __name__ == "__main__":
    run(main)
