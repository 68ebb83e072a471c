"""A table of another run, or made from what lies there no more, is refused."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from common.command import run
from common.contract import CORPUS
from common.tables import read_metadata, read_table


def script(name: object, *arguments: object) -> None:
    """Run a script's command line in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"scripts/{name}.py", *map(str, arguments)])
        run(importlib.import_module(str(name)).main)


def refusal(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    """The one line of a script that must stop."""
    with pytest.raises(SystemExit, match="1"):
        script(*command)
    lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(lines) == 1
    return lines[0]


def make(results: Path, seed: int, sentences: int = 5) -> None:
    """Two tables, the second made from the first."""
    corpora = results / "corpora"
    script(
        *("generate_corpus", "--output-corpus", corpora / "language.parquet"),
        *("--output-exact", corpora / "language.exact.parquet", "--form", "documents"),
        *("--size", 20, "--sentences", 2, 3, "--seed", seed),
    )
    script(
        *("select_sentences", corpora / "language.parquet", "--sentences", sentences, "--seed", 0),
        *("--output-corpus", corpora / "some.parquet"),
    )


def use(results: Path) -> list[object]:
    return [
        *("train_tokenizer", results / "corpora/some.parquet", "--model", "word"),
        *("--vocabulary", 100, "--positions", 32, "--output-tokenizer", results / "tokenizer"),
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs, of other seeds."""
    folder = tmp_path_factory.mktemp("results")
    make(folder / "a", 1)
    make(folder / "b", 2)
    return folder / "a", folder / "b"


def test_a_table_of_another_run_is_refused(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Path(shutil.copytree(runs[0], tmp_path / "ours"))
    script(*use(ours))
    shutil.copy(runs[1] / "corpora/some.parquet", ours / "corpora/some.parquet")
    line = refusal(capsys, *use(ours))
    assert f"{ours}/corpora/some.parquet: was made from another {ours}/corpora/language" in line
    assert "remove it and run again" in line


def test_what_goes_through_two_hands_is_traced(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tokenizer's folder tells its whole lineage, so its corpus's corpus may not change."""
    ours = Path(shutil.copytree(runs[0], tmp_path / "ours"))
    script(*use(ours))
    for name in ("language", "some"):
        shutil.copy(runs[1] / f"corpora/{name}.parquet", ours / f"corpora/{name}.parquet")
    counts = [f"--output-{kind}" for kind in ("tokens", "pairs", "lengths")]
    line = refusal(
        capsys,
        *("count_tokens", ours / "corpora/some.parquet", ours / "tokenizer"),
        *(word for name in counts for word in (name, ours / f"{name[9:]}.parquet")),
    )
    assert f"{ours}/tokenizer: was made from another {ours}/corpora/" in line


def test_a_moved_run_and_a_table_by_itself_are_fine(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(runs[0], tmp_path / "moved"))
    script(*use(moved))
    (tmp_path / "alone/corpora").mkdir(parents=True)
    shutil.copy(runs[0] / "corpora/some.parquet", tmp_path / "alone/corpora")
    script(*use(tmp_path / "alone"))


def test_the_seed_alone_decides_a_corpus(runs: tuple[Path, Path], tmp_path: Path) -> None:
    make(tmp_path / "again", 1)
    again, ours, other = (
        folder / "corpora/language.parquet" for folder in (tmp_path / "again", *runs)
    )
    assert read_table(again, CORPUS).equals(read_table(ours, CORPUS))
    assert not read_table(ours, CORPUS).equals(read_table(other, CORPUS))
    hashes = [read_metadata(path)["config_hash"] for path in (again, ours, other)]
    assert hashes[0] == hashes[1] != hashes[2]
