"""Scripts run as a person runs them, and small corpora to run them on."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

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
    """Run `scripts/<name>.py`; what it wrote is in stdout and stderr."""
    return subprocess.run(
        [sys.executable, f"scripts/{name}.py", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def kill_after_checkpoint(checkpoints: Path, name: str, *arguments: object) -> None:
    """Start `scripts/<name>.py`, a training, and kill it when its first checkpoint is whole."""
    command = [sys.executable, f"scripts/{name}.py", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not list(checkpoints.glob("*/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9


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
