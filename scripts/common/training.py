"""What masked-LM and contrastive training share: their arguments, course and checkpoints."""

import logging
import shutil
import sys
import time
from collections.abc import Sized
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import transformers
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME

from common.command import InputError, provenance
from common.progress import SECONDS_BETWEEN_LINES

HELD_OUT_SHARE = 0.02
MOST_HELD_OUT = 2000
ROWS = 100
"""Rows of a training table, about."""


class Course(TrainerCallback):
    """Keeps the rows of the training table, and tells how far the training is."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}
        self.start = self.last = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Keep what the trainer reports."""
        names = {"loss": "loss", "eval_loss": "evaluation_loss", "learning_rate": "learning_rate"}
        found = {names[key]: float(value) for key, value in (logs or {}).items() if key in names}
        if not found:
            return
        now = time.monotonic()
        row = self.rows.setdefault(state.global_step, {})
        row |= {"epoch": state.epoch or 0.0, "seconds": now - self.start, **found}
        if now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            left = (now - self.start) * (state.max_steps / max(state.global_step, 1) - 1)
            told = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
            logging.info(
                "step %d of %d: %s, %.0f s left", state.global_step, state.max_steps, told, left
            )

    def table(self) -> pl.DataFrame:
        """The rows so far, as the training table of the contract."""
        columns = ("epoch", "loss", "evaluation_loss", "learning_rate", "seconds")
        return pl.DataFrame(
            [{"step": s, **{c: row.get(c) for c in columns}} for s, row in self.rows.items()],
            schema={"step": pl.Int64, **dict.fromkeys(columns, pl.Float64)},
        )


def arguments(checkpoints: Path, batch_size: int, device: str, **settings: Any) -> dict[str, Any]:
    """Training arguments that both trainers share; `settings` are added."""
    return {
        "output_dir": str(checkpoints / provenance().get("config_hash", "unnamed")[:16]),
        "per_device_train_batch_size": batch_size,
        "per_device_eval_batch_size": batch_size,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.05,
        "logging_steps": 1 / ROWS,
        "eval_strategy": "steps",
        "eval_steps": 0.1,
        "save_strategy": "steps",
        "save_steps": 0.1,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": not sys.stderr.isatty(),
        "use_cpu": device == "cpu",
        "dataloader_pin_memory": False,
        **settings,
    }


def prepare(seed: int) -> None:
    """Seed everything, and keep libraries quiet."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    set_seed(seed)


def train(trainer: Trainer) -> Course:
    """Train to the end, from the last checkpoint of these settings if there is one."""
    course = Course()
    trainer.add_callback(course)
    trainer.remove_callback(transformers.PrinterCallback)
    last = last_checkpoint(Path(trainer.args.output_dir or ""))
    if last:
        logging.info("goes on from %s", last)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return course


def last_checkpoint(directory: Path) -> Path | None:
    """The last whole checkpoint in `directory`: its state is what the trainer writes last."""
    whole = [state.parent for state in directory.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def forget_checkpoints(checkpoints: Path) -> None:
    """Remove the checkpoints of a training whose encoder is saved."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def held_out(examples: Sized, what: str) -> int:
    """How many of the examples are held out from training.

    Raises
    ------
    InputError
        Too few examples to train on.
    """
    if len(examples) < 10:
        raise InputError(f"{what}: {len(examples)} examples are too few to train on; at least 10")
    return min(max(int(len(examples) * HELD_OUT_SHARE), 1), MOST_HELD_OUT)
