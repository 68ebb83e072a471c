"""Weigh the tokens of sentences by Shapley values."""

import logging
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from common.command import InputError, run
from common.progress import progress
from common.tokens.sentences import Sentence, batches
from common.weights.coalitions import Plan, most_evaluations, plan_coalitions
from common.weights.library_engines import captum_shapley, estimate_by_library, shap_shapley
from common.weights.token_games import estimate_together
from common.weights.weighing import Weighing
from common.weights.weights_table import write_weights

BATCH_COALITIONS = 16_384


def main(
    encoder: Path,
    corpus: Path,
    *,
    weighing: Weighing,
    output_weights: Path,
    absent: Literal["mask", "pad", "drop"],
    exact_up_to: int,
    evaluations: int,
    target_error: float | None = None,
    engine: Literal["own", "captum", "shap"] = "own",
) -> None:
    """Weigh every token of a corpus by the norm of its Shapley value, in embedding units.

    The players are the tokens that are not special; special tokens are always there and weigh 0
    (Lundberg and Lee 2017). Sampled values are unbiased.

    Example: python scripts/estimate_shapley.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --absent mask --exact-up-to 8 --evaluations 256
    --seed 0 --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is its standard error, 0 where all coalitions were
        evaluated; completeness the sentence's relative efficiency error.
    absent
        What stands for an absent token: the mask or pad token, or nothing (attention mask).
    exact_up_to
        Tokens up to which all coalitions are evaluated; of longer sentences a sample, unless it
        would be as large.
    evaluations
        Coalitions of a sampled sentence at most, but 4,096 at most and three a token at least.
    target_error
        Standard error at which a sampled sentence is done with fewer, relative to the norm of what
        all its tokens make of the embedding.
    engine
        own; captum takes random orders of the tokens; shap takes its default explainer of text,
        which gives Owen values. These two sample every sentence and give no standard error.
    """
    model, sentences, within = weighing.open(encoder, corpus)
    if absent == "drop" and not all(any(s.special) for s in sentences):
        raise InputError(
            f"{encoder}: adds no special tokens, so not all can be dropped; use mask or pad"
        )

    def plan(sentence: Sentence, at_once: int) -> Plan:
        return plan_coalitions(
            sentence.special.count(False),
            exact_up_to=exact_up_to,
            evaluations=evaluations,
            target_error=target_error,
            generator=np.random.default_rng([weighing.seed, sentence.number]),
            at_once=at_once,
        )

    libraries = {"captum": captum_shapley, "shap": shap_shapley}
    by_library = partial(
        estimate_by_library, evaluations=evaluations, seed=weighing.seed, within=within
    )
    most = most_evaluations(max(s.special.count(False) for s in sentences), evaluations)
    of_shard = batches(sentences, max(1, BATCH_COALITIONS // most), weighing.shard)
    weighed = [sentence for batch in of_shard for sentence in batch]
    exact, over, missed = 0, 0, 0
    with progress("estimate_shapley", len(weighed), "sentences") as bar:
        for batch in of_shard:
            if engine == "own":
                plans = [plan(sentence, BATCH_COALITIONS // len(batch)) for sentence in batch]
                estimates = estimate_together(model, batch, plans, absent, within)
            else:
                estimates = [by_library(libraries[engine], model, s, absent) for s in batch]
            for sentence, estimate in zip(batch, estimates, strict=True):
                player = ~np.array(sentence.special)
                contributions = np.zeros((len(player), estimate.shapley.shape[1]))
                error = np.zeros(len(player))
                contributions[player], error[player] = estimate.shapley, estimate.error
                sentence.weigh(contributions, error, estimate.completeness)
                exact += estimate.exact
                over += not estimate.exact and estimate.evaluations > evaluations
                missed += not estimate.exact and estimate.relative_error > (target_error or np.inf)
            bar.update(len(batch))
    logging.info("%d sentences exact, %d sampled", exact, len(weighed) - exact)
    if over:
        logging.info("%d sentences took more than %d evaluations", over, evaluations)
    if missed:
        logging.info("%d sentences did not reach the target error of %g", missed, target_error)
    write_weights(model, weighed, output_weights, of=sentences)


if __name__ == "__main__":
    run(main)
