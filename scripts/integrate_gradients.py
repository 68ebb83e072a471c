"""Weigh the tokens of sentences by Integrated Gradients."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from common.command import InputError, run
from common.progress import progress
from common.tokens.sentences import Sentence, batches
from common.weights.library_engines import captum_gradients, shap_gradients
from common.weights.path_integral import PathIntegral, choose_path
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
) -> None:
    """Weigh every token of a corpus by the norm of its Integrated Gradients, in embedding units.

    The gradients of all dimensions of the embedding are integrated exactly, along the path of the
    input word embeddings from a baseline to the sentence, by Gauss-Legendre quadrature
    (Sundararajan et al. 2017). Special tokens are on the path too.

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
        Table of weights, one row a token; error is the sentence's relative completeness error.
    baseline
        Input word embeddings at the start of the path: zero, or those of the mask or pad token.
    tolerance
        Relative completeness error at which a sentence is done; own stops at a larger one.
    max_nodes
        Quadrature nodes at most; captum and shap spend them on every sentence.
    engine
        own integrates all dimensions at once; captum does one dimension at a time; shap takes
        random nodes (expected gradients with one baseline).
    """
    model, sentences, within = weighing.open(encoder, corpus)
    origin = None if baseline == "zero" else model.token_id(baseline)

    def integral(batch: list[Sentence]) -> PathIntegral:
        end = model.embeddings(torch.tensor([s.ids for s in batch]))
        start = torch.zeros_like(end)
        if origin is not None:
            start = model.embeddings(torch.full((len(batch), end.shape[1]), origin))
        return PathIntegral(model.embed, start, end, within)

    path = STRAIGHT
    if engine == "own":
        lengths = sorted(len(s.ids) for s in sentences)
        middle = [s for s in sentences if len(s.ids) == lengths[len(lengths) // 2]]
        path = choose_path(integral(middle[:TRIAL_SENTENCES]))
        logging.info("%s", path)

    libraries: dict[str, Callable] = {
        "captum": captum_gradients,
        "shap": partial(shap_gradients, seed=weighing.seed),
    }
    of_shard = batches(sentences, BATCH, weighing.shard)
    weighed = [sentence for batch in of_shard for sentence in batch]
    spent, missed = 0, 0
    with progress("integrate_gradients", len(weighed), "sentences") as bar:
        for batch in of_shard:
            along = integral(batch)
            if engine == "own":
                contributions, errors, nodes = along.integrate(path, tolerance, max_nodes)
            else:
                explain = libraries[engine]
                found = [explain(model, s.ids, along.start[:1], max_nodes) for s in batch]
                contributions, nodes = torch.from_numpy(np.stack(found)), [max_nodes] * len(batch)
                errors = along.missing(contributions.sum(1))
            for sentence, each, error in zip(batch, contributions, errors, strict=True):
                sentence.weigh(each.numpy(), float(error))
            worst = int(errors.argmax())
            if engine == "own" and errors[worst] > tolerance:
                raise InputError(
                    f"{corpus}: sentence_id {batch[worst].number}: completeness error "
                    f"{float(errors[worst]):.2g} after {nodes[worst]} nodes is above the tolerance "
                    f"of {tolerance:g}; raise max_nodes or tolerance, or take dtype float64"
                )
            spent += sum(nodes)
            missed += int((errors > tolerance).sum())
            bar.update(len(batch))
    logging.info("%.1f nodes a sentence", spent / max(len(weighed), 1))
    if missed:
        logging.info("%d sentences did not reach the tolerance of %g", missed, tolerance)
    write_weights(model, weighed, output_weights, of=sentences)


if __name__ == "__main__":
    run(main)
