"""Fine-tune a sentence encoder by a contrastive loss."""

import logging
from pathlib import Path
from typing import Literal

from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from common.command import InputError, run
from common.contract import CORPUS, TRAINING
from common.positives import find_positives
from common.tables import read_table, whole, write_provenance, write_table
from common.training import arguments, forget_checkpoints, held_out, prepare, train


def main(
    base: Path,
    corpus: Path,
    *,
    output_encoder: Path,
    output_training: Path,
    output_checkpoints: Path,
    positives: Literal["adjacent", "dropout", "pairs"],
    epochs: float,
    batch_size: int,
    learning_rate: float,
    temperature: float,
    seed: int,
    examples: int | None = None,
    minimum_score: float | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Fine-tune a sentence encoder by InfoNCE over in-batch negatives (van den Oord et al. 2018).

    The loss is the cross entropy, in nats, of a positive among the batch by cosine / temperature.

    Example: python scripts/finetune_encoder.py encoder corpus.parquet --output-encoder finetuned
    --output-training training.parquet --output-checkpoints checkpoints --positives adjacent
    --epochs 1 --batch-size 128 --learning-rate 0.0005 --temperature 0.05 --seed 0

    Parameters
    ----------
    base
        Directory of the encoder to start from.
    corpus
        Sentences that hold the positives (Parquet).
    output_encoder
        Directory of the fine-tuned encoder.
    output_training
        Course of the training (Parquet).
    output_checkpoints
        Directory where a stopped training finds itself again.
    positives
        The next sentence, the sentence under other dropout, or the other side of its pair.
    epochs
        Passes over the positives.
    batch_size
        Positives of a step; each has all the others as negatives.
    learning_rate
        Peak learning rate.
    temperature
        Divides the cosine.
    seed
        Seed of draw, order and dropout.
    examples
        Positives drawn from the corpus; all if left out.
    minimum_score
        Pairs with a lower score are no positives.
    device
        auto, cpu or cuda.
    """
    prepare(seed)
    try:
        found = find_positives(read_table(corpus, CORPUS), positives, minimum_score)
    except InputError as error:
        raise InputError(f"{corpus}: {error}") from error
    if examples is not None and examples < len(found):
        found = found.sample(examples, seed=seed)
    logging.info("%d positives (%s)", len(found), positives)
    parts = Dataset.from_dict(found.to_dict(as_series=False)).train_test_split(
        max(held_out(found, f"{corpus} (positives: {positives})"), 2), seed=seed
    )
    encoder = SentenceTransformer(str(base), device=None if device == "auto" else device)
    trainer = SentenceTransformerTrainer(
        encoder,
        SentenceTransformerTrainingArguments(
            **arguments(output_checkpoints, batch_size, device),
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            seed=seed,
            batch_sampler="no_duplicates",
        ),
        parts["train"],
        parts["test"],
        MultipleNegativesRankingLoss(encoder, scale=1 / temperature),
    )
    course = train(trainer)
    with whole(output_encoder) as partial:
        encoder.save(str(partial), create_model_card=False)
        write_provenance(partial)
    write_table(course.table(), output_training, TRAINING)
    forget_checkpoints(output_checkpoints)


if __name__ == "__main__":
    run(main)
