"""Weigh the tokens of sentences by Shapley values."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from common.attribution import batches, read_sentences, write_weights
from common.coalitions import Exact, plan_coalitions
from common.command import InputError, run
from common.encoders import Encoder
from common.progress import progress


def evaluate(
    model: Encoder, ids: np.ndarray, present: np.ndarray, absent: str, batch_tokens: int
) -> np.ndarray:
    """Embeddings [m, d], float64, of tokens `ids` [m, n] of which only `present` [m, n] are there.

    Absent tokens become the mask or pad token, or are dropped by the attention mask.
    """
    parts = []
    substitute = None if absent == "drop" else model.token_id(absent)
    size = max(1, batch_tokens // ids.shape[1])
    for k in range(0, len(ids), size):
        tokens, here = torch.from_numpy(ids[k : k + size]), torch.from_numpy(present[k : k + size])
        if substitute is None:
            part = model.embed(model.embeddings(tokens), here.long().to(model.device))
        else:
            part = model.embed(model.embeddings(tokens.where(here, torch.tensor(substitute))))
        parts.append(part.double().cpu().numpy())
    return np.concatenate(parts)


def main(
    encoder: Path,
    corpus: Path,
    *,
    output_weights: Path,
    absent: Literal["mask", "pad", "drop"],
    exact_up_to: int,
    evaluations: int,
    seed: int,
    normalize: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    batch_tokens: int = 16384,
) -> None:
    """Weigh every token of a corpus by the norm of its Shapley value, in embedding units.

    The players are the tokens that are not special; special tokens are always there and weigh 0
    (Lundberg and Lee 2017).

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
        Table of weights, one row a token; error is the sentence's relative efficiency error where
        all coalitions were enumerated, the token's standard error where they were sampled.
    absent
        What stands for an absent token: the mask or pad token, or nothing (attention mask).
    exact_up_to
        Tokens up to which all coalitions are enumerated; longer sentences are sampled.
    evaluations
        Coalitions of a sampled sentence, at most where two antithetic pairs fit in.
    normalize
        Explain the embedding after its L2 normalisation, if the encoder has one.
    seed
        Every sentence draws from it and its sentence_id.
    device
        Where tensors live; auto takes a GPU where there is one.
    batch_tokens
        Tokens of a batch; memory grows with it, results do not depend on it.
    """
    model = Encoder(encoder, device=device, normalize=normalize)
    sentences = read_sentences(model, corpus)
    if absent == "drop" and not all(any(s.special) for s in sentences):
        raise InputError(
            f"{encoder}: adds no special tokens, so not all can be dropped; use mask or pad"
        )

    exact, over = 0, 0
    with torch.no_grad(), progress("estimate_shapley", len(sentences), "sentences") as bar:
        for batch in batches(sentences, max(1, batch_tokens // evaluations)):
            plans, ids, present = [], [], []
            for sentence in batch:
                player = ~np.array(sentence.special)
                plan = plan_coalitions(
                    int(player.sum()),
                    exact_up_to=exact_up_to,
                    evaluations=evaluations,
                    generator=np.random.default_rng([seed, sentence.number]),
                )
                there = np.ones((len(plan.coalitions), len(player)), dtype=bool)
                there[:, player] = plan.coalitions
                plans.append(plan)
                present.append(there)
                ids.append(np.tile(sentence.ids, (len(there), 1)))
                exact += isinstance(plan, Exact)
                over += not isinstance(plan, Exact) and len(there) > evaluations
            values = evaluate(
                model, np.concatenate(ids), np.concatenate(present), absent, batch_tokens
            )
            ends = np.cumsum([len(plan.coalitions) for plan in plans])[:-1]
            for sentence, plan, part in zip(batch, plans, np.split(values, ends), strict=True):
                contributions, error = plan.solve(part)
                player = ~np.array(sentence.special)
                sentence.weight, sentence.error = np.zeros(len(player)), np.zeros(len(player))
                sentence.weight[player] = np.linalg.norm(contributions, axis=1)
                sentence.error[player] = error
            bar.update(len(batch))
    logging.info("%d sentences exact, %d sampled", exact, len(sentences) - exact)
    if over:
        logging.info(
            "%d sentences took more than %d evaluations: two pairs need it", over, evaluations
        )
    write_weights(model, sentences, output_weights)


if __name__ == "__main__":
    run(main)
