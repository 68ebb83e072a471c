"""Fine-tune a sentence encoder by a contrastive loss."""

from functools import partial
from pathlib import Path
from typing import Literal

from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

from common.command import run
from common.contract import TRAINING
from common.corpora.scored_pairs import read_scored_pairs
from common.encoders.contrastive import DevelopmentSet, cut_at, info_nce, load_base, with_head
from common.encoders.course import keep_course
from common.encoders.loading import prompt_of
from common.encoders.positives import draw_positives
from common.encoders.training import arguments, forget_checkpoints, held_out, prepare, train
from common.tables import whole, write_provenance, write_table


def main(
    base: Path,
    corpus: Path,
    *,
    output_encoder: Path,
    output_training: Path,
    output_checkpoints: Path,
    positives: Literal["adjacent", "dropout", "pairs", "triplets"],
    epochs: float,
    batch_size: int,
    learning_rate: float,
    temperature: float,
    seed: int,
    warmup: float = 0.05,
    evaluations: int = 10,
    examples: int | None = None,
    minimum_score: float | None = None,
    shuffle_positives: bool = False,
    pooling: str | None = None,
    head: Literal["none", "training", "kept"] = "none",
    checkpoints: int = 0,
    max_tokens: int | None = None,
    mini_batch_size: int | None = None,
    development: Path | None = None,
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
        The next sentence, the sentence under other dropout, side 1 of its pair; triplets: this, and
        side 2 as a hard negative.
    epochs
        Passes over the positives.
    batch_size
        Positives of a step; each has all the others as negatives.
    learning_rate
        Peak learning rate.
    temperature
        Divides the cosine.
    seed
        Seed of draw, order, head and dropout.
    warmup
        Share of the steps in which the learning rate rises, before it falls linearly.
    evaluations
        Evaluations on held-out positives and the development set, with a checkpoint each.
    examples
        Positives drawn from the corpus; all if left out.
    minimum_score
        Pairs with a lower score are no positives.
    shuffle_positives
        Give every anchor the positive of another: a control.
    pooling
        How token vectors become a sentence vector; as in the base if left out.
    head
        A layer with tanh after the pooling (Gao et al. 2021): none, in training, or kept.
    checkpoints
        Log-spaced steps at which the encoder is kept, in its folder course.
    max_tokens
        Tokens of a sentence in training at most; as many as the base takes if left out.
    mini_batch_size
        Sentences that pass the encoder at a time, by gradient caching; the batch if left out.
    development
        Scored pairs (Parquet); the checkpoint with the highest Spearman's rho on them is kept.
    device
        auto, cpu or cuda, which trains in mixed precision.
    """
    prepare(seed)
    examples_drawn = draw_positives(
        corpus,
        positives,
        minimum_score=minimum_score,
        shuffle=shuffle_positives,
        examples=examples,
        seed=seed,
    )
    parts = Dataset.from_dict(examples_drawn.to_dict(as_series=False)).train_test_split(
        max(held_out(examples_drawn, f"{corpus} (positives: {positives})"), 2), seed=seed
    )
    encoder = load_base(base, pooling, device)
    trained = encoder if head == "none" else with_head(encoder)
    saved = trained if head == "kept" else encoder
    pairs = read_scored_pairs(development, "a development set") if development else None
    evaluator = DevelopmentSet(pairs, saved) if pairs is not None else None
    trainer = SentenceTransformerTrainer(
        trained,
        SentenceTransformerTrainingArguments(
            **arguments(output_checkpoints, batch_size, device, evaluations, evaluator),
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            warmup_steps=warmup,
            seed=seed,
            batch_sampler="no_duplicates",
            prompts=prompt_of(encoder) or None,
        ),
        parts["train"],
        parts["test"],
        info_nce(trained, temperature, mini_batch_size),
        evaluator,
    )
    kept = keep_course(trainer, checkpoints, partial(saved.save, create_model_card=False))
    with cut_at(encoder, max_tokens):
        course = train(trainer)
    with whole(output_encoder) as unfinished:
        saved.save(str(unfinished), create_model_card=False)
        kept.move_into(unfinished)
        write_provenance(unfinished)
    write_table(course.table(), output_training, TRAINING)
    forget_checkpoints(output_checkpoints)


if __name__ == "__main__":
    run(main)
