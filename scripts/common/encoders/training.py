"""What masked-LM and contrastive training share: their arguments, course and checkpoints."""

import logging
import shutil
import sys
import time
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import torch
import transformers
from sentence_transformers.base.evaluation import BaseEvaluator
from torch import nn
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import ExportableState
from transformers.utils import is_torch_bf16_gpu_available

from common.command import InputError, provenance
from common.contract import TRAINING
from common.device import choose_device
from common.progress import SECONDS_BETWEEN_LINES

HELD_OUT_SHARE = 0.02
MOST_HELD_OUT = 2000
SMALL = 5_000_000
"""Parameters up to which a second thread gains nothing, so that it is left to another job."""
ROWS = 100
"""Rows of a training table, about."""
NAMES = {
    "loss": "loss",
    "eval_loss": "evaluation_loss",
    "eval_spearman_cosine": "development_spearman",
    "learning_rate": "learning_rate",
}
"""Columns of the training table by what the trainer calls them."""


class Course(TrainerCallback, ExportableState):
    """Keeps the rows of the training table, over interruptions, and logs how far the training is.

    Parameters
    ----------
    rows, seconds
        What a checkpoint holds of the course until then.
    """

    def __init__(self, rows: Sequence[dict[str, float]] = (), seconds: float = 0.0) -> None:
        self.rows = list(rows)
        self.last = time.monotonic()
        self.start = self.last - seconds

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: the arguments that make this course again."""
        seconds = time.monotonic() - self.start
        return {"args": {"rows": self.rows, "seconds": seconds}, "attributes": {}}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Report before a checkpoint, which does not hold the losses since the last report."""
        control.should_log |= control.should_save

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Keep what the trainer reports.

        One that goes on from its last checkpoint takes a step more, at a learning rate of 0, if its
        epochs are not whole.
        """
        measures = {NAMES[key]: float(value) for key, value in (logs or {}).items() if key in NAMES}
        if not measures or state.global_step > state.max_steps:
            return
        now = time.monotonic()
        if not self.rows or self.rows[-1]["step"] != state.global_step:
            self.rows.append({"step": state.global_step})
        self.rows[-1] |= {"epoch": state.epoch or 0.0, "seconds": now - self.start, **measures}
        if now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            left = (now - self.start) * (state.max_steps / max(state.global_step, 1) - 1)
            listed = ", ".join(f"{key} {value:.4g}" for key, value in measures.items())
            logging.info(
                "step %d of %d: %s, %.0f s left", state.global_step, state.max_steps, listed, left
            )

    def table(self) -> pl.DataFrame:
        """The rows so far, as the training table of the contract."""
        columns = [name for name in TRAINING.columns if name != "step"]
        return pl.DataFrame(
            [{"step": row["step"], **{c: row.get(c) for c in columns}} for row in self.rows],
            schema={"step": pl.Int64, **dict.fromkeys(columns, pl.Float64)},
        )


def arguments(
    checkpoints: Path,
    batch_size: int,
    device: str,
    evaluations: int = 10,
    evaluator: BaseEvaluator | None = None,
) -> dict[str, Any]:
    """Training arguments that both trainers share.

    Mixed precision on a GPU, bfloat16 where it has it. With an `evaluator` the checkpoint that it
    finds best is loaded at the end, else the last one stays.
    """
    on_gpu = choose_device(device) == "cuda"
    return {
        "output_dir": str(checkpoints / provenance().get("config_hash", "unnamed")[:16]),
        "per_device_train_batch_size": batch_size,
        "per_device_eval_batch_size": batch_size,
        "lr_scheduler_type": "linear",
        "logging_steps": 1 / ROWS,
        "eval_strategy": "steps",
        "eval_steps": 1 / evaluations,
        "save_strategy": "steps",
        "save_steps": 1 / evaluations,
        "save_total_limit": 1,
        "load_best_model_at_end": evaluator is not None,
        "metric_for_best_model": evaluator.primary_metric if evaluator else None,
        "restore_callback_states_from_checkpoint": True,
        "report_to": "none",
        "disable_tqdm": not sys.stderr.isatty(),
        "use_cpu": not on_gpu,
        "bf16": on_gpu and is_torch_bf16_gpu_available(),
        "fp16": on_gpu and not is_torch_bf16_gpu_available(),
        "dataloader_pin_memory": False,
    }


def prepare(seed: int) -> None:
    """Seed everything, and keep libraries quiet."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    set_seed(seed)


def train(trainer: Trainer) -> Course:
    """Train to the end, from the last checkpoint of these settings if there is one.

    The number of threads on a CPU is that of the size of the model, whatever there are: it changes
    the last bits, and training makes them grow.
    """
    assert isinstance(trainer.model, nn.Module)
    torch.set_num_threads(1 if sum(p.numel() for p in trainer.model.parameters()) <= SMALL else 2)
    trainer.add_callback(Course())
    trainer.remove_callback(transformers.PrinterCallback)
    last = last_checkpoint(Path(trainer.args.output_dir or ""))
    if last:
        logging.info("goes on from %s", last)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    if trainer.args.load_best_model_at_end:
        state = trainer.state
        logging.info("best checkpoint: step %d, %s", state.best_global_step, state.best_metric)
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, Course))


def last_checkpoint(directory: Path) -> Path | None:
    """The last whole checkpoint in `directory`: its state is what the trainer writes last."""
    states = directory.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")
    whole = [state.parent for state in states if _is_whole(state)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_whole(state: Path) -> bool:
    try:
        TrainerState.load_from_json(str(state))
    except ValueError:
        return False
    return True


def forget_checkpoints(checkpoints: Path) -> None:
    """Remove the checkpoints of a training whose encoder is saved, at once for whoever looks."""
    gone = checkpoints.with_name(f".gone-{checkpoints.name}")
    shutil.rmtree(gone, ignore_errors=True)
    if checkpoints.exists():
        checkpoints.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


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
