"""Masked-LM training that masks the same tokens whether or not it was interrupted."""

import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME, TrainerState

STATES = "masks.pth"
"""File of a checkpoint: what the masks of the next two batches are drawn from."""


class MaskingTrainer(Trainer):
    """A trainer whose checkpoints know the masks of the batch that is made ahead of its step.

    The library makes each batch while the one before it trains. So at a checkpoint the next batch
    has its masks, drawn before what the checkpoint keeps of the generator; a training that goes on
    within an epoch would draw others for it, and for the batch after it.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        settings: TrainingArguments,
        masking: DataCollatorForLanguageModeling,
        trained_on: Dataset,
        held_out: Dataset,
    ) -> None:
        super().__init__(model, settings, masking, trained_on, held_out)
        self.masking = masking
        self.steps_in_epoch = math.ceil(len(trained_on) / settings.train_batch_size)
        self.drawn_from: Tensor | None = None
        self.next_states: list[Tensor] = []

    def get_train_dataloader(self) -> DataLoader:
        """Batches whose masks are drawn in turn, the first from the states of a checkpoint."""
        self.data_collator = self._mask
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = self.masking

    def _mask(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        if self.next_states:
            torch.set_rng_state(self.next_states.pop(0))
        self.drawn_from = torch.get_rng_state()
        return self.masking(examples)

    def go_on_from(self, checkpoint: Path) -> None:
        """Draw the masks of the two batches after a checkpoint as if nothing had come between."""
        steps = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)).global_step
        if steps % self.steps_in_epoch:
            self.next_states = torch.load(checkpoint / STATES)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        torch.save([self.drawn_from, torch.get_rng_state()], Path(output_dir) / STATES)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        drawn = torch.get_rng_state()
        super()._load_rng_state(checkpoint)
        # within an epoch, the library comes here after two batches, or the last one, are made
        if self.drawn_from is not None and not self.next_states:
            torch.set_rng_state(drawn)
        self.next_states = []
