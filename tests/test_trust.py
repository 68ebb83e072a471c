"""What others wrote is data: no code of theirs runs, no shell reads it, and no secret is told."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from commands import ROOT, WORDS, assert_refuses
from safetensors.torch import load_file
from tiny_encoder import build_encoder
from workflow import TINY, Workflow

from common.contract import CORPUS
from common.tables import read_table

NAMES = [
    "a blank.txt",
    "quo'te\".txt",
    "semi; touch harm;.txt",
    "$(touch harm).txt",
    "`touch harm`.txt",
    "-rf.txt",
    "--output-corpus=harm.txt",
    "star*.txt",
    "| tee harm & #.txt",
    "tab\tand \\ backslash.txt",
    "über-ÅÉ.txt",
]
COLUMNS = ["-c", "--documents", "$(touch harm)", "a; touch harm", "it's", "{w}", "two words"]


@pytest.mark.slow
def test_names_of_files_and_columns_are_words_and_no_commands(tmp_path: Path) -> None:
    """Any user's file, in a directory with a hostile name; each makes its corpus in one run."""
    directory = tmp_path / "it's; touch harm $(touch harm)"
    directory.mkdir()
    config: dict[str, Any] = copy.deepcopy(TINY)
    for place, name in enumerate(NAMES):
        (directory / name).write_text(f"file {place}\n")
        config["corpora"][f"text{place}"] = {"source": "file", "files": [name]}
    for place, column in enumerate(COLUMNS):
        pl.DataFrame({column: ["one"], "b": ["two"], "-s": [0.5]}).write_csv(
            directory / f"{place}.csv"
        )
        config["corpora"][f"column{place}"] = {
            "source": "file",
            "files": [f"{place}.csv"],
            "text_columns": [column, "b"],
            "score_column": "-s",
        }
    workflow = Workflow(directory, config)
    made = {
        **{f"text{place}": [f"file {place}"] for place in range(len(NAMES))},
        **{f"column{place}": ["one", "two"] for place in range(len(COLUMNS))},
    }
    targets = [f"results/tiny/corpora/{name}.parquet" for name in made]
    done = workflow.snakemake("--cores", "2", *targets)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    for name, texts in made.items():
        corpus = read_table(workflow.results(f"corpora/{name}.parquet"), CORPUS)
        assert corpus["text"].to_list() == texts
    assert not list(tmp_path.rglob("harm"))


class Harm:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("module", ["", "2_Dense"])
def test_pickles_of_a_local_encoder_are_read_as_tensors_only(tmp_path: Path, module: str) -> None:
    source = build_encoder(tmp_path / "source", WORDS, dense=8)
    folder = source / module
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({**tensors, "harm": Harm()}, folder / "pytorch_model.bin")
    line = assert_refuses(
        *("import_encoder", source, "--output-encoder", tmp_path / "e", "--pooling", "mean")
    )
    assert str(source) in line
    assert not (ROOT / "harmed").exists()
    assert not (tmp_path / "e").exists()


def test_code_beside_a_local_encoder_is_refused(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "source", WORDS)
    settings = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(
        json.dumps(settings | {"auto_map": {"AutoModel": "harm.Model"}})
    )
    (source / "harm.py").write_text("open('harmed', 'w')")
    line = assert_refuses(
        *("import_encoder", source, "--output-encoder", tmp_path / "e", "--pooling", "mean")
    )
    assert "auto_map" in line
    assert not (ROOT / "harmed").exists()
