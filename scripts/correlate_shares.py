"""Regress the shares of weight within sentences on information-theoretic quantities."""

import logging
from pathlib import Path

import polars as pl

from common.command import run
from common.contract import WITHIN_SENTENCE
from common.correlations.comparison import QuantityComparison
from common.correlations.weighed_tokens import by_tokens, crossed, rows_of
from common.correlations.within_sentences import WITHIN, WithinSentences


def main(compared: QuantityComparison, *, output_within_sentence: Path) -> None:
    """Regress a token's share of its sentence's weight on quantities, and rank within sentences.

    A share is of the summed weight of the sentence's tokens that are not special, so long
    sentences have small shares; Spearman's rho within a sentence, averaged over sentences, knows
    no length. Quantities are in nats. Intervals are of a bootstrap over sentences and types, p of
    permutations over types of like frequency.

    Example: python scripts/correlate_shares.py --weights bert.parquet simcse.parquet
    --encoders bert simcse --information information.parquet
    --output-within-sentence shares.parquet --comparison simcse --corpus stsb --method shapley
    --quantities self_information information_gain_bayes --minimum-count 20 --permutations 1000
    --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    output_within_sentence
        Table of every encoder, and of the changes from the first.
    """
    tokens = compared.read_counted()
    shares = [f"{name}_share" for name in compared.tables]
    whole = tokens.filter(pl.all_horizontal(pl.col(shares).is_finite()))
    if len(whole) < len(tokens):
        logging.info("left out %d tokens of sentences without weight", len(tokens) - len(whole))
    panels = by_tokens(whole, compared.quantities, compared.files)
    samples = [
        WithinSentences(crossed(tokens, known), rows_of(known, *names), rows_of(known, *shares))
        for names, known in panels
    ]
    rows = []
    for (names, known), sample, statistics in zip(
        panels, samples, compared.resample(samples), strict=True
    ):
        for i, (quantity, points, drawn) in enumerate(zip(names, *statistics, strict=True)):
            about = {"quantity": quantity, "n": len(known), "sentences": int(sample.ranked[i])}
            permuted = compared.permute(sample, i, quantity, tokens)
            rows += compared.rows(WITHIN_SENTENCE, WITHIN, (points, drawn), about, permuted)
    for row in (row for row in rows if not row["reference"]):
        logging.info(
            "%s, %s: R2 of shares %+.3f, mean rho %+.3f of %d sentences",
            *(
                row[n]
                for n in ("quantity", "encoder", "r_squared", "sentence_spearman", "sentences")
            ),
        )
    compared.write(rows, output_within_sentence, WITHIN_SENTENCE)


if __name__ == "__main__":
    run(main)
