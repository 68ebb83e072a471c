"""Find what each quantity adds to the others in a joint linear model of weight."""

import logging
from pathlib import Path

import polars as pl

from common.command import run
from common.contract import PARTIAL
from common.correlations.nested_models import NESTED, JointModel
from common.correlations.statistics import bootstrap, by_stage, in_sample, with_intervals
from common.correlations.weighed_tokens import of_quantity, read_tokens, rows_of, unit_of
from common.tables import write_table


def models_of(quantities: list[str]) -> dict[str, list[str]]:
    """Terms of each model, by its name.

    A model for each information gain: position, self-information and surprisal, if they are
    among the quantities, and that information gain. Without any, one model of what there is.
    """
    gains = [name for name in quantities if name.startswith("information_gain")]
    others = [name for name in quantities if name not in gains]
    if not gains:
        return {others[-1]: ["position", *others]}
    return {gain: ["position", *others, gain] for gain in gains}


def main(
    *,
    before: Path,
    after: Path,
    information: Path,
    surprisal: Path | None = None,
    output_partial: Path,
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
    """Find what each quantity adds to the others in a joint linear model of weight.

    Each model explains weight (a norm) by the token's position, self-information, surprisal and
    one information gain (nats), as far as they are among the quantities; each of its terms is
    then left out in turn. Intervals are percentiles of a bootstrap over sentences that draws the
    same sentences before and after.

    Example: python scripts/partition_variance.py --before before.parquet --after after.parquet
    --information information.parquet --output-partial partial.parquet --comparison simcse
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
    output_partial
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
        What weight is explained by; information gains take turns.
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
    sentences = tokens["sentence"].n_unique()
    models, samples = models_of(quantities), []
    for terms in models.values():
        known = tokens
        for quantity in terms[1:]:
            known = of_quantity(known, quantity, f"{before} with {information}")
        x, y = rows_of(known, *terms), rows_of(known, "before", "after")
        samples.append(JointModel(known["sentence"].to_numpy(), x, y, sentences))
    drawn = bootstrap(samples, sentences, draws, seed)
    encoders = {"before": before_encoder, "after": after_encoder, "change": None}
    shared = {"comparison": comparison, "corpus": corpus, "method": method}
    rows = []
    for (model, terms), sample, of_draws in zip(models.items(), samples, drawn, strict=True):
        points = in_sample(sample, sentences)
        for i, term in enumerate(terms):
            controls = " + ".join(other for other in terms if other != term)
            this = {**shared, "model": model, "term": term, "controls": controls}
            for stage, of_stage in by_stage(points[:, i], of_draws[:, i]).items():
                columns = with_intervals(NESTED, *of_stage, confidence)
                about = {"n": sample.tokens, "stage": stage, "encoder": encoders[stage]}
                rows.append({**this, **about, **columns})
                logging.info(
                    "%s beside %s, %s: partial R2 %+.3f",
                    *(term, controls, stage, columns["partial_r_squared"]),
                )
    frame = pl.DataFrame(rows).fill_nan(None)
    write_table(frame, output_partial, PARTIAL, unit=unit_of(information))


if __name__ == "__main__":
    run(main)
