"""A results folder that is full, read-only or in the way: one line, and a rerun completes."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import assert_refuses, assert_runs, draw_texts, write_corpus
from tiny_encoder import build_tokenizer
from workflow import Workflow

from common.contract import CORPUS
from common.tables import read_table

pytestmark = pytest.mark.slow

Mount = Callable[[Path, str], None]


def mounted(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts a tmpfs with options on a folder, for the test."""
    folders: list[Path] = []

    def mount_on(folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if not mounted("-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
            pytest.skip("needs the right to mount a tmpfs")
        folders.append(folder)

    yield mount_on
    for folder in folders:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, but: int) -> Path:
    """Leave so many bytes free."""
    ballast = folder / "ballast"
    left = subprocess.run(["df", "-B1", "--output=avail", folder], capture_output=True, check=True)
    with ballast.open("wb") as file:
        file.write(bytes(max(int(left.stdout.split()[-1]) - but, 0)))
    return ballast


def told(run: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a script that stopped, and at the end again, behind its log's name."""
    assert run.returncode == 1
    output = run.stdout + run.stderr
    assert "Traceback" not in output, output
    return [line for line in output.splitlines() if ": error: " in line]


def test_a_full_disk_is_one_line_and_a_rerun_completes(tmp_path: Path, mount: Mount) -> None:
    workflow = Workflow(tmp_path)
    mount(tmp_path / "results", "size=8m")
    done = workflow.snakemake("--cores", "1", "results/tiny/corpora/held_out.parquet")
    assert done.returncode == 0, done.stderr
    earlier = workflow.results("corpora/held_out.parquet").read_bytes()
    ballast = fill(tmp_path / "results", 40_000)
    target = "results/tiny/corpora/language.parquet"
    lines = told(workflow.snakemake("--cores", "1", target))
    assert "No space left on device" in lines[0]
    assert lines[1:] == [f"results/tiny/logs/generate_corpus/language.log: {lines[0]}"]
    assert not (tmp_path / target).exists()
    assert workflow.results("corpora/held_out.parquet").read_bytes() == earlier
    ballast.unlink()
    rerun = workflow.snakemake("--cores", "1", "--rerun-incomplete", target)
    assert rerun.returncode == 0, rerun.stderr
    assert len(read_table(tmp_path / target, CORPUS)) > 100
    assert workflow.results("corpora/held_out.parquet").read_bytes() == earlier


@pytest.mark.parametrize("free", [60_000, 130_000])
def test_a_training_that_fills_the_disk_goes_on_when_there_is_room(
    tmp_path: Path, mount: Mount, free: int
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(300))
    tokenizer = tmp_path / "tokenizer"
    options = ("--model", "word", "--vocabulary", 100, "--positions", 32)
    assert_runs("train_tokenizer", corpus, "--output-tokenizer", tokenizer, *options)
    full = tmp_path / "full"
    mount(full, "size=8m")
    command: list[object] = ["pretrain_encoder", corpus, tokenizer]
    for name in ("encoder", "masked-lm", "training", "checkpoints"):
        command += [f"--output-{name}", full / name]
    command += ["--layers", 1, "--width", 16, "--heads", 2, "--positions", 32]
    command += ["--pooling", "mean", "--epochs", 2, "--batch-size", 16]
    command += ["--learning-rate", 0.001, "--mask-share", 0.15, "--seed", 1, "--device", "cpu"]
    ballast = fill(full, free)
    line = assert_refuses(*command)
    assert "space left" in line or "disk is full" in line
    assert not (full / "training").exists()
    ballast.unlink()
    assert_runs(*command)
    assert (full / "encoder/modules.json").exists()


def test_no_room_for_pairs_of_types_is_one_line(tmp_path: Path, mount: Mount) -> None:
    texts = draw_texts(300)
    corpus, tokenizer = write_corpus(tmp_path / "c.parquet", texts), tmp_path / "tokenizer"
    build_tokenizer(sorted(set(" ".join(texts).split()))).save_pretrained(tokenizer)
    mount(tmp_path / "small", "size=100k")
    fill(tmp_path / "small", 10_000)
    made = [f"--output-{kind}={tmp_path / kind}" for kind in ("tokens", "pairs", "lengths")]
    command = ("count_tokens", corpus, tokenizer, *made, "--block", 20, "--pairs-in-memory", 100)
    line = assert_refuses(*command, environment={"TMPDIR": str(tmp_path / "small")})
    assert f"{tmp_path / 'small'}: no room" in line
    assert "TMPDIR" in line
    assert not (tmp_path / "pairs").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, mount: Mount) -> None:
    workflow = Workflow(tmp_path)
    mount(tmp_path / "results", "ro,size=1m")
    run = workflow.snakemake("--cores", "1")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.count("results/tiny cannot be written") == 1
    assert "localrule" not in run.stdout + run.stderr
    line = assert_refuses(
        *("generate_corpus", "--output-corpus", tmp_path / "results/a.parquet"),
        *("--output-exact", tmp_path / "results/b.parquet", "--form", "documents"),
        *("--size", 2, "--sentences", 1, 2, "--seed", 0),
    )
    assert "Read-only file system" in line


def test_a_folder_in_the_place_of_a_table_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "corpus.parquet"
    folder.mkdir()
    (folder / "mine.txt").write_text("kept")
    line = assert_refuses(
        *("generate_corpus", "--output-corpus", folder, "--output-exact", tmp_path / "b.parquet"),
        *("--form", "documents", "--size", 2, "--sentences", 1, 2, "--seed", 0),
    )
    assert f"--output-corpus {folder}: a folder is there, a file would be written" in line
    assert (folder / "mine.txt").read_text() == "kept"
    assert not (tmp_path / "b.parquet").exists()
    line = assert_refuses(
        *("select_sentences", folder, "--output-corpus", tmp_path / "c.parquet", "--seed", 0)
    )
    assert f"{folder}: a folder, not a Parquet file; remove it and run again" in line
