"""Evaluate weights of types alone: the similarity of weighted bags of an encoder's word vectors."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import WEIGHTED_BAGS
from common.corpora.scored_pairs import read_scored_pairs
from common.correlations.resampling import percentile_interval
from common.encoders.encoder import Encoder
from common.tables import read_metadata, write_table
from common.weights.bags import Bags, draw_pairs, spearman
from common.weights.type_weights import filled, schemes


def main(
    encoder: Path,
    corpus: Path,
    *,
    information: Path,
    weights: list[Path],
    output_bags: Path,
    comparison: str,
    name: str,
    corpus_name: str,
    draws: int,
    confidence: float,
    seed: int,
) -> None:
    """Evaluate weights of types alone: is what an encoder learnt to weigh worth anything by itself?

    A sentence is the sum of its tokens' input word vectors, each times the weight of its type: 1
    (none), a / (a + p) with a = 0.001 (sif, Arora et al. 2017), -log p (self_information),
    information gain (Bayes, nats), or the mean weight (a norm) by a method. Spearman's rho is of
    the cosine of two sentences and their score. A type without a weight gets the mean of those
    with one. Intervals are of a bootstrap over pairs.

    Example: python scripts/evaluate_weights.py encoder sts.parquet
    --information information.parquet --weights shapley.parquet --output-bags bags.parquet
    --comparison adjacent --name adjacent --corpus-name sts --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    encoder
        Directory of the encoder.
    corpus
        Pairs of sentences, scored (Parquet).
    information
        Quantities of the encoder's token types.
    weights
        Weights by the encoder, of any corpora and methods; their metadata tell the method.
    output_bags
        A row for each scheme of weights.
    comparison
        Name of the comparison, for the table.
    name
        Name of the encoder, for the table.
    corpus_name
        Name of the corpus, for the table.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws.
    """
    pairs = read_scored_pairs(corpus, "evaluation")
    model = Encoder(encoder, device="cpu")
    methods: dict[str, list[Path]] = {}
    for path in weights:
        if (method := read_metadata(path).get("method")) is None:
            raise InputError(f"{path}: does not tell the method of its weights; weigh anew")
        methods.setdefault(method, []).append(path)
    bags = Bags(pairs, model)
    drawn = draw_pairs(len(pairs), draws, seed)
    present = bags.occurrences
    without = spearman(bags.cosines(np.ones(len(present))), bags.scores, drawn)
    rows = []
    for scheme, of_types in schemes(information, methods, model).items():
        known = np.isfinite(of_types)
        point, values = spearman(bags.cosines(filled(of_types)), bags.scores, drawn)
        row = {
            **{"comparison": comparison, "encoder": name, "corpus": corpus_name},
            **{"scheme": scheme, "n": len(pairs), "types": int((present > 0).sum())},
            "types_weighted": int(((present > 0) & known).sum()),
            "share_weighted": float(present[known].sum() / present.sum()),
        }
        for statistic, value, of_draws in (
            ("sts_spearman", point, values),
            ("sts_spearman_change", point - without[0], values - without[1]),
        ):
            low, high = percentile_interval(of_draws, confidence)
            row |= {statistic: value, f"{statistic}_low": low, f"{statistic}_high": high}
        rows.append(row)
        logging.info(
            "%s: rho %.3f; %d of %d types have a weight",
            *(scheme, point, row["types_weighted"], row["types"]),
        )
    write_table(pl.DataFrame(rows).fill_nan(None), output_bags, WEIGHTED_BAGS)


if __name__ == "__main__":
    run(main)
