"""Evaluate a sentence encoder on scored pairs."""

import logging
from pathlib import Path
from typing import Literal

import polars as pl
import torch
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from common.command import run
from common.contract import COLLAPSED, ENCODERS
from common.corpora.scored_pairs import read_scored_pairs
from common.device import choose_device
from common.encoders.loading import load_encoder
from common.tables import write_table


def alignment(left: torch.Tensor, right: torch.Tensor) -> float:
    """Mean squared distance of positives on the unit sphere (Wang and Isola 2020, with alpha = 2).

    Parameters
    ----------
    left, right
        Unit vectors of the two sides, shape (pairs, d).
    """
    return (left - right).square().sum(dim=1).mean().item()


def uniformity(points: torch.Tensor) -> float:
    """Log mean of exp(-2 |x - y|^2) over pairs of points (Wang and Isola 2020, t = 2).

    Parameters
    ----------
    points
        Unit vectors, shape (n, d).
    """
    return torch.pdist(points).square().mul(-2).exp().mean().log().item()


def mean_cosine(points: torch.Tensor) -> float:
    """Mean cosine of two different ones of unit vectors (n, d)."""
    total = points.double().sum(dim=0).square().sum() - len(points)
    return (total / (len(points) * (len(points) - 1))).item()


def main(
    encoder: Path,
    corpus: Path,
    *,
    output_evaluation: Path,
    name: str,
    corpus_name: str,
    positive_score: float,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Evaluate a sentence encoder: Spearman's rho of cosine and score, alignment, uniformity.

    Warns of an encoder that has collapsed, whose embeddings are all alike.

    Example: python scripts/evaluate_encoder.py encoder sts.parquet --output-evaluation e.parquet
    --name adjacent --corpus-name sts --positive-score 4

    Parameters
    ----------
    encoder
        Directory of the encoder.
    corpus
        Pairs of sentences, scored (Parquet).
    output_evaluation
        One row of the table of encoders (Parquet).
    name
        Name of the encoder in the table.
    corpus_name
        Name of the corpus in the table.
    positive_score
        Pairs with at least this score are the positives of alignment.
    device
        auto, cpu or cuda.
    """
    pairs = read_scored_pairs(corpus, "evaluation")
    model = load_encoder(encoder, choose_device(device))
    first, second, scores = (pairs[c].to_list() for c in ("first", "second", "score"))
    evaluator = EmbeddingSimilarityEvaluator(
        first, second, scores, write_csv=False, main_similarity="cosine"
    )
    spearman = evaluator(model)["spearman_cosine"]
    points = {
        text: vector
        for texts in (first, second)
        for text, vector in zip(
            texts,
            model.encode(texts, convert_to_tensor=True, normalize_embeddings=True).cpu(),
            strict=True,
        )
    }
    vectors = torch.stack(list(points.values()))
    positives = [i for i, score in enumerate(scores) if score >= positive_score]
    cosine = mean_cosine(vectors)
    row = {
        "encoder": name,
        "corpus": corpus_name,
        "pairs": len(pairs),
        "sts_spearman": float(spearman),
        "alignment": alignment(
            torch.stack([points[first[i]] for i in positives]),
            torch.stack([points[second[i]] for i in positives]),
        )
        if positives
        else None,
        "uniformity": uniformity(vectors),
        "mean_cosine": cosine,
    }
    if cosine > COLLAPSED:
        logging.warning(
            "%s has collapsed: the mean cosine of two sentences is %.3f; its weights mean little",
            encoder,
            cosine,
        )
    write_table(pl.DataFrame([row]), output_evaluation, ENCODERS)


if __name__ == "__main__":
    run(main)
