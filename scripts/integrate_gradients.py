"""Weigh the tokens of sentences by Integrated Gradients."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from common.command import InputError, run
from common.progress import progress
from common.tokens.sentences import Sentence, batches
from common.weights.integration import (
    Attribution,
    by_library,
    describe_miss,
    integrate,
    log_costs,
    path_of,
)
from common.weights.library_engines import captum_gradients, shap_gradients
from common.weights.path_integral import choose_path
from common.weights.quadrature import STRAIGHT
from common.weights.weighing import Weighing
from common.weights.weights_table import write_weights

BATCH = 32
TRIAL_SENTENCES = 4


def main(
    encoder: Path,
    corpus: Path,
    *,
    weighing: Weighing,
    output_weights: Path,
    baseline: Literal["zero", "mask", "pad"],
    tolerance: float,
    max_nodes: int,
    engine: Literal["own", "captum", "shap"] = "own",
    on_missed: Literal["flag", "stop"] = "flag",
) -> None:
    """Weigh every token of a corpus by the norm of its Integrated Gradients, in embedding units.

    The gradients of all dimensions of the embedding are integrated exactly, along the path of the
    input word embeddings from a baseline to the sentence, by Gauss-Legendre quadrature
    (Sundararajan et al. 2017), refined where the embedding changes too fast for it. Special tokens
    are on the path too.

    Example: python scripts/integrate_gradients.py results/demo/encoders/adjacent
    results/demo/corpora/held_out.parquet --baseline zero --tolerance 1e-3 --max-nodes 256
    --seed 0 --output-weights weights.parquet

    Parameters
    ----------
    encoder
        Directory of the sentence encoder.
    corpus
        Table of sentences.
    output_weights
        Table of weights, one row a token; error is that of its weight, from two rules;
        completeness the sentence's relative completeness error.
    baseline
        Input word embeddings at the start of the path: zero, or those of the mask or pad token.
    tolerance
        Relative completeness error at which a sentence is done by one rule. Where none gets there,
        the path is refined until no token's error is above this share of the mean weight.
    max_nodes
        Quadrature nodes at most; captum and shap spend them on every sentence.
    on_missed
        What a sentence above the tolerance does: its rows are kept with their errors, or own stops.
    engine
        own integrates all dimensions at once; captum does one dimension at a time; shap takes
        random nodes (expected gradients with one baseline).
    """
    model, sentences, within = weighing.open(encoder, corpus)

    path = STRAIGHT
    if engine == "own":
        lengths = sorted(len(s.ids) for s in sentences)
        middle = [s for s in sentences if len(s.ids) == lengths[len(lengths) // 2]]
        path = choose_path(path_of(model, middle[:TRIAL_SENTENCES], baseline, within))
        logging.info("%s", path)

    describe = partial(describe_miss, model, tolerance=tolerance, baseline=baseline, within=within)
    libraries: dict[str, Callable] = {
        "captum": captum_gradients,
        "shap": partial(shap_gradients, seed=weighing.seed),
    }
    of_shard = batches(sentences, BATCH, weighing.shard)
    weighed = [sentence for batch in of_shard for sentence in batch]
    results: list[Attribution] = []
    missed: list[tuple[Sentence, Attribution]] = []
    with progress("integrate_gradients", len(weighed), "sentences") as bar:
        for batch in of_shard:
            along = path_of(model, batch, baseline, within)
            if engine == "own":
                attributions = integrate(model, along, path, tolerance, max_nodes)
            else:
                attributions = by_library(
                    libraries[engine], model, batch, along, nodes=max_nodes, tolerance=tolerance
                )
            for sentence, each in zip(batch, attributions, strict=True):
                sentence.weigh(each.contributions, each.error, each.completeness)
                if each.wanted:
                    missed.append((sentence, each))
            if missed and engine == "own" and on_missed == "stop":
                raise InputError(f"{corpus}: {describe(*missed[0])}")
            results += attributions
            bar.update(len(batch))
    log_costs(results)
    if missed:
        logging.info("%d sentences did not reach the tolerance of %g", len(missed), tolerance)
        logging.info("as %s", describe(*missed[0]))
    write_weights(model, weighed, output_weights, of=sentences)


if __name__ == "__main__":
    run(main)
