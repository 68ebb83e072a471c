"""The course of a training: its encoder at log-spaced steps, each kept as one of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from common.command import InputError
from common.tables import remove, whole

FOLDER = "course"
"""Of an encoder's directory, in which its checkpoints lie by their place, from 1."""
STEPS = "steps.json"
"""File there: optimiser steps of each checkpoint, and of the encoder itself."""


def log_spaced(steps: int, count: int) -> list[int]:
    """So many steps before the last of `steps`, as even on a logarithmic axis as whole ones can be.

    Raises
    ------
    InputError
        There are not as many.
    """
    if count >= steps:
        raise InputError(
            f"{count} checkpoints of a training of {steps} steps; keep {steps - 1} at most"
        )
    chosen: list[int] = []
    for place in range(1, count + 1):
        even = round(steps ** (place / (count + 1)))
        chosen.append(max(even, chosen[-1] + 1 if chosen else 1))
    return chosen


class KeptCourse(TrainerCallback):
    """Saves the encoder of a training at `count` log-spaced steps, beside the trainer's own.

    What it saves is not in a directory of outputs, so that it outlives a killed job.
    """

    def __init__(self, count: int, save: Callable[[str], None], trainer_folder: Path) -> None:
        self.count, self.save = count, save
        self.folder = trainer_folder / FOLDER
        self.steps: list[int] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Choose the steps, now that the last one is known."""
        self.steps = [*log_spaced(state.max_steps, self.count), state.max_steps]

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save the encoder if it is one of the steps."""
        if state.global_step in self.steps[:-1]:
            with whole(self.folder / str(state.global_step)) as partial:
                self.save(str(partial))

    def move_into(self, encoder: Path) -> None:
        """Make the checkpoints part of a directory of the encoder."""
        if not self.count:
            return
        for place, step in enumerate(self.steps[:-1], 1):
            shutil.copytree(self.folder / str(step), encoder / FOLDER / str(place))
        (encoder / FOLDER / STEPS).write_text(json.dumps(self.steps))


def keep_course(trainer: Trainer, count: int, save: Callable[[str], None]) -> KeptCourse:
    """Have a trainer keep `count` checkpoints; `save` writes its encoder into a folder, named."""
    kept = KeptCourse(count, save, Path(trainer.args.output_dir or ""))
    if count:
        trainer.add_callback(kept)
    return kept


def take_checkpoint(encoder: Path, place: int, into: Path) -> None:
    """Copy a checkpoint, by its place from 1, out of the directory of a trained encoder.

    Raises
    ------
    InputError
        The encoder keeps none of this place.
    """
    kept = encoder / FOLDER / str(place)
    if not kept.is_dir():
        places = [folder for folder in (encoder / FOLDER).glob("*") if folder.is_dir()]
        raise InputError(
            f"{encoder}: keeps {len(places)} checkpoints of its training, none of place {place}; "
            "train it with more"
        )
    remove(into)
    shutil.copytree(kept, into)


def steps_of(encoder: Path) -> list[int]:
    """Optimiser steps of each checkpoint that an encoder keeps, and of the encoder itself."""
    steps: list[int] = json.loads((encoder / FOLDER / STEPS).read_text())
    return steps
