"""Scripts run on a command line, and small corpora to run them on."""

import contextlib
import dataclasses
import io
import logging
import os
import runpy
import subprocess
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
import torch
from forked_jobs import folder_of_python
from transformers import Trainer

from common.contract import CORPUS
from common.tables import write_table

ROOT = Path(__file__).parents[1]
WORDS = [
    *("the", "a", "boat", "sea", "sail", "wind", "cake", "flour", "oven"),
    *("sugar", "star", "moon", "planet", "orbit", "ran", "saw", "made", "held"),
]


def run_script(
    name: str, *arguments: object, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `scripts/<name>.py`; what it wrote is in stdout and stderr.

    In an environment of its own it is a process of its own, forked with libraries imported; else it
    runs here, as __main__ and with our modules imported anew: most of a short process is the import
    of libraries. Some tests of the workflow run scripts as whole processes.
    """
    words = [f"scripts/{name}.py", *map(str, arguments)]
    if environment is not None:
        command = [f"{folder_of_python()}/python", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        _as_in_a_process(words),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            runpy.run_path(words[0], run_name="__main__")
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
    return subprocess.CompletedProcess(words, code, stdout.getvalue(), stderr.getvalue())


def call(main: Callable[..., None], *arguments: object, **options: Any) -> None:
    """Call the `main` of a script with options as its command line has them: not in groups."""
    groups = {}
    for name, kind in typing.get_type_hints(main).items():
        if dataclasses.is_dataclass(kind):
            names = {field.name for field in dataclasses.fields(kind)} & set(options)
            groups[name] = kind(**{one: options.pop(one) for one in names})
    main(*arguments, **groups, **options)


@contextlib.contextmanager
def _as_in_a_process(words: list[str]) -> Iterator[None]:
    """Arguments, directory, log, environment, threads and modules of a script; then ours again."""
    own = {"common", *(path.stem for path in (ROOT / "scripts").glob("*.py"))}
    ours = {m: sys.modules.pop(m) for m in list(sys.modules) if m.split(".")[0] in own}
    root = logging.getLogger()
    handlers, level, threads = root.handlers[:], root.level, torch.get_num_threads()
    root.handlers.clear()
    try:
        with (
            mock.patch.object(sys, "argv", words),
            mock.patch.dict(os.environ),
            contextlib.chdir(ROOT),
        ):
            yield
    finally:
        for module in [m for m in sys.modules if m.split(".")[0] in own]:
            del sys.modules[module]
        sys.modules.update(ours)
        root.handlers[:] = handlers
        root.setLevel(level)
        torch.set_num_threads(threads)


def start_script(name: str, *arguments: object) -> subprocess.Popen[str]:
    """Start `scripts/<name>.py`, forked with libraries imported."""
    command = [f"{folder_of_python()}/python", f"scripts/{name}.py", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def kill_script(process: subprocess.Popen[str]) -> None:
    """Kill a started script; what was forked ends with it, and then lets go of the pipe."""
    process.kill()
    process.communicate()


class Stopped(Exception):
    """Stands for whatever ends a training after a checkpoint."""


@contextlib.contextmanager
def stopped_after(step: int) -> Iterator[None]:
    """Expect a training in the block to end at this step, when its checkpoint is whole."""
    save = Trainer._save_checkpoint

    def save_and_stop(trainer: Trainer, *arguments: object) -> None:
        save(trainer, *arguments)
        if trainer.state.global_step == step:
            raise Stopped

    with mock.patch.object(Trainer, "_save_checkpoint", save_and_stop), pytest.raises(Stopped):
        yield


def assert_runs(name: str, *arguments: object, environment: dict[str, str] | None = None) -> str:
    """Run a script that must end well; its log."""
    done = run_script(name, *arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


def assert_refuses(name: str, *arguments: object, environment: dict[str, str] | None = None) -> str:
    """Run a script that must stop with one line and exit code 1; that line."""
    done = run_script(name, *arguments, environment=environment)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


def write_corpus(path: Path, texts: list[str], sentences: int = 4, **columns: list) -> Path:
    """A corpus of `texts`, so many sentences a document, with optional columns."""
    number = np.arange(len(texts))
    frame = pl.DataFrame(
        {"document_id": number // sentences, "sentence_id": number, "text": texts, **columns}
    )
    if "side" in columns:
        frame = frame.with_columns(pl.col("side").cast(pl.Int8))
    write_table(frame, path, CORPUS)
    return path


def draw_texts(sentences: int, seed: int = 0) -> list[str]:
    """Random sentences of 3 to 9 words."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(3, 10))) for _ in range(sentences)]
