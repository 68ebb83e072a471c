"""Regress the shares of weight within sentences on information-theoretic quantities."""

import logging
from pathlib import Path

import polars as pl

from common.command import run
from common.contract import WITHIN_SENTENCE
from common.correlations.statistics import bootstrap, by_stage, in_sample, with_intervals
from common.correlations.weighed_tokens import by_tokens, read_tokens, rows_of, unit_of
from common.correlations.within_sentences import WITHIN, WithinSentences
from common.tables import write_table

SHARES = ("before_share", "after_share")


def main(
    *,
    before: Path,
    after: Path,
    information: Path,
    surprisal: Path | None = None,
    output_within_sentence: Path,
    comparison: str,
    before_encoder: str,
    after_encoder: str,
    corpus: str,
    method: str,
    quantities: list[str],
    minimum_count: int,
    draws: int,
    confidence: float,
    seed: int,
) -> None:
    """Regress a token's share of its sentence's weight on quantities, and rank within sentences.

    A share is of the summed weight of the sentence's tokens that are not special, so long
    sentences have small shares; Spearman's rho within a sentence, averaged over sentences, knows
    no length. Quantities are in nats. Intervals are percentiles of a bootstrap over sentences
    that draws the same sentences before and after.

    Example: python scripts/correlate_shares.py --before before.parquet --after after.parquet
    --information information.parquet --output-within-sentence shares.parquet --comparison simcse
    --before-encoder bert --after-encoder simcse --corpus stsb --method shapley
    --quantities self_information information_gain_bayes --minimum-count 20 --draws 2000
    --confidence 0.95 --seed 0

    Parameters
    ----------
    before
        Weights by the encoder before fine-tuning.
    after
        Weights of the same tokens by the encoder after fine-tuning.
    information
        Quantities of the token types.
    surprisal
        Surprisal of the same tokens; needed for the quantity surprisal.
    output_within_sentence
        Table of both stages and of their change.
    comparison
        Name of the comparison, for the table.
    before_encoder
        Name of the encoder before, for the table.
    after_encoder
        Name of the encoder after, for the table.
    corpus
        Name of the corpus that was weighed, for the table.
    method
        Name of the method that weighed, for the table.
    quantities
        What shares are regressed on, each in a regression of its own.
    minimum_count
        Types counted fewer times are left out.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws.
    """
    tokens = read_tokens(before, after, information, surprisal, minimum_count)
    whole = tokens.filter(pl.all_horizontal(pl.col(SHARES).is_finite()))
    if len(whole) < len(tokens):
        logging.info("left out %d tokens of sentences without weight", len(tokens) - len(whole))
    sentences = tokens["sentence"].n_unique()
    panels = by_tokens(whole, quantities, f"{before} with {information}")
    samples = [
        WithinSentences(
            known["sentence"].to_numpy(),
            rows_of(known, *names),
            rows_of(known, *SHARES),
            sentences,
        )
        for names, known in panels
    ]
    drawn = bootstrap(samples, sentences, draws, seed)
    encoders = {"before": before_encoder, "after": after_encoder, "change": None}
    shared = {"comparison": comparison, "corpus": corpus, "method": method}
    rows = []
    for (names, known), sample, of_draws in zip(panels, samples, drawn, strict=True):
        points = in_sample(sample, sentences)
        for i, quantity in enumerate(names):
            ranked = int(sample.ranked[i])
            this = {**shared, "quantity": quantity, "n": len(known), "sentences": ranked}
            for stage, of_stage in by_stage(points[i], of_draws[i]).items():
                columns = with_intervals(WITHIN, *of_stage, confidence)
                rows.append({**this, "stage": stage, "encoder": encoders[stage], **columns})
                logging.info(
                    "%s, %s: R2 of shares %+.3f, mean rho %+.3f of %d sentences",
                    *(quantity, stage, columns["r_squared"], columns["sentence_spearman"], ranked),
                )
    frame = pl.DataFrame(rows).fill_nan(None)
    write_table(frame, output_within_sentence, WITHIN_SENTENCE, unit=unit_of(information))


if __name__ == "__main__":
    run(main)
