"""Pre-train a small BERT by masked language modelling, from scratch."""

from functools import partial
from pathlib import Path
from typing import Literal

from datasets import Dataset
from transformers import DataCollatorForLanguageModeling, TrainingArguments

from common.command import run
from common.contract import CORPUS, TRAINING
from common.encoders.course import keep_course
from common.encoders.masked_lm import build_masked_lm, save_encoder, save_masked_lm
from common.encoders.masking import MaskingTrainer
from common.encoders.training import (
    arguments,
    forget_checkpoints,
    held_out,
    last_checkpoint,
    prepare,
    train,
)
from common.tables import read_table, whole, write_provenance, write_table
from common.tokens.vocabulary import load_tokenizer

WARMUP = 0.05
"""Share of the steps in which the learning rate rises."""
WEIGHT_DECAY = 0.1


def main(
    corpus: Path,
    tokenizer: Path,
    *,
    output_encoder: Path,
    output_masked_lm: Path,
    output_training: Path,
    output_checkpoints: Path,
    layers: int,
    width: int,
    heads: int,
    positions: int,
    pooling: str,
    epochs: float,
    batch_size: int,
    learning_rate: float,
    mask_share: float,
    seed: int,
    checkpoints: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Pre-train a small BERT by masked language modelling (Devlin et al. 2019), from scratch.

    A fiftieth of the sentences is held out; the loss is the mean surprisal of masked tokens (nats).

    Example: python scripts/pretrain_encoder.py corpus.parquet tokenizer --output-encoder encoder
    --output-masked-lm masked_lm --output-training training.parquet --output-checkpoints checkpoints
    --layers 2 --width 128 --heads 4 --positions 64 --pooling mean --epochs 3 --batch-size 128
    --learning-rate 0.001 --mask-share 0.15 --seed 0

    Parameters
    ----------
    corpus
        Sentences (Parquet).
    tokenizer
        Directory of the tokenizer.
    output_encoder
        Directory of the sentence encoder, for sentence-transformers.
    output_masked_lm
        Directory of the masked language model, for transformers.
    output_training
        Course of the training (Parquet).
    output_checkpoints
        Directory where a stopped training finds itself again.
    layers
        Transformer layers.
    width
        Hidden size; feed-forward layers are four times as wide.
    heads
        Attention heads.
    positions
        Tokens of a sentence at most, special tokens counted.
    pooling
        How token vectors become a sentence vector.
    epochs
        Passes over the sentences.
    batch_size
        Sentences of a step.
    learning_rate
        Peak learning rate.
    mask_share
        Share of tokens that are masked.
    seed
        Seed of weights, order and masks.
    checkpoints
        Log-spaced steps at which the encoder is kept, in its folder course.
    device
        auto, cpu or cuda.
    """
    prepare(seed)
    words = load_tokenizer(tokenizer)
    texts = read_table(corpus, CORPUS)["text"].to_list()
    ids = words(texts, truncation=True, max_length=positions)["input_ids"]
    parts = Dataset.from_dict({"input_ids": ids}).train_test_split(
        held_out(ids, str(corpus)), seed=seed
    )
    model = build_masked_lm(
        len(words), words.pad_token_id, layers=layers, width=width, heads=heads, positions=positions
    )
    trainer = MaskingTrainer(
        model,
        TrainingArguments(
            **arguments(output_checkpoints, batch_size, device),
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            warmup_steps=WARMUP,
            weight_decay=WEIGHT_DECAY,
            seed=seed,
            prediction_loss_only=True,
        ),
        DataCollatorForLanguageModeling(words, mlm_probability=mask_share),
        parts["train"],
        parts["test"],
    )
    if last := last_checkpoint(Path(trainer.args.output_dir or "")):
        trainer.go_on_from(last)
    save = partial(save_encoder, model, words, pooling)
    kept = keep_course(trainer, checkpoints, save)
    course = train(trainer)
    with whole(output_masked_lm) as unfinished:
        save_masked_lm(model, words, str(unfinished))
        write_provenance(unfinished)
    with whole(output_encoder) as unfinished:
        save(str(unfinished))
        kept.move_into(unfinished)
        write_provenance(unfinished)
    write_table(course.table(), output_training, TRAINING)
    forget_checkpoints(output_checkpoints)


if __name__ == "__main__":
    run(main)
